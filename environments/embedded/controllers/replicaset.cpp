// ReplicaSet and its elder, ReplicationController: as many pods of the template as wanted.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/pods.hpp"
#include "environments/embedded/controllers/with_status.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::size_t burst = 500; // pods created or deleted in one go

/// The two kinds differ in names only.
struct kind_of_set {
  std::string_view actor, kind;
  const char* table;
};
constexpr kind_of_set replica_sets{"replicaset-controller", "ReplicaSet", "replicasets.apps"};
constexpr kind_of_set replication_controllers{"replication-controller", "ReplicationController",
                                              "replicationcontrollers"};

class pass {
public:
  pass(cluster& c, const kind_of_set& kind, object set, std::string key)
      : c_(c), kind_(kind), set_(std::move(set)), key_(std::move(key)) {}

  void run() {
    look();
    if (!is_deleting(*set_)) {
      const auto before = c_.objects().revision();
      adjust();
      if (c_.objects().revision() != before) look();
    }
    write_status();
  }

private:
  void look() {
    pods_ = claim(c_, "pods", *set_, selector_of(*set_), pod_is_active);
    std::erase_if(pods_, [](const auto& pod) { return !pod_is_active(*pod); });
  }

  void adjust() {
    auto wanted = static_cast<std::size_t>(int_at(*set_, {"spec", "replicas"}, 1));
    if (pods_.size() < wanted) {
      grow(std::min(wanted - pods_.size(), burst));
    } else if (pods_.size() > wanted) {
      auto doomed = pods_;
      sort_for_deletion(doomed, related_pods(), c_.now());
      doomed.resize(std::min(doomed.size() - wanted, burst));
      for (const auto& pod : doomed) delete_pod(c_, *set_, key_of(*pod), kind_.actor);
    }
  }

  void grow(std::size_t n) {
    auto draft = pod_draft(*set_, at_path(*set_, {"spec", "template"}));
    for (; n > 0; --n) {
      if (create_pod(c_, *set_, draft, kind_.actor, &failure_)) continue;
      retry_later(c_, kind_.actor, key_);
      return;
    }
    succeeded(c_, kind_.actor, key_);
  }

  /// The pods of all sets of the same owner: crowded nodes give up theirs first.
  std::vector<object> related_pods() const {
    const auto& own = facts_of(set_);
    if (own.owner.empty()) return pods_;
    std::vector<object> out;
    for (const auto& set : c_.objects().list(kind_.table, parse_key(key_).ns)) {
      const auto& known = facts_of(set);
      if (known.owner_mark != own.owner_mark || known.owner != own.owner) continue;
      for (auto& pod : owned(c_, "pods", *set)) {
        if (pod_is_active(*pod)) out.push_back(std::move(pod));
      }
    }
    return out;
  }

  void write_status() {
    auto least = std::chrono::seconds{int_at(*set_, {"spec", "minReadySeconds"})};
    int ready = 0, available = 0, labeled = 0;
    const auto& labels = at_path(*set_, {"spec", "template", "metadata", "labels"});
    for (const auto& pod : pods_) {
      vtime later{};
      ready += pod_is_ready(*pod);
      available += pod_is_available(*pod, least, c_.now(), &later);
      if (later > c_.now()) c_.schedule(later - c_.now(), kind_.actor, key_);
      labeled += selects_by_map(labels, at_path(*pod, {"metadata", "labels"}));
    }
    auto status = json::object();
    status["replicas"] = pods_.size();
    status["observedGeneration"] = int_at(*set_, {"metadata", "generation"}, 1);
    if (labeled) status["fullyLabeledReplicas"] = labeled;
    if (ready) status["readyReplicas"] = ready;
    if (available) status["availableReplicas"] = available;
    auto conditions = conditions_now();
    if (!conditions.empty()) status["conditions"] = std::move(conditions);
    if (at_path(*set_, {"status"}) == status) return;
    c_.put(kind_.table, with_status(*set_, std::move(status)));
  }

  /// ReplicaFailure stands while pods cannot be made.
  json conditions_now() const {
    auto out = json::array();
    for (const auto& one : at_path(*set_, {"status", "conditions"})) {
      if (text_at(one, {"type"}) != "ReplicaFailure") out.push_back(one);
    }
    if (failure_.empty()) return out;
    const auto& before = condition_of(*set_, "ReplicaFailure");
    auto one = json::object();
    one["type"] = "ReplicaFailure";
    one["status"] = "True";
    one["reason"] = "FailedCreate";
    // The generated name in the text differs with each attempt: the first one is kept.
    one["message"] = before.is_null() ? failure_ : text_at(before, {"message"});
    one["lastTransitionTime"] =
        before.is_null() ? rfc3339(c_.now()) : text_at(before, {"lastTransitionTime"});
    out.push_back(std::move(one));
    return out;
  }

  cluster& c_;
  const kind_of_set& kind_;
  object set_;
  std::string key_, failure_;
  std::vector<object> pods_;
};

class replica_controller final : public controller {
public:
  explicit replica_controller(const kind_of_set& kind) : kind_(kind) {}
  std::string_view name() const override { return kind_.actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == kind_.table) {
      c.schedule(duration{0}, kind_.actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      notify_owners(c, seen, kind_.actor, kind_.kind, kind_.table);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto set = c.objects().get(kind_.table, parse_key(key));
    if (set) pass(c, kind_, set, key).run();
  }

private:
  const kind_of_set& kind_;
};

} // namespace

std::shared_ptr<const controller> make_replicaset_controller() {
  return std::make_shared<replica_controller>(replica_sets);
}

std::shared_ptr<const controller> make_replication_controller() {
  return std::make_shared<replica_controller>(replication_controllers);
}

} // namespace remed::env
