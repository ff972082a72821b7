#include "environments/embedded/flow.hpp"

#include "environments/embedded/flow_cases.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

namespace remed::env {

namespace {

/// Follows the cases that somebody asks for, and of each callee those that a caller meets.
class evaluation {
public:
  evaluation(const flow_graph& graph, std::uint64_t seed)
      : graph_(graph), seed_(seed), parts_(graph.nodes().size()) {
    // Users come first: where services call each other in a ring, whoever is met first waits for
    // the others.
    for (const auto entry : graph.calls().entries) {
      if (entry >= 0) visit(static_cast<std::size_t>(entry));
    }
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (graph.nodes()[i].rps > 0) visit(i);
    }
  }

  /// Follows all cases of these services; -1 is no service.
  void follow(const std::vector<int>& services) {
    for (const auto one : services) {
      if (one >= 0) parts_[static_cast<std::size_t>(one)].wanted.add_all();
    }
    for (auto at = order_.rbegin(); at != order_.rend(); ++at) prepare(*at);
    for (const auto at : order_) {
      if (parts_[at].now) compute(at);
    }
  }
  /// Of a service that was followed, or -1.
  const answers& of(int service) const {
    static const auto nobody = answers::alike(refusal_ms, false);
    return service < 0 ? nobody : parts_[static_cast<std::size_t>(service)].now->cases.out;
  }

private:
  /// A service while it is followed.
  struct service_work {
    std::vector<met_pod> pods;
    std::vector<call_plan> calls;
    followed cases;
  };
  struct service_part {
    bool seen = false;
    std::size_t place = 0; ///< in the order
    case_set wanted;
    std::unique_ptr<service_work> now; ///< only when some cases are wanted
  };

  const flow_node& node(std::size_t at) const { return graph_.nodes()[at]; }
  bool is_somewhere(std::size_t at) const {
    return node(at).where->resolvable && !node(at).where->endpoints.empty();
  }

  /// Puts a service after those it calls, but for those that wait for it.
  void visit(std::size_t at) {
    if (std::exchange(parts_[at].seen, true)) return;
    parts_[at].place = parts_.size();
    if (is_somewhere(at) && node(at).answers()) {
      for (const auto& edge : node(at).in->calls) {
        if (edge.to >= 0) visit(static_cast<std::size_t>(edge.to));
      }
    }
    parts_[at].place = order_.size();
    order_.push_back(at);
  }
  /// Told before the caller is; the others wait for the caller.
  bool is_told(int callee, std::size_t caller) const {
    return parts_[static_cast<std::size_t>(callee)].place < parts_[caller].place;
  }

  /// Says which cases the callees are wanted for.
  void prepare(std::size_t at) {
    auto& part = parts_[at];
    if (part.wanted.empty()) return;
    part.now = std::make_unique<service_work>();
    auto& now = *part.now;
    now.cases.which.assign(part.wanted);
    if (!is_somewhere(at)) return;
    const auto& n = node(at);
    now.pods = meet(n);
    take_routes(*n.in->profile, seed_, now.cases);
    if (!n.answers()) return;
    now.calls.reserve(n.in->calls.size());
    auto tag = n.in->profile->name;
    for (const auto& edge : n.in->calls) {
      const auto* there = edge.to < 0 ? nullptr : node(static_cast<std::size_t>(edge.to)).where;
      const auto& plan = now.calls.emplace_back(seed_, tag, edge, there, now.pods);
      if (edge.to >= 0 && is_told(edge.to, at))
        plan.add_wanted(now.cases, parts_[static_cast<std::size_t>(edge.to)].wanted);
    }
  }

  void compute(std::size_t at) {
    auto& now = *parts_[at].now;
    if (!is_somewhere(at)) {
      now.cases.out = answers::alike(refusal_ms, false);
      return;
    }
    const auto& profile = *node(at).in->profile;
    serve(profile, now.pods, now.cases);
    for (const auto& plan : now.calls) {
      const auto to = plan.callee();
      if (to < 0) {
        plan.follow(of(to), now.cases);
      } else if (!is_told(to, at)) {
        // A ring meets the healthy answer of a service that is still being evaluated.
        const auto& waits = *node(static_cast<std::size_t>(to)).in->profile;
        plan.follow(answers::alike(waits.latency_ms, true), now.cases);
      } else if (parts_[static_cast<std::size_t>(to)].now) {
        plan.follow(of(to), now.cases);
      }
    }
    send_answers(profile, now.pods, now.cases);
  }

