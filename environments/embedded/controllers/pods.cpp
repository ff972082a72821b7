#include "environments/embedded/controllers/pods.hpp"

#include "environments/embedded/api/admission.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

namespace remed::env {

namespace {

std::int64_t restarts_of(const json& pod) {
  std::int64_t most = 0;
  for (const auto& one : at_path(pod, {"status", "containerStatuses"})) {
    most = std::max(most, int_at(one, {"restartCount"}));
  }
  return most;
}

std::int64_t deletion_cost(const json& pod) {
  auto text =
      text_at(pod, {"metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost"}, "0");
  return std::strtoll(text.c_str(), nullptr, 10);
}

int phase_rank(const json& pod) {
  auto phase = text_at(pod, {"status", "phase"});
  return phase == "Pending" ? 0 : phase == "Running" ? 2 : 1;
}

/// Ages are compared on a logarithmic scale (LogarithmicScaleDown), so that the youngest is not
/// always the victim.
int age_bucket(const std::string& since, vtime now) {
  auto t = parse_time(since);
  if (!t) return 0;
  auto age = std::max<std::int64_t>(0, std::chrono::nanoseconds(now - *t).count());
  return std::bit_width(static_cast<std::uint64_t>(age));
}

struct rank {
  bool assigned = false;
  int phase = 0;
  bool ready = false;
  std::int64_t cost = 0;
  std::int64_t siblings = 0;
  int ready_for = 0;
  std::int64_t restarts = 0;
  int age = 0;
  std::string uid;

  bool operator<(const rank& o) const {
    if (assigned != o.assigned) return !assigned;
    if (phase != o.phase) return phase < o.phase;
    if (ready != o.ready) return !ready;
    if (cost != o.cost) return cost < o.cost;
    if (siblings != o.siblings) return siblings > o.siblings;
    if (ready && ready_for != o.ready_for) return ready_for < o.ready_for;
    if (restarts != o.restarts) return restarts > o.restarts;
    if (age != o.age) return age < o.age;
    return uid < o.uid;
  }
};

} // namespace

json pod_draft(const json& owner, const json& pod_template) {
  auto pod = json::object();
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  auto& meta = pod["metadata"];
  meta["generateName"] = text_at(owner, {"metadata", "name"}) + "-";
  meta["namespace"] = text_at(owner, {"metadata", "namespace"});
  for (const char* field : {"labels", "annotations", "finalizers"}) {
    const auto& value = at_path(pod_template, {"metadata", field});
    if (!value.is_null() && !value.empty()) meta[field] = value;
  }
  meta["ownerReferences"] = json::array({owner_reference(owner)});
  pod["spec"] = at_path(pod_template, {"spec"});
  pod["status"]["phase"] = "Pending";
  return pod;
}

result<object> admit_pod(cluster& c, json draft) {
  auto ns = text_at(draft, {"metadata", "namespace"});
  auto prefix = text_at(draft, {"metadata", "generateName"});
  bool given = !text_at(draft, {"metadata", "name"}).empty();
  std::string name = text_at(draft, {"metadata", "name"});
  while (!given) {
    name = prefix.substr(0, 58) + c.random().name_suffix(5);
    if (!c.objects().get("pods", {ns, name})) break;
  }
  draft["metadata"]["name"] = name;
  auto pod = prepared(c, "pods", std::move(draft));
  if (auto allowed = admit(c, "pods", pod); !allowed) {
    return failure{errc::refused, "pods \"" + name + "\" is forbidden: " + allowed.why().what};
  }
  if (given && c.objects().get("pods", {ns, name})) {
    return failure{errc::refused, "pods \"" + name + "\" already exists"};
  }
  return c.put("pods", std::move(pod));
}

object create_pod(cluster& c, const json& owner, json draft, std::string_view component,
                  std::string* why) {
  auto made = admit_pod(c, std::move(draft));
  if (!made) {
    if (why) *why = made.why().what;
    c.record_event(owner, "Warning", "FailedCreate", "Error creating: " + made.why().what,
                   std::string(component));
    return nullptr;
  }
  c.record_event(owner, "Normal", "SuccessfulCreate",
                 "Created pod: " + text_at(**made, {"metadata", "name"}), std::string(component));
  return *made;
}

void delete_pod(cluster& c, const json& owner, const object_key& key, std::string_view component) {
  delete_object(c, "pods", key);
  c.record_event(owner, "Normal", "SuccessfulDelete", "Deleted pod: " + key.name,
                 std::string(component));
}

void retry_later(cluster& c, std::string_view actor, const std::string& key) {
  auto& failures = c.memory(actor, "failures of " + key);
  auto n = failures.is_number() ? failures.get<int>() : 0;
  failures = n + 1;
  auto wait = std::min<std::int64_t>(std::int64_t{1} << std::min(n, 20), 1000);
  c.schedule(std::chrono::seconds{wait}, actor, key);
}

void succeeded(cluster& c, std::string_view actor, const std::string& key) {
  c.forget(actor, "failures of " + key);
}

void sort_for_deletion(std::vector<object>& pods, const std::vector<object>& siblings, vtime now) {
  std::map<std::string, std::int64_t> on_node;
  for (const auto& one : siblings) ++on_node[text_at(*one, {"spec", "nodeName"})];
  std::vector<std::pair<rank, object>> ranked;
  for (const auto& pod : pods) {
    rank r;
    auto node = text_at(*pod, {"spec", "nodeName"});
    r.assigned = !node.empty();
    r.phase = phase_rank(*pod);
    r.ready = pod_is_ready(*pod);
    r.cost = deletion_cost(*pod);
    r.siblings = on_node[node];
    if (r.ready) {
      r.ready_for = age_bucket(text_at(condition_of(*pod, "Ready"), {"lastTransitionTime"}), now);
    }
    r.restarts = restarts_of(*pod);
    r.age = age_bucket(text_at(*pod, {"metadata", "creationTimestamp"}), now);
    r.uid = text_at(*pod, {"metadata", "uid"});
    ranked.emplace_back(std::move(r), pod);
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < pods.size(); ++i) pods[i] = ranked[i].second;
}

std::int64_t scaled_value(const json& value, std::int64_t total, bool up, std::int64_t otherwise) {
  if (value.is_number()) return value.get<std::int64_t>();
  if (!value.is_string()) return otherwise;
  const auto& text = value.get_ref<const std::string&>();
  if (text.empty()) return otherwise;
  auto number = std::strtoll(text.c_str(), nullptr, 10);
  if (text.back() != '%') return number;
  return up ? (number * total + 99) / 100 : number * total / 100;
}

} // namespace remed::env
