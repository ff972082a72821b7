// DaemonSet: one pod on each node that wants it, replaced node by node.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/daemon/daemon_pods.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/pods.hpp"
#include "environments/embedded/controllers/revisions.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "daemonset-controller";
constexpr const char* table = "daemonsets.apps";
constexpr const char* hash_label = "controller-revision-hash";

std::string name_of(const json& obj) {
  return text_at(obj, {"metadata", "name"});
}

/// One pass over one DaemonSet.
class pass {
public:
  pass(cluster& c, object set, std::string key)
      : c_(c), set_(std::move(set)), key_(std::move(key)) {}

  void run() {
    auto known = revisions_of(c_, *set_);
    auto revision = present_revision(c_, *set_, known, hash_label);
    hash_ = text_at(*revision, {"metadata", "labels", hash_label});
    nodes_ = c_.objects().list("nodes");
    look();
    if (!is_deleting(*set_)) {
      manage();
      look();
      if (text_at(*set_, {"spec", "updateStrategy", "type"}, "RollingUpdate") == "RollingUpdate") {
        roll();
      }
      trim(*revision);
    }
    write_status();
  }

private:
  using per_node = std::map<std::string, std::vector<object>>;

  void look() {
    on_node_.clear();
    for (const auto& pod : claim(c_, "pods", *set_, at_path(*set_, {"spec", "selector"}))) {
      on_node_[daemon_node(*pod)].push_back(pod);
    }
    for (auto& [node, pods] : on_node_) {
      std::stable_sort(pods.begin(), pods.end(), [](const auto& a, const auto& b) {
        return text_at(*a, {"metadata", "creationTimestamp"}) <
               text_at(*b, {"metadata", "creationTimestamp"});
      });
    }
  }

  bool is_updated(const json& pod) const {
    return text_at(pod, {"metadata", "labels", hash_label}) == hash_;
  }

  bool is_available(const object& pod) {
    vtime later{};
    auto least = std::chrono::seconds{int_at(*set_, {"spec", "minReadySeconds"})};
    bool yes = pod_is_available(*pod, least, c_.now(), &later);
    if (later > c_.now()) c_.schedule(later - c_.now(), actor, key_);
    return yes;
  }

  bool create(const std::string& node) {
    std::string why;
    if (create_pod(c_, *set_, daemon_pod(*set_, node, hash_), actor, &why)) {
      succeeded(c_, actor, key_);
      return true;
    }
    retry_later(c_, actor, key_);
    return false;
  }

  void remove(const json& pod) { delete_pod(c_, *set_, key_of(pod), actor); }

  /// Ended pods are replaced; true when one was.
  bool clear_ended(const json& pod, const std::string& node) {
    auto phase = text_at(pod, {"status", "phase"});
    if (is_deleting(pod) || (phase != "Failed" && phase != "Succeeded")) return false;
    auto id = text_at(pod, {"metadata", "namespace"}) + "/" + name_of(pod);
    if (phase == "Failed") {
      c_.record_event(
          *set_, "Warning", "FailedDaemonPod",
          "Found failed daemon pod " + id + " on node " + node + ", will try to kill it",
          std::string(actor));
    } else {
      c_.record_event(
          *set_, "Normal", "SucceededDaemonPod",
          "Found succeeded daemon pod " + id + " on node " + node + ", will try to delete it",
          std::string(actor));
    }
    remove(pod);
    return true;
  }

  bool node_exists(const std::string& name) const {
    return std::any_of(nodes_.begin(), nodes_.end(),
                       [&](const auto& node) { return name_of(*node) == name; });
  }

  void manage() {
    for (const auto& node : nodes_) {
      auto name = name_of(*node);
      auto wish = daemon_wanted(*set_, *node);
      const auto& pods = on_node_[name];
      if (wish.runs && pods.empty()) {
        if (!create(name)) return;
      } else if (wish.stays) {
        keep_one(pods, name);
      } else {
        for (const auto& pod : pods) {
          if (!is_deleting(*pod)) remove(*pod);
        }
      }
    }
    for (const auto& [node, pods] : on_node_) {
      // Bound to a node that is gone: nobody else removes what was never started there.
      for (const auto& pod : pods) {
        if (!node_exists(node) && !is_deleting(*pod)) remove(*pod);
      }
    }
  }

  /// More than one that lives: the oldest stays, besides the pair of a surge.
  void keep_one(const std::vector<object>& pods, const std::string& node) {
    std::vector<object> alive;
    for (const auto& pod : pods) {
      if (!clear_ended(*pod, node) && !is_deleting(*pod)) alive.push_back(pod);
    }
    if (surge() > 0 && alive.size() == 2 && is_updated(*alive[0]) != is_updated(*alive[1])) return;
    for (std::size_t i = 1; i < alive.size(); ++i) remove(*alive[i]);
  }

