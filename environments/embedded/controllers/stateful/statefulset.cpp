// StatefulSet: members with names and storage of their own, made, replaced and removed in order.
#include "environments/embedded/api/admission.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/pods.hpp"
#include "environments/embedded/controllers/revisions.hpp"
#include "environments/embedded/controllers/stateful/identity.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "statefulset-controller";
constexpr const char* table = "statefulsets.apps";
constexpr const char* revision_label = "controller-revision-hash";

std::string name_of(const json& obj) {
  return text_at(obj, {"metadata", "name"});
}

std::string revision_of(const json& pod) {
  return text_at(pod, {"metadata", "labels", revision_label});
}

bool is_up(const object& pod) {
  return pod && text_at(*pod, {"status", "phase"}) == "Running" && pod_is_ready(*pod);
}

struct member {
  std::int64_t ordinal = 0;
  object pod; ///< none: it is to be made
};

/// One pass over one StatefulSet (defaultStatefulSetControl.updateStatefulSet).
class pass {
public:
  pass(cluster& c, object set, std::string key)
      : c_(c), set_(std::move(set)), key_(std::move(key)) {}

  void run() {
    name_ = name_of(*set_);
    find_revisions();
    status_ = count();
    if (!is_deleting(*set_)) {
      sort_members();
      keep_claims();
      if (work_on_members() && work_on_condemned()) roll();
    }
    write_status();
    trim();
  }

private:
  std::int64_t wanted() const { return int_at(*set_, {"spec", "replicas"}, 1); }
  std::int64_t first() const { return int_at(*set_, {"spec", "ordinals", "start"}); }
  std::int64_t partition() const {
    return int_at(*set_, {"spec", "updateStrategy", "rollingUpdate", "partition"});
  }
  bool ordered() const { return text_at(*set_, {"spec", "podManagementPolicy"}) != "Parallel"; }
  bool rolling() const {
    return text_at(*set_, {"spec", "updateStrategy", "type"}, "RollingUpdate") == "RollingUpdate";
  }
  duration min_ready() const {
    return std::chrono::seconds{int_at(*set_, {"spec", "minReadySeconds"})};
  }

  bool is_available(const object& pod) {
    vtime later{};
    bool yes = is_up(pod) && pod_is_available(*pod, min_ready(), c_.now(), &later);
    if (later > c_.now()) c_.schedule(later - c_.now(), actor, key_);
    return yes;
  }

  void event(bool ok, const std::string& reason, const std::string& message) {
    c_.record_event(*set_, ok ? "Normal" : "Warning", reason, message, std::string(actor));
  }

  void find_revisions() {
    auto known = revisions_of(c_, *set_);
    update_ = present_revision(c_, *set_, known, "controller.kubernetes.io/hash");
    auto named = text_at(*set_, {"status", "currentRevision"});
    current_ = update_;
    for (const auto& one : known) {
      if (name_of(*one) == named) current_ = one;
    }
    pods_ = claim(c_, "pods", *set_, at_path(*set_, {"spec", "selector"}),
                  [&](const json& pod) { return ordinal_of(name_, name_of(pod)).has_value(); });
  }

  json count() {
    std::int64_t total = 0, ready = 0, available = 0, current = 0, updated = 0;
    for (const auto& pod : pods_) {
      ++total;
      ready += is_up(pod);
      available += is_available(pod);
      if (is_deleting(*pod)) continue;
      current += revision_of(*pod) == name_of(*current_);
      updated += revision_of(*pod) == name_of(*update_);
    }
    auto out = json::object();
    out["observedGeneration"] = int_at(*set_, {"metadata", "generation"}, 1);
    out["replicas"] = total;
    out["availableReplicas"] = available;
    if (ready) out["readyReplicas"] = ready;
    if (current) out["currentReplicas"] = current;
    if (updated) out["updatedReplicas"] = updated;
    out["currentRevision"] = name_of(*current_);
    out["updateRevision"] = name_of(*update_);
    out["collisionCount"] = int_at(*set_, {"status", "collisionCount"});
    return out;
  }

  void sort_members() {
    for (auto i = first(); i < first() + wanted(); ++i) members_.push_back({i, nullptr});
    for (const auto& pod : pods_) {
      auto ordinal = ordinal_of(name_, name_of(*pod));
      if (!ordinal) continue;
      auto place = *ordinal - first();
      if (place >= 0 && place < wanted())
        members_[static_cast<std::size_t>(place)].pod = pod;
      else
        condemned_.push_back({*ordinal, pod});
    }
    std::sort(condemned_.begin(), condemned_.end(),
              [](const auto& a, const auto& b) { return a.ordinal > b.ordinal; });
    for (const auto& one : members_) {
      if (!first_sick_ && one.pod && !is_up(one.pod)) first_sick_ = one.pod;
    }
    for (auto one = condemned_.rbegin(); one != condemned_.rend(); ++one) {
      if (!first_sick_ && !is_up(one->pod)) first_sick_ = one->pod;
    }
  }

  void keep_claims() {
    if (at_path(*set_, {"spec", "volumeClaimTemplates"}).empty()) return;
    for (const auto& one : members_) {
      if (one.pod) retain_claims(c_, *set_, *one.pod, one.ordinal, false);
    }
    for (const auto& one : condemned_) retain_claims(c_, *set_, *one.pod, one.ordinal, true);
  }

  /// Whether a new member is still of the current revision, or of the new one.
  bool is_of_current(std::int64_t ordinal) const {
    if (!rolling()) return false;
    if (at_path(*set_, {"spec", "updateStrategy", "rollingUpdate", "partition"}).is_null()) {
      return ordinal < first() + int_at(status_, {"currentReplicas"});
    }
    return ordinal < first() + partition();
  }

