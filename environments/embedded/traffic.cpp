#include "environments/embedded/traffic.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/processes.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

constexpr std::string_view actor = "traffic";
/// Usage is kept for the two scrape intervals metrics may look back, and one to spare.
constexpr auto usage_kept = std::chrono::seconds{60};

bool listens_on(const json& pod, std::int64_t port) {
  const auto& containers = at_path(pod, {"spec", "containers"});
  if (!containers.is_array() || containers.empty()) return false;
  const auto& declared = at_path(containers[0], {"ports"});
  if (!declared.is_array() || declared.empty()) return true;
  for (const auto& p : declared) {
    if (int_at(p, {"containerPort"}) == port) return true;
  }
  return false;
}

/// Adds the endpoints of one subset of an Endpoints object.
void add_endpoints(const cluster& c, const std::string& ns, const json& subset, flow_service& out) {
  const auto& addresses = at_path(subset, {"addresses"});
  if (!addresses.is_array()) return;
  for (const auto& address : addresses) {
    auto name = text_at(address, {"targetRef", "name"});
    auto pod = c.objects().get("pods", {ns, name});
    if (!pod) {
      flow_container gone;
      gone.pod = name;
      gone.listening = false;
      out.endpoints.push_back(gone);
      continue;
    }
    const auto& containers = at_path(*pod, {"spec", "containers"});
    if (!containers.is_array() || containers.empty()) continue;
    auto one = surroundings(c, *pod, text_at(containers[0], {"name"}));
    const auto& ports = at_path(subset, {"ports"});
    auto reached = !ports.is_array() || ports.empty();
    for (const auto& p : ports) reached = reached || listens_on(*pod, int_at(p, {"port"}));
    one.listening = one.listening && reached;
    out.endpoints.push_back(std::move(one));
  }
}

flow_input look(const cluster& c) {
  flow_input out;
  const auto& system = *c.traffic().system;
  for (const auto& [name, profile] : system.services) {
    auto& service = out[name];
    service.resolvable = c.objects().get("services", {system.name, name}) != nullptr;
    auto endpoints = c.objects().get("endpoints", {system.name, name});
    if (!endpoints) continue;
    const auto& subsets = at_path(*endpoints, {"subsets"});
    if (!subsets.is_array()) continue;
    for (const auto& subset : subsets) add_endpoints(c, system.name, subset, service);
  }
  return out;
}

void prune(usage_history& h, vtime now) {
  while (h.samples.size() > 1 && h.samples[1].from <= now - usage_kept) h.samples.pop_front();
}

void sample(usage_history& h, vtime now, double cores, double bytes) {
  if (!h.samples.empty() && h.samples.back().from == now) h.samples.pop_back();
  if (!h.samples.empty() && h.samples.back().cores == cores && h.samples.back().bytes == bytes) {
    return;
  }
  h.samples.push_back({now, cores, bytes});
  prune(h, now);
}

/// Notes what each running container uses from now on; forgets those that are gone.
void sample_usage(cluster& c) {
  std::set<std::string> alive;
  auto& usage = c.traffic().usage;
  for (const auto* pod : c.node().all()) {
    auto spec = c.objects().get("pods", {pod->ns, pod->name});
    if (!spec || text_at(*spec, {"metadata", "uid"}) != pod->uid) continue;
    for (const auto& one : pod->containers) {
      if (!one.running()) continue;
      auto key = pod->uid + "/" + one.name;
      alive.insert(key);
      auto& h = usage[key];
      if (h.samples.empty() || h.started != one.started_at) {
        h = {pod->ns, pod->name, one.name, one.started_at, {}};
      }
      sample(h, c.now(), cpu_cores(c, *spec, one.name), memory_in_use(c, *spec, one.name));
    }
  }
  for (auto at = usage.begin(); at != usage.end();) {
    at = alive.count(at->first) ? std::next(at) : usage.erase(at);
  }
}

