#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/traffic_conditions.hpp"
#include "environments/systems/inference.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace remed::env {

namespace {

constexpr std::string_view actor = "traffic";
/// Usage is kept for as long as queries over the past look back.
constexpr auto usage_kept = std::chrono::hours{1};

void prune(usage_history& h, vtime now) {
  auto old = h.samples.begin();
  while (h.samples.end() - old > 1 && (old + 1)->from <= now - usage_kept) ++old;
  h.samples.erase(h.samples.begin(), old);
}

void sample(usage_history& h, vtime now, double cores, double bytes) {
  if (!h.samples.empty() && h.samples.back().from == now) h.samples.pop_back();
  if (!h.samples.empty() && h.samples.back().cores == cores && h.samples.back().bytes == bytes) {
    return;
  }
  h.samples.push_back({now, cores, bytes});
  prune(h, now);
}

/// The container's history with what it uses from now on.
void note_usage(cluster& c, const std::string& key, const pod_runtime& pod,
                const container_runtime& one, double cores, double bytes) {
  auto& usage = c.traffic().usage;
  const auto* known = usage.find(key);
  const bool goes_on = known && (*known)->started == one.started_at && !(*known)->samples.empty();
  // Most go on as they did, and forks share their histories.
  if (goes_on) {
    const auto& last = (*known)->samples.back();
    if (last.from != c.now() && last.cores == cores && last.bytes == bytes) return;
  }
  auto h = goes_on ? **known : usage_history{pod.ns, pod.name, one.name, one.started_at, {}};
  sample(h, c.now(), cores, bytes);
  usage.edit(key) = std::make_shared<const usage_history>(std::move(h));
}

std::string usage_key(const pod_runtime& pod, const container_runtime& one) {
  std::string out;
  out.reserve(pod.uid.size() + 1 + one.name.size());
  return out.append(pod.uid).append("/").append(one.name);
}

/// Forgets the containers that do not run any more.
void forget_usage(cluster& c, const traffic_conditions& now, std::size_t running) {
  auto& usage = c.traffic().usage;
  if (running == usage.size()) return;
  std::vector<std::string> alive;
  for (const auto& pod : now.pods()) {
    if (!pod.runs) continue;
    for (const auto& one : pod.runs->containers)
      if (one.running()) alive.push_back(usage_key(*pod.runs, one));
  }
  std::sort(alive.begin(), alive.end());
  std::vector<std::string> gone;
  usage.walk([&](const std::string& key, const auto&) {
    if (!std::binary_search(alive.begin(), alive.end(), key)) gone.push_back(key);
  });
  for (const auto& key : gone) usage.erase(key);
}

/// How the requests of a namespace fare, for whoever asks about one pod of it after the other.
class flows_by_turn {
public:
  flows_by_turn(const cluster& c, const traffic_conditions& now) : c_(c), now_(now) {}
  /// Whether a container of a pod that is as it was uses what it did, too.
  bool repeats(std::string_view ns, const cpu_use& was) {
    if (!was.serves) return true;
    if (!flow_ || ns != ns_) look(ns);
    const auto at = static_cast<std::size_t>(was.part.service);
    if (was.part.service >= 0 && (!services_ || !services_->all[at].same)) return false;
    return was.part.service >= 0 && cores_now(was, *flow_, now_.common()) == was.cores;
  }

private:
  void look(std::string_view ns) {
    const std::string name(ns);
    ns_ = ns;
    flow_ = &flow_in(c_, name);
    services_ = now_.system(name);
  }