  std::vector<met_pod> meet(const flow_node& node) const {
    const auto& p = *node.in->profile;
    const auto& pods = node.where->endpoints;
    const auto rps = node.rps / static_cast<double>(pods.size());
    std::vector<met_pod> out;
    out.reserve(pods.size());
    for (const auto& pod : pods) {
      const auto rho = utilisation(pod, rps, p.cpu_ms, p.threads);
      const auto load = std::min(rho, full_load);
      out.push_back({pod, rho, 1 - (1 - pod.failure) * (1 - pod.proxy_failure),
                     pod.listening && !pod.partitioned, is_clean(pod),
                     cpu_mean_ms(pod, p.cpu_ms, load), draw_width(pod, load)});
    }
    return out;
  }

  /// Each case's own time, or why it has none.
  void serve(const service_profile& p, const std::vector<met_pod>& pods, followed& cases) const {
    std::optional<shuffled> which;
    if (pods.size() > 1) which.emplace(seed_, p.name + "/pod");
    const shuffled own(seed_, p.name + "/own");
    std::optional<shuffled> overload, trouble; // hardly ever met
    const auto unit = [&](std::optional<shuffled>& of, const char* what, int i) {
      if (!of) of.emplace(seed_, p.name + what);
      return of->unit(i);
    };
    cpu_draws cpu(seed_, p);
    const auto rest_ms = std::max(0.0, p.latency_ms - p.cpu_ms);
    for (const auto i : cases.which) {
      const auto n =
          which ? static_cast<std::size_t>(which->index(i)) * pods.size() / flow_cases : 0;
      cases.pod[i] = static_cast<std::uint16_t>(n);
      const auto& pod = pods[n];
      auto& ms = cases.out.ms[i];
      cases.served[i] = cases.out.ok[i] = false;
      if (!pod.reached) {
        ms = pod.at.partitioned ? never : refusal_ms;
      } else if (pod.rho > full_load && unit(overload, "/overload", i) > full_load / pod.rho) {
        ms = never; // no CPU is left for this one
      } else if (pod.errors > 0 && unit(trouble, "/trouble", i) < pod.errors) {
        ms = refusal_ms;
      } else {
        ms = rest_ms * own_factor(p.spread, own.index(i)) + pod.at.io_delay_ms + pod.at.app_ms +
             pod.at.proxy_ms + cpu.ms(pod, i);
        cases.served[i] = cases.out.ok[i] = true;
      }
    }
  }

  void send_answers(const service_profile& p, const std::vector<met_pod>& pods,
                    followed& cases) const {
    if (std::all_of(pods.begin(), pods.end(), [](const auto& pod) { return pod.clean; })) return;
    const shuffled syn(seed_, p.name + "/syn"), reply(seed_, p.name + "/reply");
    for (const auto i : cases.which) {
      const auto& pod = pods[cases.pod[i]];
      if (!cases.served[i] || pod.clean) continue;
      cases.out.ms[i] = cases.out.ms[i] + connect_extra_ms(pod.at, syn.unit(i)) +
                        answer_extra_ms(pod.at, reply.unit(i));
    }
  }

