// What a cluster consists of, member by member. A test fails when a struct grows and its list does
// not.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/snapshot/codec.hpp"
#include "environments/embedded/traffic.hpp"

namespace remed::env {

FIELDS(object_key, ns, name)
FIELDS(cluster_event, actor, key)
FIELDS(cluster_options, oom_group_kill, version)
FIELDS(audit_entry, at, user, verb, resource, subresource, ns, name, status, before, after)
FIELDS(effect, kind, params, lives_in, ns, pod, pod_uid, container, instance, source, since)
FIELDS(effect_end, id, what, why, at)

FIELDS(process_info, pid, ppid, user, comm, args, rss_bytes, threads, effect, started)
FIELDS(log_line, at, text, is_error)
FIELDS(termination, reason, message, exit_code, started, finished, container_id)
FIELDS(probe_state, successes, failures, result, next, parked, last_message)
FIELDS(stop_order, why, ends_at, exit_code)
FIELDS(awaited_service, host, path, port, again)
FIELDS(stored_file, content, executable)
FIELDS(container_runtime, name, init, sidecar, ephemeral, handles_term, serves, own_port,
       interactive, image, image_id, container_id, spec_image, instance, phase, reason, message,
       due, not_before, started_at, serving_at, hook_until, hook_failed, exits_at, exit_code,
       awaits, stopping, ended, last, restarts, backoff, backoff_at, pull_backoff, ready, started,
       readiness, liveness, startup, processes, next_pid, shown_effects, log, previous_log,
       said_until, files, log_count)
FIELDS(pod_runtime, uid, ns, name, ip, sandbox, sandbox_ready_at, sandbox_up, accepted_at, mounted,
       mount_next, mount_told, mount_backoff, sources, stale_since, volume_files, terminating,
       end_reason, end_message, gone_at, containers)

using profile_call = service_profile::call;
using profile_route = service_profile::route;
FIELDS(profile_call, to, per_request, timeout_s, required, retries)
FIELDS(profile_route, path, share, calls)
FIELDS(service_profile, name, service, runtime, cpu_ms, idle_millicores, memory_mib, start_seconds,
       latency_ms, spread, inferred, threads, calls, routes)
FIELDS(system_profile, name, manifests, services, entry, load_rps, users, think_s, slo_success,
       slo_p95_ms, targets, targets_by_fault, context)
FIELDS(flow_filter, peers, delay_ms, jitter_ms, loss, cut)
FIELDS(flow_container, pod, cores, node_cores, hog_threads, hog_load, delay_ms, jitter_ms, loss,
       io_delay_ms, partitioned, listening, address, filters, bytes_per_s, app_ms, failure,
       proxy_ms, proxy_failure, lost_names)
FIELDS(flow_service, resolvable, endpoints)
FIELDS(traffic_segment, from, success_rate, p50_ms, p95_ms, rps)
FIELDS(usage_sample, from, cores, bytes)
FIELDS(usage_history, ns, pod, container, started, samples)
FIELDS(flow_segment, from, flow)
FIELDS(app_traffic, profile, input, past)
FIELDS(traffic_state, system, apps, stale, timeline, recent, usage, effects_seen, chance, noise,
       conditions)

/// The structs whose lists stand above.
using snapshot_structs =
    std::tuple<object_key, cluster_event, cluster_options, audit_entry, effect, effect_end,
               process_info, log_line, termination, probe_state, stop_order, awaited_service,
               stored_file, container_runtime, pod_runtime, profile_call, profile_route,
               service_profile, system_profile, flow_filter, flow_container, flow_service,
               traffic_segment, usage_sample, usage_history, flow_segment, app_traffic,
               traffic_state>;

/// All members of the classes. What is left out is code, callbacks, what can be told from the rest,
/// and the history that watches resume from.
struct snapshot_access {
  template <class Q, class T>
  static constexpr bool is = std::is_same_v<std::remove_const_t<Q>, T>;

  template <class Q>
  requires is<Q, cluster>
  static auto members(Q& c) {
    using namespace snapshots;
    return std::tuple{left_out{c.rules_},
                      saved{"options", c.options_},
                      saved{"now", c.now_},
                      saved{"random", c.random_},
                      saved{"store", c.store_},
                      saved{"queue", c.queue_},
                      saved{"effects", c.effects_},
                      saved{"ended", c.ended_},
                      saved{"next_effect", c.next_effect_},
                      saved{"node", c.node_},
                      saved{"traffic", c.traffic_},
                      saved{"memory", c.memory_},
                      saved{"audit", c.audit_},
                      left_out{c.on_change_},
                      left_out{c.writer_}};
  }
  template <class Q>
  requires is<Q, store>
  static auto members(Q& s) {
    using namespace snapshots;
    return std::tuple{saved{"tables", s.tables_}, left_out{s.owner_}, left_out{s.history_},
                      saved{"revision", s.revision_}, left_out{s.forgets_}};
  }
  template <class Q>
  requires is<Q, event_queue>
  static auto members(Q& q) {
    using namespace snapshots;
    return std::tuple{saved{"events", q.events_},
                      saved{"earliest", q.earliest_},
                      saved{"sequence", q.sequence_},
                      left_out{q.base_},
                      left_out{q.rest_},
                      left_out{q.left_}};
  }
  template <class Q>
  requires is<Q, lazy_flow>
  static auto members(Q& f) {
    using namespace snapshots;
    return std::tuple{saved{"system", f.system_}, saved{"input", f.input_}, saved{"seed", f.seed_},
                      left_out{f.calls_},         left_out{f.rates_},       left_out{f.users_},
                      left_out{f.services_},      left_out{f.whole_}};
  }
  template <class Q>
  requires is<Q, node_state>
  static auto members(Q& n) {
    using namespace snapshots;
    return std::tuple{saved{"pods", n.pods_},    saved{"names", n.names_},
                      left_out{n.owner_},        saved{"addresses", n.addresses_},
                      left_out{n.edited_},       saved{"last_address", n.last_address_},
                      saved{"images", n.images_}};
  }
  template <class Q>
  requires is<Q, node_state::slot>
  static auto members(Q& s) {
    using namespace snapshots;
    return std::tuple{saved{"pod", s.pod}, left_out{s.owner}};
  }

  /// Whether every member of the classes above is listed.
  static bool is_complete(const cluster& c) {
    auto whole = [](const auto& x) { return snapshots::layout_size(members(x)) == sizeof(x); };
    return whole(c) && whole(c.store_) && whole(*c.queue_) && whole(*c.node_) &&
           whole(lazy_flow{}) && whole(node_state::slot{});
  }
};

} // namespace remed::env