  std::int64_t wanted_nodes() const {
    return std::count_if(nodes_.begin(), nodes_.end(),
                         [&](const auto& node) { return daemon_wanted(*set_, *node).runs; });
  }
  const json& rules() const { return at_path(*set_, {"spec", "updateStrategy", "rollingUpdate"}); }
  std::int64_t surge() const {
    return scaled_value(at_path(rules(), {"maxSurge"}), wanted_nodes(), true, 0);
  }
  std::int64_t unavailable() const {
    auto n = scaled_value(at_path(rules(), {"maxUnavailable"}), wanted_nodes(), true, 1);
    return n == 0 && surge() == 0 ? 1 : n;
  }

  /// The living pod of the new and of an old template on a node.
  std::pair<object, object> new_and_old(const std::vector<object>& pods) const {
    object fresh, old;
    for (const auto& pod : pods) {
      if (is_deleting(*pod)) continue;
      (is_updated(*pod) ? fresh : old) = pod;
    }
    return {fresh, old};
  }

  void roll() {
    if (surge() > 0)
      roll_by_surge();
    else
      roll_by_gap();
  }

  /// Old pods go first, never more at once than may be missing.
  void roll_by_gap() {
    std::int64_t missing = 0;
    std::vector<object> sick, candidates;
    for (const auto& node : nodes_) {
      if (!daemon_wanted(*set_, *node).runs) continue;
      auto [fresh, old] = new_and_old(on_node_[name_of(*node)]);
      if (fresh) {
        missing += !is_available(fresh);
      } else if (!old) {
        ++missing;
      } else if (!is_available(old)) {
        ++missing;
        sick.push_back(old);
      } else {
        candidates.push_back(old);
      }
    }
    for (const auto& pod : sick) remove(*pod);
    auto room = std::max<std::int64_t>(0, unavailable() - missing);
    for (const auto& pod : candidates) {
      if (room-- <= 0) break;
      remove(*pod);
    }
  }

  /// New pods come first; an old one goes when the new one is available.
  void roll_by_surge() {
    std::int64_t extra = 0;
    std::vector<std::string> at_once, candidates;
    for (const auto& node : nodes_) {
      if (!daemon_wanted(*set_, *node).runs) continue;
      auto name = name_of(*node);
      auto [fresh, old] = new_and_old(on_node_[name]);
      if (!old) continue;
      if (fresh && is_available(fresh)) {
        remove(*old);
      } else if (fresh) {
        ++extra;
      } else {
        (is_available(old) ? candidates : at_once).push_back(name);
      }
    }
    for (const auto& name : at_once) create(name);
    auto room = surge() - extra;
    for (const auto& name : candidates) {
      if (room-- <= 0) break;
      create(name);
    }
  }

  void trim(const json& present) {
    std::vector<std::string> live{name_of(present)};
    for (const auto& [node, pods] : on_node_) {
      for (const auto& pod : pods) {
        live.push_back(name_of(*set_) + "-" + text_at(*pod, {"metadata", "labels", hash_label}));
      }
    }
    trim_revisions(c_, *set_, live);
  }

  void write_status() {
    look();
    std::int64_t desired = 0, current = 0, stray = 0, ready = 0, updated = 0, available = 0;
    for (const auto& node : nodes_) {
      const auto& pods = on_node_[name_of(*node)];
      bool runs = daemon_wanted(*set_, *node).runs;
      desired += runs;
      if (pods.empty()) continue;
      if (!runs) {
        ++stray;
        continue;
      }
      ++current;
      // Of a surge's pair the younger one counts.
      auto [fresh, old] = new_and_old(pods);
      const auto& pod = fresh ? fresh : pods.front();
      ready += pod_is_ready(*pod);
      available += pod_is_ready(*pod) && is_available(pod);
      updated += is_updated(*pod);
    }
    auto status = json::object();
    status["currentNumberScheduled"] = current;
    status["numberMisscheduled"] = stray;
    status["desiredNumberScheduled"] = desired;
    status["numberReady"] = ready;
    status["observedGeneration"] = int_at(*set_, {"metadata", "generation"}, 1);
    if (updated) status["updatedNumberScheduled"] = updated;
    if (available) status["numberAvailable"] = available;
    if (desired > available) status["numberUnavailable"] = desired - available;
    if (status == at_path(*set_, {"status"})) return;
    auto now = *set_;
    now["status"] = std::move(status);
    c_.put(table, std::move(now));
  }

  cluster& c_;
  object set_;
  std::string key_, hash_;
  std::vector<object> nodes_;
  per_node on_node_;
};

class daemonset_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == table) {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      notify_owners(c, seen, actor, "DaemonSet", table);
    } else if (seen.resource == "nodes" && is_news(seen)) {
      for (const auto& one : c.objects().list(table)) {
        c.schedule(duration{0}, actor, key_text(key_of(*one)));
      }
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto set = c.objects().get(table, parse_key(key));
    if (set) pass(c, set, key).run();
  }

private:
  static bool is_news(const change& seen) {
    return !seen.before || seen.what == change::type::deleted ||
           at_path(*seen.before, {"spec"}) != at_path(*seen.now, {"spec"}) ||
           at_path(*seen.before, {"metadata", "labels"}) !=
               at_path(*seen.now, {"metadata", "labels"});
  }
};

} // namespace

std::shared_ptr<const controller> make_daemonset_controller() {
  return std::make_shared<daemonset_controller>();
}

} // namespace remed::env