  bool have_claims(std::int64_t ordinal, const std::string& pod) {
    for (auto& claim : stateful_claims(*set_, ordinal)) {
      auto key = key_of(claim);
      if (c_.objects().get("persistentvolumeclaims", key)) continue;
      auto complete = prepared(c_, "persistentvolumeclaims", std::move(claim));
      auto what = "create Claim " + key.name + " Pod " + pod + " in StatefulSet " + name_;
      if (auto ok = admit(c_, "persistentvolumeclaims", complete); !ok) {
        event(false, "FailedCreate",
              what + " failed error: persistentvolumeclaims \"" + key.name +
                  "\" is forbidden: " + ok.why().what);
        return false;
      }
      c_.put("persistentvolumeclaims", std::move(complete));
      event(true, "SuccessfulCreate", what + " success");
    }
    return true;
  }

  bool create(const member& one) {
    bool old = is_of_current(one.ordinal);
    const auto& revision = old ? current_ : update_;
    auto pod_template = at_path(*revision, {"data", "spec", "template"});
    pod_template.erase("$patch");
    auto draft = stateful_pod(*set_, pod_template, name_of(*revision), one.ordinal);
    auto name = name_of(draft);
    auto what = "create Pod " + name + " in StatefulSet " + name_;
    if (!have_claims(one.ordinal, name)) return false;
    auto made = admit_pod(c_, std::move(draft));
    if (!made) {
      event(false, "FailedCreate", what + " failed error: " + made.why().what);
      return false;
    }
    event(true, "SuccessfulCreate", what + " successful");
    retain_claims(c_, *set_, **made, one.ordinal, false);
    status_["replicas"] = int_at(status_, {"replicas"}) + 1;
    const char* field =
        name_of(*revision) == name_of(*current_) ? "currentReplicas" : "updatedReplicas";
    status_[field] = int_at(status_, {field}) + 1;
    if (name_of(*update_) == name_of(*current_))
      status_["updatedReplicas"] = status_["currentReplicas"];
    return true;
  }

  void remove(const json& pod) {
    delete_object(c_, "pods", key_of(pod));
    event(true, "SuccessfulDelete",
          "delete Pod " + name_of(pod) + " in StatefulSet " + name_ + " successful");
  }

  /// False: an earlier member has to get somewhere first.
  bool work_on_members() {
    for (const auto& one : members_) {
      if (!one.pod) {
        if (!create(one)) {
          retry_later(c_, actor, key_);
          return false;
        }
        succeeded(c_, actor, key_);
        if (ordered()) return false;
        continue;
      }
      auto phase = text_at(*one.pod, {"status", "phase"});
      if ((phase == "Failed" || phase == "Succeeded") && !is_deleting(*one.pod)) {
        replace_ended(*one.pod, phase);
        return false;
      }
      if (!ordered()) continue;
      if (is_deleting(*one.pod) || !is_available(one.pod)) return false;
    }
    return true;
  }

  void replace_ended(const json& pod, const std::string& phase) {
    auto ns = text_at(pod, {"metadata", "namespace"});
    auto who = "StatefulSet " + ns + "/" + name_;
    if (phase == "Failed")
      event(false, "RecreatingFailedPod", who + " is recreating failed Pod " + name_of(pod));
    else
      event(true, "RecreatingTerminatedPod", who + " is recreating terminated Pod " + name_of(pod));
    remove(pod);
  }

  bool work_on_condemned() {
    for (const auto& one : condemned_) {
      if (is_deleting(*one.pod)) {
        if (ordered()) return false;
        continue;
      }
      bool waits = ordered() && !is_available(one.pod) && one.pod != first_sick_;
      if (waits) return false;
      remove(*one.pod);
      if (ordered()) return false;
    }
    return true;
  }

  /// The highest ordinal that is not of the new revision goes, once all above it are healthy.
  void roll() {
    if (!rolling()) return;
    for (auto one = members_.rbegin(); one != members_.rend(); ++one) {
      if (one->ordinal < first() + partition()) return;
      if (!one->pod) return;
      if (revision_of(*one->pod) != name_of(*update_) && !is_deleting(*one->pod)) {
        remove(*one->pod);
        return;
      }
      if (is_deleting(*one->pod) || !is_available(one->pod)) return;
    }
  }

  void write_status() {
    auto total = int_at(status_, {"replicas"});
    bool done = rolling() && int_at(status_, {"updatedReplicas"}) == total &&
                int_at(status_, {"readyReplicas"}) == total;
    if (done) {
      if (total) status_["currentReplicas"] = total;
      status_["currentRevision"] = name_of(*update_);
    }
    if (status_ == at_path(*set_, {"status"})) return;
    auto now = *set_;
    now["status"] = status_;
    c_.put(table, std::move(now));
  }

  void trim() {
    std::vector<std::string> live{name_of(*current_), name_of(*update_)};
    for (const auto& pod : pods_) live.push_back(revision_of(*pod));
    trim_revisions(c_, *set_, live);
  }

  cluster& c_;
  object set_;
  std::string key_, name_;
  object current_, update_, first_sick_;
  std::vector<object> pods_;
  std::vector<member> members_, condemned_;
  json status_;
};

class statefulset_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == table) {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      notify_owners(c, seen, actor, "StatefulSet", table);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto set = c.objects().get(table, parse_key(key));
    if (set) pass(c, set, key).run();
  }
};

} // namespace

std::shared_ptr<const controller> make_statefulset_controller() {
  return std::make_shared<statefulset_controller>();
}

} // namespace remed::env