  const cluster& c_;
  const traffic_conditions& now_;
  std::string_view ns_;
  const lazy_flow* flow_ = nullptr;
  const system_conditions* services_ = nullptr;
};

/// Notes what each running container uses from now on; forgets those that are gone. `same_flows`:
/// who is the same uses what it did.
void sample_usage(cluster& c, traffic_conditions& now, bool same_flows) {
  std::size_t running = 0;
  flows_by_turn flows(c, now);
  for (const auto& pod : now.pods()) {
    const auto marks = now.marks_of(pod);
    const auto uses = now.uses_of(pod);
    for (std::size_t i = 0; i < marks.size(); ++i) {
      if (!marks[i].running) continue;
      ++running;
      if (pod.same && (same_flows || flows.repeats(pod.ns, uses[i]))) continue;
      const auto& one = pod.runs->containers[i];
      const known_pod known(*pod.spec);
      const container_view view(c, known, one.name, pod.runs, now.common());
      uses[i] = cpu_use_of(view);
      note_usage(c, usage_key(*pod.runs, one), *pod.runs, one, uses[i].cores, memory_in_use(view));
    }
  }
  forget_usage(c, now, running);
}

/// Adds a segment, unless users see no difference to the one before.
void add_segment(std::vector<traffic_segment>& to, const traffic_segment& next) {
  if (!to.empty()) {
    const auto& last = to.back();
    if (last.success_rate == next.success_rate && last.p95_ms == next.p95_ms &&
        last.p50_ms == next.p50_ms && last.rps == next.rps) {
      return;
    }
  }
  to.push_back(next);
}

traffic_segment told(const flow_segment& of) {
  const auto& users = of.flow->users();
  return {of.from, users.success, users.p50_ms, users.p95_ms, users.rps};
}

/// Segments whose conditions are kept, for whoever asks later.
constexpr std::size_t longest_history = 400;

void close_segment(cluster& c, std::shared_ptr<const lazy_flow> flow) {
  auto& state = c.traffic();
  auto& recent = state.recent;
  if (!recent.empty() && recent.back().from == c.now()) recent.pop_back();
  recent.push_back({c.now(), std::move(flow)});
  if (recent.size() <= longest_history) return;
  add_segment(state.timeline, told(recent.front()));
  recent.erase(recent.begin());
}

/// An application starts to listen without any write: look again then.
void expect_listeners(cluster& c, const traffic_conditions& now) {
  vtime next = vtime::max();
  for (const auto& pod : now.pods()) {
    const auto marks = now.marks_of(pod);
    for (std::size_t i = 0; i < marks.size(); ++i) {
      if (marks[i].running && !marks[i].serving)
        next = std::min(next, pod.runs->containers[i].serving_at);
    }
  }
  if (next != vtime::max()) c.schedule(next - c.now(), actor, "flow");
}

/// Namespaces of the cluster's own parts: nobody's microservices.
bool is_ours(const std::string& ns) {
  return ns.rfind("kube-", 0) == 0 || ns == "chaos-mesh" || ns == "monitoring";
}

/// A change that may alter what is inferred: not one of status.
bool reshapes(const change& seen) {
  if (!seen.now || !shapes_profile(*seen.now)) return false;
  if (seen.what != change::type::modified || !seen.before) return true;
  for (const auto* field : {"spec", "data", "stringData"}) {
    if (at_path(*seen.now, {field}) != at_path(*seen.before, {field})) return true;
  }
  return false;
}

/// What is declared of a namespace's system, and what its manifests tell of the rest.
std::shared_ptr<const system_profile> inferred(const cluster& c,
                                               const std::vector<const json*>& objects,
                                               const std::string& ns,
                                               const runtime_catalogue& runtimes) {
  const auto& state = c.traffic();
  const auto declared = state.system && state.system->name == ns;
  auto profile = declared ? *state.system : system_profile{};
  profile.name = ns;
  infer_services(objects, ns, runtimes, profile);
  // Whoever neither answers a Service nor calls one has no part in the traffic.
  std::set<std::string> parts(profile.entry.begin(), profile.entry.end());
  for (const auto& [name, p] : profile.services) {
    if (!p.inferred || !p.calls.empty() || c.objects().get("services", {ns, p.service_name()}))
      parts.insert(name);
  }
  std::erase_if(profile.services, [&](const auto& s) { return !parts.count(s.first); });
  return std::make_shared<const system_profile>(std::move(profile));
}

/// Looks at the manifests of a namespace again. A declared system keeps what it declares. False
/// when there was nothing and is nothing.
bool infer(cluster& c, const std::string& ns, const runtime_catalogue& runtimes) {
  std::vector<object> held;
  auto hold = [&](std::initializer_list<const char*> tables) {
    for (const auto* table : tables) {
      for (auto& one : c.objects().list(table, ns)) held.push_back(one);
    }
  };
  auto& state = c.traffic();
  auto declared = state.system && state.system->name == ns;
  hold({"deployments.apps", "statefulsets.apps", "daemonsets.apps"});
  // Whoever only stores things there, by the thousand, pays for no traffic.
  if (held.empty() && !declared) return state.apps.erase(ns) > 0;
  hold({"services", "configmaps", "secrets", "ingresses.networking.k8s.io"});
  std::vector<const json*> objects;
  for (const auto& one : held) objects.push_back(one.get());
  const bool known = declared && is_complete(objects, ns, *state.system);
  auto profile = known ? state.system : inferred(c, objects, ns, runtimes);
  if (profile->services.empty()) return state.apps.erase(ns) > 0;
  auto& app = state.apps[ns];
  app.profile = std::move(profile);
  app.input = nullptr;
  return true;
}

constexpr auto history = std::chrono::hours{3};

void note(app_traffic& app, vtime now, std::shared_ptr<const lazy_flow> flow) {
  if (!app.past.empty() && app.past.back().from == now) app.past.pop_back();
  app.past.push_back({now, std::move(flow)});
  auto old = app.past.begin();
  while (app.past.end() - old > 1 &&
         ((old + 1)->from < now - history ||
          static_cast<std::size_t>(app.past.end() - old) > longest_history))
    ++old;
  app.past.erase(app.past.begin(), old);
}

class traffic_controller final : public controller {
public:
  explicit traffic_controller(std::optional<runtime_catalogue> runtimes)
      : runtimes_(std::move(runtimes)) {}

  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "events" || seen.resource == "leases.coordination.k8s.io") return;
    if (reshapes(seen) && !is_ours(seen.key.ns) && c.traffic().stale.insert(seen.key.ns).second)
      c.schedule(inference_delay, actor, "infer");
    if (seen.resource == "pods" || seen.resource == "endpoints" || seen.resource == "services" ||
        seen.resource == "nodes" || seen.resource == "networkpolicies.networking.k8s.io" ||
        c.traffic().effects_seen != effects_mark(c)) {
      traffic_touched(c);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto& state = c.traffic();
    if (key == "infer") {
      bool told = false;
      for (const auto& ns : std::exchange(state.stale, {})) {
        if (runtimes_ && infer(c, ns, *runtimes_)) told = true;
      }
      if (!told) return;
    }
    auto mark = effects_mark(c);
    auto effects_changed = state.effects_seen != mark;
    state.effects_seen = mark;
    const auto before = state.conditions.get();
    const auto now = std::make_shared<traffic_conditions>(c, before.get());
    for (auto& [ns, app] : state.apps) evaluate(c, ns, app, effects_changed, before.get(), *now);
    const bool same_flows = now->same_flows(c, before.get());
    sample_usage(c, *now, same_flows);
    expect_listeners(c, *now);
    now->close();
    state.conditions.reset(now);
    c.node().forget_edited();
  }

private:
  /// Several manifests are applied at once; their containers take longer than this to start.
  static constexpr duration inference_delay = std::chrono::milliseconds{100};

