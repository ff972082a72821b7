#include "environments/embedded/flow.hpp"

#include "environments/embedded/flow_cases.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

namespace remed::env {

namespace {

class evaluation {
public:
  evaluation(flow_graph graph, std::uint64_t seed)
      : graph_(std::move(graph)), seed_(seed), done_(graph_.nodes().size()) {}

  const flow_graph& graph() const { return graph_; }

  const answers& of(int number) {
    static const answers nobody = [] {
      answers out;
      out.ms.fill(refusal_ms);
      return out;
    }();
    if (number < 0) return nobody;
    auto& place = done_[static_cast<std::size_t>(number)];
    if (place) return *place;
    const auto& node = graph_.nodes()[static_cast<std::size_t>(number)];
    // A cycle meets the healthy answer of a service that is still being evaluated.
    place = std::make_unique<answers>();
    place->ok.fill(true);
    place->ms.fill(node.profile->latency_ms);
    auto computed = compute(node);
    *place = computed;
    return *place;
  }

private:
  const strata& spread(double width) {
    auto found = spreads_.find(width);
    return found != spreads_.end() ? found->second
                                   : spreads_.emplace(width, spread_factors(width)).first->second;
  }

  answers compute(const flow_node& node) {
    followed cases;
    if (!node.where->resolvable || node.where->endpoints.empty()) {
      cases.out.ms.fill(refusal_ms);
      return cases.out;
    }
    const auto pods = meet(node);
    cases.route = routes_taken(*node.profile, seed_);
    serve(node, pods, cases);
    if (node.answers()) make_calls(node, pods, cases);
    send_answers(*node.profile, pods, cases);
    return cases.out;
  }

  static std::vector<met_pod> meet(const flow_node& node) {
    const auto& p = *node.profile;
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

  /// Each case's own time, when one pod is there and nothing is wrong with it.
  void serve_all(const service_profile& p, const met_pod& pod, followed& cases) {
    const auto cpu = cpu_draws(seed_, p).all_ms(pod);
    const auto own = shuffled(seed_, p.name + "/own").indices();
    const auto& spreads = spread(p.spread);
    const auto rest_ms = std::max(0.0, p.latency_ms - p.cpu_ms);
    for (std::size_t i = 0; i < flow_cases; ++i) {
      cases.out.ms[i] =
          rest_ms * spreads[own[i]] + pod.at.io_delay_ms + pod.at.app_ms + pod.at.proxy_ms + cpu[i];
    }
    cases.served.fill(true);
    cases.out.ok.fill(true);
  }

  /// Each case's own time, or why it has none.
  void serve(const flow_node& node, const std::vector<met_pod>& pods, followed& cases) {
    const auto& p = *node.profile;
    const auto& first = pods.front();
    if (pods.size() == 1 && first.reached && first.rho <= full_load && first.errors <= 0 &&
        is_plain(first.at)) {
      serve_all(p, first, cases);
      return;
    }
    const shuffled which(seed_, p.name + "/pod"), own(seed_, p.name + "/own");
    const shuffled overload(seed_, p.name + "/overload"), trouble(seed_, p.name + "/trouble");
    cpu_draws work(seed_, p);
    const auto& spreads = spread(p.spread);
    const auto rest_ms = std::max(0.0, p.latency_ms - p.cpu_ms);
    for (int i = 0; i < flow_cases; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto n = pods.size() == 1
                         ? 0
                         : static_cast<std::size_t>(which.index(i)) * pods.size() / flow_cases;
      cases.pod[at] = static_cast<std::uint16_t>(n);
      const auto& pod = pods[n];
      auto& ms = cases.out.ms[at];
      if (!pod.reached) {
        ms = pod.at.partitioned ? never : refusal_ms;
      } else if (pod.rho > full_load && overload.unit(i) > full_load / pod.rho) {
        ms = never; // no CPU is left for this one
      } else if (pod.errors > 0 && trouble.unit(i) < pod.errors) {
        ms = refusal_ms;
      } else {
        ms = rest_ms * spreads[static_cast<std::size_t>(own.index(i))] + pod.at.io_delay_ms +
             pod.at.app_ms + pod.at.proxy_ms + work.ms(pod, i);
        cases.served[at] = cases.out.ok[at] = true;
      }
    }
  }

  void make_calls(const flow_node& node, const std::vector<met_pod>& pods, followed& cases) {
    for (const auto& edge : node.calls) {
      const auto& theirs = of(edge.to);
      const auto* there =
          edge.to < 0 ? nullptr : graph_.nodes()[static_cast<std::size_t>(edge.to)].where;
      auto tag = node.profile->name + ">" + std::to_string(edge.route) + edge.call->to;
      call_plan(seed_, std::move(tag), edge, theirs, there, pods).follow(cases);
    }
  }

  void send_answers(const service_profile& p, const std::vector<met_pod>& pods,
                    followed& cases) const {
    if (std::all_of(pods.begin(), pods.end(), [](const auto& pod) { return pod.clean; })) return;
    const shuffled syn(seed_, p.name + "/syn"), reply(seed_, p.name + "/reply");
    for (int i = 0; i < flow_cases; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const auto& pod = pods[cases.pod[at]];
      if (!cases.served[at] || pod.clean) continue;
      cases.out.ms[at] = cases.out.ms[at] + connect_extra_ms(pod.at, syn.unit(i)) +
                         answer_extra_ms(pod.at, reply.unit(i));
    }
  }

  flow_graph graph_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<answers>> done_;
  std::map<double, strata> spreads_; ///< many services have the same
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

users_flow users_of(const system_profile& system, evaluation& run) {
  std::vector<const answers*> entries;
  for (const auto& entry : system.entry) entries.push_back(&run.of(run.graph().number(entry)));
  const auto seen = summary(entries);
  return {seen.success, seen.p50_ms, seen.p95_ms,
          run.graph().entry_rps() * static_cast<double>(system.entry.size())};
}

} // namespace

users_flow evaluate_users(const system_profile& system, const flow_input& input,
                          const flow_rates& rates, std::uint64_t seed) {
  evaluation run({system, input, rates}, seed);
  return users_of(system, run);
}

flow_result evaluate_flow(const system_profile& system, const flow_input& input,
                          const flow_rates& rates, std::uint64_t seed) {
  evaluation run({system, input, rates}, seed);
  flow_result out;
  static_cast<users_flow&>(out) = users_of(system, run);
  const auto& nodes = run.graph().nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto& node = nodes[i];
    auto flow = node.rps > 0 ? summary({&run.of(static_cast<int>(i))}) : service_flow{};
    flow.rps = node.rps;
    const auto& pods = node.where->endpoints;
    for (const auto& pod : pods) {
      if (!pod.listening || pod.partitioned) continue;
      flow.busy_cores[pod.pod] = share_of_cores(*node.profile, pods.size(), node.rps);
    }
    out.services[node.profile->name] = std::move(flow);
  }
  return out;
}

flow_result evaluate_flow(const system_profile& system, const flow_input& input,
                          std::uint64_t seed) {
  return evaluate_flow(system, input, flow_graph(system, input).rates(), seed);
}

} // namespace remed::env