  const flow_graph& graph_;
  std::uint64_t seed_;
  std::vector<service_part> parts_;
  std::vector<std::size_t> order_; ///< of the services that are called
};

/// Sorts times, none of them negative. Their bits, read as integers, are in the same order: by the
/// uppermost that differ they fall into classes, which leaves little to be moved.
void sort_times(std::vector<double>& times) {
  constexpr int class_bits = 9;
  if (times.size() < 2) return;
  const auto [least, most] = std::minmax_element(times.begin(), times.end());
  const auto from = std::bit_cast<std::uint64_t>(*least);
  const auto span = std::bit_cast<std::uint64_t>(*most) - from;
  const auto shift = std::max(0, static_cast<int>(std::bit_width(span)) - class_bits);
  const auto class_of = [&](double t) { return (std::bit_cast<std::uint64_t>(t) - from) >> shift; };
  std::array<std::size_t, (1U << class_bits) + 1> place{};
  for (auto t : times) ++place[class_of(t) + 1];
  std::partial_sum(place.begin(), place.end(), place.begin());
  std::vector<double> out(times.size());
  for (auto t : times) out[place[class_of(t)]++] = t;
  for (std::size_t i = 1; i < out.size(); ++i) {
    for (auto j = i; j > 0 && out[j] < out[j - 1]; --j) std::swap(out[j], out[j - 1]);
  }
  times = std::move(out);
}

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

/// Turns cases into shares and quantiles; an answer after the users' patience is an error.
service_flow summary(const std::vector<const answers*>& all) {
  service_flow out;
  std::vector<double> good;
  good.reserve(all.size() * flow_cases);
  std::size_t total = 0;
  std::array<std::size_t, latency_bounds_ms.size()> within{};
  for (const auto* a : all) {
    total += flow_cases;
    for (int i = 0; i < flow_cases; ++i) {
      auto ms = std::min(a->ms[i], patience_ms);
      if (a->ok[i] && a->ms[i] <= patience_ms) good.push_back(ms);
      const auto bound = std::lower_bound(latency_bounds_ms.begin(), latency_bounds_ms.end(), ms);
      if (bound != latency_bounds_ms.end())
        ++within[static_cast<std::size_t>(bound - latency_bounds_ms.begin())];
    }
  }
  if (total == 0) return out;
  std::partial_sum(within.begin(), within.end(), within.begin());
  for (std::size_t b = 0; b < within.size(); ++b) {
    out.within[b] = static_cast<float>(within[b]) / static_cast<float>(total);
  }
  sort_times(good);
  out.success = static_cast<double>(good.size()) / static_cast<double>(total);
  out.p50_ms = quantile(good, 0.5);
  out.p90_ms = quantile(good, 0.9);
  out.p95_ms = quantile(good, 0.95);
  out.p99_ms = quantile(good, 0.99);
  for (auto ms : good) out.mean_ms += ms / static_cast<double>(good.size());
  return out;
}

users_flow users_of(const flow_graph& graph, const evaluation& run) {
  std::vector<const answers*> entries;
  for (const auto entry : graph.calls().entries) entries.push_back(&run.of(entry));
  const auto seen = summary(entries);
  return {seen.success, seen.p50_ms, seen.p95_ms,
          graph.entry_rps() * static_cast<double>(entries.size())};
}

service_flow service_of(const flow_graph& graph, const evaluation& run, int number) {
  const auto& node = graph.nodes()[static_cast<std::size_t>(number)];
  auto out = node.rps > 0 ? summary({&run.of(number)}) : service_flow{};
  out.rps = node.rps;
  const auto& pods = node.where->endpoints;
  for (const auto& pod : pods) {
    if (!pod.listening || pod.partitioned) continue;
    out.busy_cores[pod.pod] = share_of_cores(*node.in->profile, pods.size(), node.rps);
  }
  return out;
}

} // namespace

users_flow evaluate_users(const flow_graph& graph, std::uint64_t seed) {
  evaluation run(graph, seed);
  run.follow(graph.calls().entries);
  return users_of(graph, run);
}

service_flow evaluate_service(const flow_graph& graph, int number, std::uint64_t seed) {
  evaluation run(graph, seed);
  if (graph.nodes()[static_cast<std::size_t>(number)].rps > 0) run.follow({number});
  return service_of(graph, run, number);
}

flow_result evaluate_flow(const flow_graph& graph, std::uint64_t seed) {
  evaluation run(graph, seed);
  const auto& nodes = graph.nodes();
  auto asked = graph.calls().entries;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].rps > 0) asked.push_back(static_cast<int>(i));
  }
  run.follow(asked);
  flow_result out;
  static_cast<users_flow&>(out) = users_of(graph, run);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    out.services[nodes[i].in->profile->name] = service_of(graph, run, static_cast<int>(i));
  return out;
}

flow_result evaluate_flow(const system_profile& system, const flow_input& input,
                          std::uint64_t seed) {
  const call_graph calls(system);
  return evaluate_flow(flow_graph(system, calls, input), seed);
}

} // namespace remed::env
