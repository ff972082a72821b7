#include "environments/embedded/metrics.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic_pods.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace remed::env {

namespace {

constexpr auto scrape = std::chrono::seconds{15};
constexpr double node_idle_cores = 0.12; // kubelet, runtime, system

vtime last_scrape(const cluster& c) {
  return c.now() - duration{c.now().time_since_epoch().count() % duration{scrape}.count()};
}

/// A factor near 1, the same whenever this scrape is asked for.
double unrest(const cluster& c, const std::string& what, vtime at, double width) {
  auto r = c.traffic().noise.split(what + "@" + std::to_string(at.time_since_epoch().count()));
  return 1 + width * (r.unit() + r.unit() - 1);
}

struct usage {
  double cores = 0, bytes = 0;
};

/// Mean CPU between two scrapes and memory at the second.
usage over(const usage_history& h, vtime from, vtime to) {
  usage out;
  // Samples reach back an hour: only those count that last into the window.
  const auto later = std::upper_bound(h.samples.begin(), h.samples.end(), from,
                                      [](vtime t, const usage_sample& s) { return t < s.from; });
  const auto first = std::max<std::ptrdiff_t>(1, later - h.samples.begin()) - 1;
  for (auto i = static_cast<std::size_t>(first); i < h.samples.size(); ++i) {
    const auto& s = h.samples[i];
    auto begin = std::max(s.from, from);
    auto end = i + 1 < h.samples.size() ? std::min(h.samples[i + 1].from, to) : to;
    if (s.from <= to) out.bytes = s.bytes;
    if (begin < end) out.cores += s.cores * seconds(end - begin) / seconds(to - from);
  }
  return out;
}

json usage_json(double cores, double bytes) {
  json::object_t out;
  out.emplace("cpu", std::to_string(static_cast<long long>(std::llround(cores * 1e9))) + "n");
  out.emplace("memory", std::to_string(static_cast<long long>(bytes / 1024)) + "Ki");
  return out;
}

/// What all that is told at one instant has in common.
struct scrape_view {
  explicit scrape_view(const cluster& in)
      : c(in), common(in), at(last_scrape(in)), said_at(rfc3339(at)), said_now(rfc3339(in.now())) {}

  const cluster& c;
  common_surroundings common;
  vtime at;
  std::string said_at, said_now;
};

json item(const scrape_view& seen, const char* kind, json::object_t metadata) {
  metadata.emplace("creationTimestamp", seen.said_now);
  json::object_t out;
  out.emplace("kind", kind);
  out.emplace("apiVersion", "metrics.k8s.io/v1beta1");
  out.emplace("metadata", std::move(metadata));
  out.emplace("timestamp", seen.said_at);
  out.emplace("window", "15s");
  return out;
}

/// A quota is enforced over any window, so unrest never shows more than the limit (plus what a
/// period allows).
usage measured(const scrape_view& seen, const std::string& key, const usage_history& h,
               const known_pod& pod) {
  auto u = over(h, seen.at - scrape, seen.at);
  const auto allowed = allowed_cores(pod.facts(), h.container, seen.common.node_cores);
  u.cores = std::min(u.cores * unrest(seen.c, key + "/cpu", seen.at, 0.08),
                     std::max(u.cores, allowed * 0.999));
  u.bytes *= unrest(seen.c, key + "/memory", seen.at, 0.01);
  return u;
}

/// The item of one pod, or null when a running container lacks a second scrape.
json item_of(const scrape_view& seen, const pod_runtime& pod, const known_pod& spec) {
  auto containers = json::array();
  for (const auto& one : pod.containers) {
    if (one.init) continue;
    auto key = pod.uid + "/" + one.name;
    const auto* found = seen.c.traffic().usage.find(key);
    if (!one.running() || !found) continue;
    if (one.started_at > seen.at - scrape) return nullptr;
    auto u = measured(seen, key, **found, spec);
    json::object_t entry;
    entry.emplace("name", one.name);
    entry.emplace("usage", usage_json(u.cores, u.bytes));
    containers.push_back(std::move(entry));
  }
  if (containers.empty()) return nullptr;
  json::object_t metadata;
  metadata.emplace("name", pod.name);
  metadata.emplace("namespace", pod.ns);
  if (spec->labels->is_object()) metadata.emplace("labels", *spec->labels);
  auto out = item(seen, "PodMetrics", std::move(metadata));
  out["containers"] = std::move(containers);
  return out;
}

} // namespace

json pod_metrics(const cluster& c, std::string_view ns, std::string_view prefix) {
  std::optional<scrape_view> seen; // many find no such pod
  auto out = json::array();
  for (const auto* pod : c.node().named(ns, prefix)) {
    auto found = c.objects().get("pods", {pod->ns, pod->name});
    if (!found) continue;
    if (!seen) seen.emplace(c);
    auto one = item_of(*seen, *pod, known_pod(found));
    if (!one.is_null()) out.push_back(std::move(one));
  }
  return out;
}

json node_metrics(const cluster& c) {
  const scrape_view seen(c);
  const auto at = seen.at;
  usage total{node_idle_cores, node_idle_bytes};
  c.traffic().usage.walk([&](const std::string&, const auto& h) {
    auto u = over(*h, at - scrape, at);
    total.cores += u.cores;
    total.bytes += u.bytes;
  });
  auto out = json::array();
  for (const auto& node : c.objects().list("nodes")) {
    auto name = text_at(*node, {"metadata", "name"});
    json::object_t metadata;
    metadata.emplace("name", name);
    auto one = item(seen, "NodeMetrics", std::move(metadata));
    one["usage"] = usage_json(total.cores * unrest(c, name + "/cpu", at, 0.05),
                              total.bytes * unrest(c, name + "/memory", at, 0.01));
    out.push_back(std::move(one));
  }
  return out;
}

} // namespace remed::env
