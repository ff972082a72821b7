// Endpoints and EndpointSlices of each Service.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/endpoint_slices.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "endpoints-controller";
constexpr std::size_t most_addresses = 1000; // of an Endpoints object
constexpr const char* over_capacity = "endpoints.kubernetes.io/over-capacity";
constexpr const char* trigger_time = "endpoints.kubernetes.io/last-change-trigger-time";

bool publishes_all(const json& service) {
  return at_path(service, {"spec", "publishNotReadyAddresses"}) == true;
}

/// Pods of a service with an address that did not end.
std::vector<object> members(const cluster& c, const object& service, const std::string& ns) {
  const auto& of = facts_of(service);
  return c.objects().list("pods", ns).where([&](const auto& pod) {
    const auto& known = facts_of(pod);
    return of.may_select(known) && selects_by_map(*of.selector, *known.labels) &&
           !known.address.empty() && known.phase != "Succeeded" && known.phase != "Failed";
  });
}

json address_of(const json& service, const json& pod) {
  auto out = json::object();
  out["ip"] = text_at(pod, {"status", "podIP"});
  auto host = hostname_in(service, pod);
  if (!host.empty()) out["hostname"] = host;
  out["nodeName"] = text_at(pod, {"spec", "nodeName"});
  out["targetRef"] = target_ref(pod);
  return out;
}

json subsets_of(const json& service, const std::vector<object>& pods) {
  std::map<json, json> by_ports;
  bool all = publishes_all(service);
  bool portless = at_path(service, {"spec", "ports"}).empty() &&
                  text_at(service, {"spec", "clusterIP"}) == "None";
  for (const auto& pod : pods) {
    if (is_deleting(*pod) && !all) continue;
    auto ports = ports_for(service, *pod, false);
    if (ports.empty() && !portless) continue;
    bool ready = all || pod_is_ready(*pod);
    by_ports[ports][ready ? "addresses" : "notReadyAddresses"].push_back(address_of(service, *pod));
  }
  auto out = json::array();
  for (auto& [ports, subset] : by_ports) {
    for (auto& [kind, addresses] : subset.items()) {
      std::sort(addresses.begin(), addresses.end(), [](const json& a, const json& b) {
        return text_at(a, {"ip"}) < text_at(b, {"ip"});
      });
    }
    if (!ports.empty()) subset["ports"] = ports;
    out.push_back(std::move(subset));
  }
  return out;
}

/// Keeps the first thousand addresses, the ready ones before the others. True: some were dropped.
bool truncate(json& subsets) {
  std::size_t left = most_addresses;
  bool cut = false;
  for (const char* kind : {"addresses", "notReadyAddresses"}) {
    for (auto& subset : subsets) {
      if (!subset.contains(kind)) continue;
      auto& all = subset[kind];
      auto keep = std::min(left, all.size());
      cut = cut || keep < all.size();
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(keep), all.end());
      left -= keep;
      if (all.empty()) subset.erase(kind);
    }
  }
  return cut;
}

/// Whether an Endpoints object is what it would be written as.
bool says(const json& endpoints, const json& labels, const json& subsets, bool cut) {
  const auto is = [](const json& value, const json& wanted) {
    return wanted.empty() ? value.is_null() : value == wanted;
  };
  return at_path(endpoints, {"apiVersion"}) == "v1" &&
         at_path(endpoints, {"kind"}) == "Endpoints" &&
         is(at_path(endpoints, {"metadata", "labels"}), labels) &&
         is(at_path(endpoints, {"metadata", "annotations", over_capacity}),
            cut ? json("truncated") : json()) &&
         is(at_path(endpoints, {"subsets"}), subsets);
}

void write_endpoints(cluster& c, const json& service, const object_key& key,
                     const std::vector<object>& pods) {
  auto before = c.objects().get("endpoints", key);
  auto labels = labels_for(service);
  auto subsets = subsets_of(service, pods);
  bool cut = truncate(subsets);
  if (before && says(*before, labels, subsets, cut)) return;
  auto now = before ? *before : json::object();
  now["apiVersion"] = "v1";
  now["kind"] = "Endpoints";
  now["metadata"]["name"] = key.name;
  now["metadata"]["namespace"] = key.ns;
  if (labels.empty())
    now["metadata"].erase("labels");
  else
    now["metadata"]["labels"] = std::move(labels);
  if (cut)
    now["metadata"]["annotations"][over_capacity] = "truncated";
  else if (now["metadata"].contains("annotations"))
    now["metadata"]["annotations"].erase(over_capacity);
  if (subsets.empty())
    now.erase("subsets");
  else
    now["subsets"] = std::move(subsets);
  now["metadata"]["annotations"][trigger_time] = rfc3339(c.now());
  c.put("endpoints", std::move(now));
}

/// What of a pod a service shows.
bool looks_same(const object_facts& a, const object_facts& b) {
  const auto ended = [](const object_facts& pod) {
    return pod.phase == "Succeeded" || pod.phase == "Failed";
  };
  return a.ready == b.ready && a.deleting == b.deleting && a.address == b.address &&
         a.node == b.node && ended(a) == ended(b) && *a.labels == *b.labels;
}

class endpoints_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "services") {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "endpoints") {
      auto service = c.objects().get("services", seen.key);
      if (service && at_path(*service, {"spec", "selector"}).empty())
        c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      const auto& now = facts_of(seen.now);
      const auto* earlier = seen.before ? &facts_of(seen.before) : nullptr;
      if (seen.what == change::type::modified && looks_same(*earlier, now)) return;
      const bool moved = earlier && *earlier->labels != *now.labels;
      for (const auto& service : c.objects().list("services", seen.key.ns)) {
        const auto& wants = facts_of(service);
        const auto takes = [&](const object_facts& pod) {
          return wants.may_select(pod) && selects_by_map(*wants.selector, *pod.labels);
        };
        if (takes(now) || (moved && takes(*earlier)))
          c.schedule(duration{0}, actor, key_text({seen.key.ns, std::string(wants.name)}));
      }
    }
  }

  void reconcile(cluster& c, const std::string& text) const override {
    auto key = parse_key(text);
    auto service = c.objects().get("services", key);
    if (!service) {
      // What is left of a deleted service; its slices are the garbage collector's.
      c.erase("endpoints", key);
      return;
    }
    if (is_deleting(*service)) return;
    if (at_path(*service, {"spec", "selector"}).empty()) {
      mirror_slices(c, key);
      return;
    }
    auto pods = members(c, service, key.ns);
    write_endpoints(c, *service, key, pods);
    write_slices(c, *service, pods);
  }
};

} // namespace

std::shared_ptr<const controller> make_endpoints_controller() {
  return std::make_shared<endpoints_controller>();
}

} // namespace remed::env
