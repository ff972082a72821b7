#include "environments/embedded/traffic_effects.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/systems/calls.hpp"

#include <cmath>

namespace remed::env {

namespace {

/// File operations a database does for one request, by their FUSE methods.
constexpr const char* database_operations[] = {"read", "write"};

/// Share of the requests that find a full heap just before its collectors are through.
constexpr double starved_requests = 0.2;

double share_of(const effect& e) {
  return e.params.value("percent", 100.0) / 100;
}

double both(double a, double b) {
  return 1 - (1 - a) * (1 - b);
}

void add_network(const effect& e, flow_container& out) {
  flow_filter f;
  if (e.kind == "net_delay") {
    f.delay_ms = e.params.value("ms", 0.0);
    f.jitter_ms = e.params.value("jitter_ms", 0.0);
  } else if (e.kind == "net_loss" || e.kind == "net_corrupt") {
    f.loss = share_of(e); // a damaged packet fails its checksum and is sent again
  } else if (e.kind == "net_partition") {
    f.cut = true;
  }
  const auto& peers = at_path(e.params, {"peers"});
  if (peers.is_array()) {
    for (const auto& one : peers) f.peers.push_back(one.get<std::string>());
    out.filters.push_back(std::move(f));
    return;
  }
  out.delay_ms += f.delay_ms;
  out.jitter_ms += f.jitter_ms;
  out.loss = both(out.loss, f.loss);
  out.partitioned = out.partitioned || f.cut;
  const auto rate = e.params.value("bytes_per_s", 0.0);
  if (rate > 0) out.bytes_per_s = out.bytes_per_s > 0 ? std::min(out.bytes_per_s, rate) : rate;
}

/// Whether a program that is not root can no longer use a file: it is another's or no longer its to
/// read and write, seems to be of another kind, or of another length.
bool bars_a_user(const effect& e) {
  if (!meets_method(e, "getattr")) return false;
  const auto& attr = at_path(e.params, {"attr"});
  constexpr int read_and_write = 0600;
  const auto perm = int_at(attr, {"perm"}, read_and_write);
  return (perm & read_and_write) != read_and_write || attr.contains("kind") ||
         attr.contains("size") || attr.contains("uid");
}

/// Only what keeps its data in files feels its volume.
void add_volume(const effect& e, const service_profile* profile, flow_container& out) {
  if (!profile || profile->runtime != "mysql") return;
  for (const auto* method : database_operations) {
    if (!meets_method(e, method)) continue;
    if (e.kind == "io_delay") out.io_delay_ms += e.params.value("ms", 0.0) * share_of(e);
    if (e.kind == "io_fault" || e.kind == "io_mistake") {
      out.failure = both(out.failure, share_of(e));
    }
  }
  if (e.kind == "io_attr" && bars_a_user(e)) out.failure = both(out.failure, share_of(e));
}

/// Byteman's rules at a method that each request passes.
void add_rule(const effect& e, flow_container& out) {
  auto action = e.params.value("action", "");
  double sleep = e.params.value("latency", 0.0);
  const auto rule = e.params.value("ruleData", "");
  if (action == "ruleData") {
    const auto at = rule.find("Thread.sleep(");
    if (at != std::string::npos) sleep = std::strtod(rule.c_str() + at + 13, nullptr);
    if (rule.find("throw ") != std::string::npos) action = "exception";
  }
  const bool throws =
      action == "exception" || (action == "mysql" && e.params.contains("exception"));
  if (throws) out.failure = 1;
  // Whoever asks for memory while the heap is full gets an OutOfMemoryError.
  if (e.params.value("memType", "") == "heap") out.failure = both(out.failure, starved_requests);
  out.app_ms += sleep;
}

/// A proxy's rules for users' requests: for the service's work, not for its health path.
void add_proxy(const effect& e, const json& pod, const std::string& container,
               flow_container& out) {
  proxied r;
  r.port = e.params.value("port", 0);
  bool listens = false;
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    if (text_at(one, {"name"}) != container) continue;
    for (const auto& port : at_path(one, {"ports"})) {
      listens = listens || int_at(port, {"containerPort"}) == r.port;
    }
    const auto path = text_at(e.params, {"selector", "path"});
    if (!path.empty() && path == text_at(one, {"readinessProbe", "httpGet", "path"})) return;
  }
  const auto method = text_at(e.params, {"selector", "method"});
  const auto& code = at_path(e.params, {"selector", "code"});
  if (!listens || (!method.empty() && method != "GET")) return;
  if (code.is_number() && code != 200) return;
  const auto& actions = at_path(e.params, {"actions"});
  const auto& replaced = at_path(actions, {"replace", "code"});
  const bool error = replaced.is_number() && replaced >= 500;
  if (actions.value("abort", false) || error) out.proxy_failure = 1;
  out.proxy_ms += e.params.value("delay_ms", 0.0);
}

} // namespace

void add_effect(const effect& e, const json& pod, const std::string& container,
                const service_profile* profile, flow_container& out) {
  if (e.kind.rfind("net_", 0) == 0) return add_network(e, out);
  if (e.kind == "dns_fault" && profile) {
    const auto suffix = "." + text_at(pod, {"metadata", "namespace"}) + ".svc.cluster.local";
    each_call(*profile, [&](const auto& call) {
      const bool lost = names_pattern(at_path(e.params, {"patterns"}), call.to + suffix);
      if (lost) out.lost_names.push_back(call.to);
      return false;
    });
  }
  if (e.container != container) return;
  if (e.kind.rfind("io_", 0) == 0) add_volume(e, profile, out);
  if (e.kind == "kernel_fault") {
    out.failure = both(out.failure, e.params.value("probability", 0.0) / 100);
  }
  if (e.kind == "jvm_rule") add_rule(e, out);
  if (e.kind == "http_fault") add_proxy(e, pod, container, out);
}

} // namespace remed::env
