// One simulated Kubernetes cluster, as a value: objects, what runs on its node, what is wrong, what
// is due. Fork copies it in time independent of its size. Single-threaded: a cluster belongs to one
// world. Nothing here reads the machine's clock or any randomness but its own.
#pragma once

#include "environments/embedded/effects.hpp"
#include "environments/embedded/event_queue.hpp"
#include "environments/embedded/forked.hpp"
#include "environments/embedded/store.hpp"
#include "runtime/random.hpp"
#include "runtime/time.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::env {

class cluster;
struct node_state; // environments/embedded/node/state.hpp: sandboxes, containers, processes, logs
struct traffic_state; // environments/embedded/traffic.hpp: load, timeline, metrics samples

/// Reconciles one kind of thing. Stateless and shared by all forks: all state is in the cluster.
class controller {
public:
  virtual ~controller() = default;
  virtual std::string_view name() const = 0;
  /// The component it is part of: the manager of the fields it writes.
  virtual std::string_view component() const { return "kube-controller-manager"; }
  /// A write happened: enqueue what to look at. Called synchronously after each store write.
  virtual void observe(cluster& c, const change& seen) const = 0;
  /// Bring the thing named by `key` nearer to what is wanted.
  virtual void reconcile(cluster& c, const std::string& key) const = 0;
};

struct identity; // api_server.hpp

/// What a webhook is asked about, beside the object.
struct admission_request {
  const cluster& c;
  const identity& who;
  const json* before = nullptr; ///< none: the object is being created
};

/// Mutates or refuses an object before it is written; a failure's text is sent as Kubernetes sends
/// it: `admission webhook "NAME" denied the request: TEXT`.
struct admission {
  std::string name; ///< webhook name
  resource_name resource;
  std::function<result<void>(const admission_request&, json& now)> review;
};

/// What only a whole cluster shares and no fork changes.
struct cluster_rules {
  std::vector<std::shared_ptr<const controller>> controllers;
  std::vector<admission> admissions;
};

/// How the machine under the cluster behaves.
struct cluster_options {
  bool oom_group_kill = true; ///< cgroup v2, Kubernetes >= 1.28: an OOM kills the whole container
  std::string version = "v1.31.5";
};

/// One API write or read of interest, with its author.
struct audit_entry {
  vtime at{};
  std::string user;
  std::string verb; ///< get, list, watch, create, update, patch, delete, exec …
  resource_name resource;
  std::string subresource, ns, name;
  int status = 0;
  object before, after; ///< only for writes that changed something
};

class cluster {
public:
  cluster(std::shared_ptr<const cluster_rules> rules, cluster_options options, vtime start,
          std::uint64_t seed);
  ~cluster();
  cluster& operator=(const cluster&) = delete;

  /// An independent copy with its own randomness from now on. Watchers are not copied.
  std::unique_ptr<cluster> fork(std::uint64_t seed) const;

  // -- time
  vtime now() const { return now_; }
  /// When something is due next, or none.
  std::optional<vtime> next_event() const { return queue_->next(); }
  /// Lets virtual time pass up to `t`, handling everything due, in order.
  void advance_to(vtime t);
  /// Handles everything due now: after a write, so that its consequences are seen.
  void settle() { advance_to(now_); }
  void schedule(duration after, std::string_view actor, std::string key);
  /// Moves the calendar before anything ran or right after a fork: shifts now, objects keep times.
  void set_now(vtime t) { now_ = t; }

  // -- objects
  const store& objects() const { return store_; }
  /// Writes through: tells the controllers and watchers.
  object put(const resource_name& resource, json value);
  object erase(const resource_name& resource, const object_key& key);
  /// No client watches, now or later: what its objects were is not kept. Not copied by fork.
  void forget_changes() { store_.forget_changes(); }
  /// Called after each write, for watches of the API server; not copied by fork.
  void on_change(std::function<void(const change&)> callback) { on_change_ = std::move(callback); }

  // -- effects
  const effect_table& effects() const { return effects_; }
  std::uint64_t add_effect(effect e);
  void end_effect(std::uint64_t id, std::string why);
  const std::vector<effect_end>& ended_effects() const { return ended_; }

  // -- what runs
  node_state& node() { return *node_; }
  const node_state& node() const { return *node_; }
  traffic_state& traffic() { return *traffic_; }
  const traffic_state& traffic() const { return *traffic_; }

  // -- memory of controllers
  /// What a controller's process keeps in its memory, by controller and key: recent decisions,
  /// counters of failures. Copied by forks, never seen through the API; null until written.
  json& memory(std::string_view actor, const std::string& key);
  void forget(std::string_view actor, const std::string& key);

  // -- books
  std::vector<audit_entry>& audit() { return audit_; }
  const std::vector<audit_entry>& audit() const { return audit_; }
  random_source& random() { return random_; }
  /// The component whose controller runs now; empty: a client writes.
  std::string_view writer() const { return writer_; }
  const cluster_rules& rules() const { return *rules_; }
  const cluster_options& options() const { return options_; }

  /// Records a core/v1 Event about an object, aggregated by (object, reason, message) as the
  /// recorder of client-go does (count, lastTimestamp).
  void record_event(const json& about, const std::string& type, const std::string& reason,
                    const std::string& message, const std::string& component);

private:
  friend struct snapshot_access;
  cluster(const cluster& other);
  void tell(const change& seen);

  std::shared_ptr<const cluster_rules> rules_;
  cluster_options options_;
  vtime now_;
  random_source random_;
  store store_;
  forked<event_queue> queue_;
  effect_table effects_;
  std::vector<effect_end> ended_;
  std::uint64_t next_effect_ = 1;
  std::unique_ptr<node_state> node_;
  std::unique_ptr<traffic_state> traffic_;
  std::map<std::pair<std::string, std::string>, json> memory_;
  std::vector<audit_entry> audit_;
  std::function<void(const change&)> on_change_;
  std::string_view writer_; ///< component of the controller that runs now; empty: a client
};

} // namespace remed::env