  void evaluate(cluster& c, const std::string& ns, app_traffic& app, bool effects_changed,
                const traffic_conditions* before, traffic_conditions& now) const {
    auto& state = c.traffic();
    auto declared = state.system && state.system->name == ns;
    // Who was told to look again, whatever it finds, has no input; the profile may be what it was.
    const auto last = app.input ? app.input : before ? before->input_of(ns, app.profile) : nullptr;
    auto input = look_again(c, *app.profile, last.get(), before, now);
    const bool same = app.input && !input && !app.past.empty();
    if (input) app.input = std::make_shared<const flow_input>(std::move(*input));
    if (!app.input) app.input = last ? last : std::make_shared<const flow_input>();
    now.note_input(ns, app.profile, app.input);
    if (same && !effects_changed) return;
    auto chance = c.random().split("traffic");
    if (same && declared && state.chance.state() == chance.state()) {
      note(app, c.now(), app.past.back().flow); // the same chance would say the same
      return;
    }
    if (declared || !state.system) state.chance = chance;
    const auto* earlier = app.past.empty() ? nullptr : app.past.back().flow.get();
    auto flow = std::make_shared<const lazy_flow>(app.profile, app.input,
                                                  chance.split("flow").next(), earlier);
    if (declared) close_segment(c, flow);
    note(app, c.now(), std::move(flow));
  }

  static std::pair<std::size_t, std::size_t> effects_mark(const cluster& c) {
    return {c.effects().size(), c.ended_effects().size()};
  }

  std::optional<runtime_catalogue> runtimes_;
};

/// Calls `each(segment, seconds)` for the parts of the timeline within a window.
template <class F>
void over_window(const traffic_state& state, vtime from, vtime to, F each) {
  const auto all = seen_by_users(state, from, to);
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
  state.apps[system.name] = {state.system, nullptr, {}};
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
  auto runtimes = runtime_catalogue::load();
  // Shipped with the program; without it what nobody declared has no traffic.
  if (!runtimes) spdlog::critical("{}", runtimes.why().what);
  return std::make_shared<traffic_controller>(runtimes ? std::optional(std::move(*runtimes))
                                                       : std::nullopt);
}

const lazy_flow& app_traffic::flow() const {
  static const lazy_flow nothing;
  return past.empty() ? nothing : *past.back().flow;
}

const lazy_flow& flow_in(const cluster& c, const std::string& ns) {
  static const app_traffic nobody;
  auto found = c.traffic().apps.find(ns);
  return (found == c.traffic().apps.end() ? nobody : found->second).flow();
}

std::vector<traffic_segment> seen_by_users(const traffic_state& state, vtime from, vtime to) {
  std::vector<traffic_segment> out;
  const auto& [old, recent] = std::tie(state.timeline, state.recent);
  const auto reaches = [&](vtime begins, vtime ends) {
    return std::max(begins, from) < std::min(ends, to);
  };
  const auto after_old = recent.empty() ? vtime::max() : recent.front().from;
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (reaches(old[i].from, i + 1 < old.size() ? old[i + 1].from : after_old))
      out.push_back(old[i]);
  }
  for (std::size_t i = 0; i < recent.size(); ++i) {
    if (reaches(recent[i].from, i + 1 < recent.size() ? recent[i + 1].from : vtime::max()))
      add_segment(out, told(recent[i]));
  }
  return out;
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
