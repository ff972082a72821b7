// Taint eviction: pods leave nodes with NoExecute taints, as late as they tolerate.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/controllers/scheduler/node_fit.hpp"

#include <algorithm>
#include <optional>

namespace remed::env {

namespace {

constexpr std::string_view actor = "taint-eviction-controller";

std::vector<json> no_execute(const json& node) {
  std::vector<json> out;
  for (const auto& one : at_path(node, {"spec", "taints"})) {
    if (text_at(one, {"effect"}) == "NoExecute") out.push_back(one);
  }
  return out;
}

/// How long the pod may stay; none: for ever.
std::optional<duration> tolerated_for(const json& pod, const std::vector<json>& taints) {
  std::optional<duration> out;
  for (const auto& taint : taints) {
    if (!is_tolerated(pod, taint)) return duration{0};
    for (const auto& one : at_path(pod, {"spec", "tolerations"})) {
      const auto& limit = at_path(one, {"tolerationSeconds"});
      if (!limit.is_number() || !tolerates(one, taint)) continue;
      duration d = std::chrono::seconds{std::max<std::int64_t>(0, limit.get<std::int64_t>())};
      out = out ? std::min(*out, d) : d;
    }
  }
  return out;
}

void evict(cluster& c, const json& pod, const std::string& key) {
  c.record_event(pod, "Normal", "TaintManagerEviction", "Marking for deletion Pod " + key,
                 std::string(actor));
  auto now = pod;
  auto one = json::object();
  one["type"] = "DisruptionTarget";
  one["status"] = "True";
  one["reason"] = "DeletionByTaintManager";
  one["message"] = "Taint manager: deleting due to NoExecute taint";
  one["lastProbeTime"] = nullptr;
  one["lastTransitionTime"] = rfc3339(c.now());
  auto& all = now["status"]["conditions"];
  if (!all.is_array()) all = json::array();
  all.push_back(std::move(one));
  c.put("pods", std::move(now));
  delete_object(c, "pods", key_of(pod));
}

class taint_eviction final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "nodes") {
      bool news = seen.before ? no_execute(*seen.before) != no_execute(*seen.now)
                              : !no_execute(*seen.now).empty();
      if (!news) return;
      for (const auto& pod : c.objects().list("pods")) {
        if (text_at(*pod, {"spec", "nodeName"}) == seen.key.name)
          c.schedule(duration{0}, actor, key_text(key_of(*pod)));
      }
    } else if (seen.resource == "pods" && seen.what != change::type::deleted) {
      auto on = text_at(*seen.now, {"spec", "nodeName"});
      bool news =
          !on.empty() && (!seen.before || text_at(*seen.before, {"spec", "nodeName"}) != on);
      auto node = news ? c.objects().get("nodes", {"", on}) : nullptr;
      if (node && !no_execute(*node).empty()) c.schedule(duration{0}, actor, key_text(seen.key));
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto pod = c.objects().get("pods", parse_key(key));
    if (!pod || is_deleting(*pod)) {
      c.forget(actor, key);
      return;
    }
    auto node = c.objects().get("nodes", {"", text_at(*pod, {"spec", "nodeName"})});
    auto left = tolerated_for(*pod, node ? no_execute(*node) : std::vector<json>{});
    auto& since = c.memory(actor, key);
    auto uid = text_at(*pod, {"metadata", "uid"});
    bool counting = text_at(since, {"uid"}) == uid;
    if (!left) {
      if (counting)
        c.record_event(*pod, "Normal", "TaintManagerEviction", "Cancelling deletion of Pod " + key,
                       std::string(actor));
      c.forget(actor, key);
      return;
    }
    if (!counting) {
      since = json::object();
      since["uid"] = uid;
      since["at"] = c.now().time_since_epoch().count();
    }
    auto end = vtime{duration{int_at(since, {"at"})}} + *left;
    if (c.now() < end) {
      c.schedule(end - c.now(), actor, key);
      return;
    }
    c.forget(actor, key);
    evict(c, *pod, key);
  }
};

} // namespace

std::shared_ptr<const controller> make_taint_eviction_controller() {
  return std::make_shared<taint_eviction>();
}

} // namespace remed::env
