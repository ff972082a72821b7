#include "environments/embedded/metrics.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic_pods.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace remed::env {

namespace {

constexpr auto scrape = std::chrono::seconds{15};
constexpr double node_idle_cores = 0.12; // kubelet, runtime, system

vtime last_scrape(const cluster& c) {
  return c.now() - duration{c.now().time_since_epoch().count() % duration{scrape}.count()};
}

/// A factor near 1, the same whenever this scrape is asked for.
double unrest(const cluster& c, std::string what, vtime at, double width) {
  what += '@';
  what += std::to_string(at.time_since_epoch().count());
  auto r = c.traffic().noise.split(what);
  return 1 + width * (r.unit() + r.unit() - 1);
}

struct usage {
  double cores = 0, bytes = 0;
};

/// Mean CPU between two scrapes and memory at the second.
usage over(const usage_history& h, vtime from, vtime to) {
  usage out;
  for (std::size_t i = 0; i < h.samples.size(); ++i) {
    const auto& s = h.samples[i];
    auto begin = std::max(s.from, from);
    auto end = i + 1 < h.samples.size() ? std::min(h.samples[i + 1].from, to) : to;
    if (s.from <= to) out.bytes = s.bytes;
    if (begin < end) out.cores += s.cores * seconds(end - begin) / seconds(to - from);
  }
  return out;
}

json usage_json(double cores, double bytes) {
  auto out = json::object();
  out["cpu"] = std::to_string(static_cast<long long>(std::llround(cores * 1e9))) + "n";
  out["memory"] = std::to_string(static_cast<long long>(bytes / 1024)) + "Ki";
  return out;
}

json header(const char* kind, vtime at) {
  auto out = json::object();
  out["kind"] = kind;
  out["apiVersion"] = "metrics.k8s.io/v1beta1";
  out["metadata"] = json::object();
  out["timestamp"] = rfc3339(at);
  out["window"] = "15s";
  return out;
}

/// A quota is enforced over any window, so unrest never shows more than the limit (plus what a
/// period allows).
usage measured(const cluster& c, const std::string& key, const usage_history& h,
               const known_pod& pod, const pod_runtime& runs, const common_surroundings& common,
               vtime at) {
  auto u = over(h, at - scrape, at);
  auto around = surroundings(container_view(c, pod, h.container, &runs, common));
  u.cores = std::min(u.cores * unrest(c, key + "/cpu", at, 0.08),
                     std::max(u.cores, around.cores * 0.999));
  u.bytes *= unrest(c, key + "/memory", at, 0.01);
  return u;
}

/// What the items of all pods have in common.
struct scraped {
  const cluster& c;
  vtime at = last_scrape(c);
  common_surroundings common{c};
  json blank = with_creation(header("PodMetrics", at), c.now());

  static json with_creation(json item, vtime now) {
    item["metadata"]["creationTimestamp"] = rfc3339(now);
    return item;
  }
};

/// The item of one pod, or null when a running container lacks a second scrape.
json item_of(const scraped& all, const pod_runtime& pod, const known_pod& spec) {
  const auto& [c, at, common, blank] = all;
  auto containers = json::array();
  for (const auto& one : pod.containers) {
    if (one.init) continue;
    auto key = pod.uid + "/" + one.name;
    const auto* found = c.traffic().usage.find(key);
    if (!one.running() || !found) continue;
    if (one.started_at > at - scrape) return nullptr;
    auto u = measured(c, key, **found, spec, pod, common, at);
    auto entry = json::object();
    entry["name"] = one.name;
    entry["usage"] = usage_json(u.cores, u.bytes);
    containers.push_back(std::move(entry));
  }
  if (containers.empty()) return nullptr;
  auto out = blank;
  auto& meta = out["metadata"];
  meta["name"] = pod.name;
  meta["namespace"] = pod.ns;
  if (spec->labels->is_object()) meta["labels"] = *spec->labels;
  out["containers"] = std::move(containers);
  return out;
}

} // namespace

json pod_metrics(const cluster& c, std::string_view ns, std::string_view prefix) {
  const scraped all{c};
  std::map<object_key, json> items;
  for (const auto* pod : c.node().all()) {
    if ((!ns.empty() && pod->ns != ns) || !pod->name.starts_with(prefix)) continue;
    auto found = c.objects().get("pods", {pod->ns, pod->name});
    if (!found) continue;
    auto item = item_of(all, *pod, known_pod(found));
    if (!item.is_null()) items[{pod->ns, pod->name}] = std::move(item);
  }
  auto out = json::array();
  for (auto& [key, item] : items) out.push_back(std::move(item));
  return out;
}

json node_metrics(const cluster& c) {
  auto at = last_scrape(c);
  usage total{node_idle_cores, node_idle_bytes};
  c.traffic().usage.walk([&](const std::string&, const auto& h) {
    auto u = over(*h, at - scrape, at);
    total.cores += u.cores;
    total.bytes += u.bytes;
  });
  auto out = json::array();
  for (const auto& node : c.objects().list("nodes")) {
    auto name = text_at(*node, {"metadata", "name"});
    auto item = header("NodeMetrics", at);
    item["metadata"]["name"] = name;
    item["metadata"]["creationTimestamp"] = rfc3339(c.now());
    item["usage"] = usage_json(total.cores * unrest(c, name + "/cpu", at, 0.05),
                               total.bytes * unrest(c, name + "/memory", at, 0.01));
    out.push_back(std::move(item));
  }
  return out;
}

} // namespace remed::env