void close_segment(cluster& c) {
  auto& state = c.traffic();
  const auto& flow = state.flow;
  traffic_segment now{c.now(), flow.success, flow.p50_ms, flow.p95_ms, flow.rps};
  if (!state.timeline.empty() && state.timeline.back().from == now.from) state.timeline.pop_back();
  if (!state.timeline.empty()) {
    const auto& last = state.timeline.back();
    if (last.success_rate == now.success_rate && last.p95_ms == now.p95_ms &&
        last.p50_ms == now.p50_ms && last.rps == now.rps) {
      return;
    }
  }
  state.timeline.push_back(now);
}

/// An application starts to listen without any write: look again then.
void expect_listeners(cluster& c) {
  vtime next = vtime::max();
  for (const auto* pod : c.node().all()) {
    for (const auto& one : pod->containers) {
      if (one.running() && one.serving_at > c.now()) next = std::min(next, one.serving_at);
    }
  }
  if (next != vtime::max()) c.schedule(next - c.now(), actor, "flow");
}

class traffic_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "events" || seen.resource == "leases.coordination.k8s.io") return;
    if (seen.resource == "pods" || seen.resource == "endpoints" || seen.resource == "services" ||
        seen.resource == "nodes" || c.traffic().effects_seen != effects_mark(c)) {
      traffic_touched(c);
    }
  }

  void reconcile(cluster& c, const std::string&) const override {
    auto& state = c.traffic();
    auto mark = effects_mark(c);
    auto effects_changed = state.effects_seen != mark;
    state.effects_seen = mark;
    if (state.system) {
      auto input = look(c);
      if (effects_changed || input != state.input || state.timeline.empty()) {
        state.chance = c.random().split("traffic");
        state.flow = evaluate_flow(*state.system, input, state.chance.split("flow").next());
        state.input = std::move(input);
        close_segment(c);
      }
    }
    sample_usage(c);
    expect_listeners(c);
  }

private:
  static std::pair<std::size_t, std::size_t> effects_mark(const cluster& c) {
    return {c.effects().size(), c.ended_effects().size()};
  }
};

/// Calls `each(segment, seconds)` for the parts of the timeline within a window.
template <class F>
void over_window(const traffic_state& state, vtime from, vtime to, F each) {
  const auto& all = state.timeline;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto begin = std::max(all[i].from, from);
    auto end = i + 1 < all.size() ? std::min(all[i + 1].from, to) : to;
    if (begin < end) each(all[i], seconds(end - begin));
  }
}

} // namespace

void set_system(cluster& c, const system_profile& system) {
  auto& state = c.traffic();
  state.system = std::make_shared<const system_profile>(system);
  state.noise = c.random().split("noise");
  state.chance = c.random().split("traffic");
  traffic_touched(c);
}

void traffic_touched(cluster& c) {
  for (const auto& rule : c.rules().controllers) {
    if (rule->name() != actor) continue;
    c.schedule(duration{0}, actor, "flow");
    return;
  }
}

std::shared_ptr<const controller> make_traffic_controller() {
  return std::make_shared<traffic_controller>();
}

slo_report slo(const cluster& c, vtime from, vtime to) {
  slo_report out;
  out.window = to - from;
  const auto& state = c.traffic();
  std::vector<std::pair<double, double>> slow; // p95 and for how long
  double total = 0, good = 0;
  over_window(state, from, to, [&](const traffic_segment& s, double length) {
    total += length;
    good += s.success_rate * length;
    out.worst_success = std::min(out.worst_success, s.success_rate);
    slow.emplace_back(s.p95_ms, length);
  });
  if (total <= 0 || !state.system) return out;
  out.success = good / total;
  std::sort(slow.begin(), slow.end());
  auto left = 0.95 * total;
  for (const auto& [p95, length] : slow) {
    out.p95_ms = p95;
    left -= length;
    if (left <= 0) break;
  }
  out.met = out.success >= state.system->slo_success && out.p95_ms <= state.system->slo_p95_ms;
  return out;
}

double downtime_seconds(const cluster& c, vtime from, vtime to) {
  double out = 0;
  over_window(c.traffic(), from, to, [&](const traffic_segment& s, double length) {
    out += (1 - s.success_rate) * length;
  });
  return out;
}

} // namespace remed::env
