#include "environments/embedded/flow.hpp"

#include "environments/embedded/flow_draws.hpp"
#include "environments/embedded/flow_graph.hpp"
#include "runtime/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>

namespace remed::env {

namespace {

constexpr double never = std::numeric_limits<double>::infinity();
/// An address with nobody behind it, or a port nobody listens on, answers this fast.
constexpr double refusal_ms = 1;

/// A permutation of 0..flow_cases-1 and a shift: the cases of two quantities become independent
/// while each keeps its exact distribution.
class shuffled {
public:
  shuffled(std::uint64_t seed, std::string_view purpose) {
    auto r = random_source{seed}.split(purpose);
    factor_ = static_cast<int>(r.below(flow_cases / 2)) * 2 + 1;
    shift_ = static_cast<int>(r.below(flow_cases));
    mask_ = static_cast<int>(r.below(flow_cases));
    jitter_ = r.unit();
  }
  int index(int i) const {
    auto k = static_cast<unsigned>(i * factor_ + shift_) % flow_cases;
    k ^= (k >> 4); // breaks the lattice, stays a permutation
    return static_cast<int>((k * 37 + static_cast<unsigned>(mask_)) % flow_cases);
  }
  /// In (0, 1), each stratum once.
  double unit(int i) const { return unit_of(index(i)); }
  /// The same by what `index` gave.
  double unit_of(int stratum) const { return (stratum + 0.25 + jitter_ / 2) / flow_cases; }

private:
  int factor_, shift_, mask_;
  double jitter_;
};

using strata = std::array<double, flow_cases>;

/// exp(spread · z) for the normal quantile z of each stratum.
strata spread_factors(double spread) {
  static const auto z = [] {
    std::array<double, flow_cases> out{};
    for (int i = 0; i < flow_cases; ++i) {
      auto u = (i + 0.5) / flow_cases;
      out[static_cast<std::size_t>(i)] = std::log(u / (1 - u)) / 1.702;
    }
    return out;
  }();
  strata out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::exp(spread * z[i]);
  return out;
}

/// Its link adds nothing to what it sends, whatever the draw.
bool is_clean(const flow_container& sender) {
  return !sender.partitioned && sender.delay_ms == 0 && sender.jitter_ms == 0 && sender.loss <= 0 &&
         sender.bytes_per_s <= 0;
}

struct answers {
  std::array<double, flow_cases> ms{}; ///< `never` for one that does not come
  std::array<bool, flow_cases> ok{};
};

/// The calls a service makes to one other, for each of its cases.
class call_plan {
public:
  call_plan(std::uint64_t seed, const std::string& tag, const flow_edge& edge,
            const answers& theirs, const flow_service* there)
      : edge_(edge),
        theirs_(theirs),
        there_(there),
        often_(seed, tag),
        which_(seed, edge.call->to + "/pod") {
    for (const auto& peer : there ? there->endpoints : std::vector<flow_container>{})
      filtered_ = filtered_ || !peer.filters.empty();
    auto most = std::min(50, static_cast<int>(std::ceil(edge.call->per_request)));
    for (int n = 0; n < most; ++n) {
      pick_.emplace_back(seed, tag + "/" + std::to_string(n));
      link_.emplace_back(seed, tag + "/link/" + std::to_string(n));
    }
  }

  int route() const { return edge_.route; }

  /// Adds what one call after the other takes, as made from one pod.
  void follow(const flow_container& from, int i, double& ms, bool& ok) const {
    const auto& call = *edge_.call;
    auto count = static_cast<std::size_t>(call.per_request + 1 - often_.unit(i));
    auto limit = call.timeout_s > 0 ? call.timeout_s * 1000 : patience_ms;
    const auto& lost = from.lost_names;
    const bool nameless = std::find(lost.begin(), lost.end(), call.to) != lost.end();
    const bool clean = is_clean(from) && from.filters.empty() && !filtered_;
    for (std::size_t n = 0; n < std::min(count, pick_.size()) && ok; ++n) {
      bool fine = false;
      for (int attempt = 0; attempt <= call.retries && !fine; ++attempt) {
        auto k = (i + 53 * attempt) % flow_cases;
        auto j = pick_[n].index(k);
        auto took = theirs_.ms[j];
        if (!clean) {
          took = took + connect_extra_ms(from, link_[n].unit(k)) +
                 answer_extra_ms(from, link_[n].unit((k + 31) % flow_cases));
          took += filters_ms(from, j, link_[n].unit((k + 67) % flow_cases));
        }
        if (nameless) took = refusal_ms;
        fine = theirs_.ok[j] && took <= limit && !nameless;
        ms += std::min(took, limit);
      }
      if (!fine && call.required) ok = false;
    }
  }

private:
  /// What filters between the caller and the pod that answers case j add, both ways; ms.
  double filters_ms(const flow_container& from, int j, double u) const {
    if (!there_ || there_->endpoints.empty()) return 0;
    const auto& pods = there_->endpoints;
    const auto& peer = pods[static_cast<std::size_t>(which_.index(j)) * pods.size() / flow_cases];
    if (from.filters.empty() && peer.filters.empty()) return 0;
    double out = 0;
    for (const auto& link :
         {filtered_link(from, peer.address), filtered_link(peer, from.address)}) {
      out += connect_extra_ms(link, u) + answer_extra_ms(link, 1 - u);
    }
    return out;
  }

  const flow_edge& edge_;
  const answers& theirs_;
  const flow_service* there_;
  bool filtered_ = false; ///< some pod there filters packets
  shuffled often_, which_;
  std::vector<shuffled> pick_, link_;
};

/// The time that the cases of a service need the CPU.
class cpu_draws {
public:
  cpu_draws(std::uint64_t seed, const service_profile& p) : p_(p), work_(seed, p.name + "/cpu") {}

  /// Under overload those who are served wait for those who give up: at most the users' patience.
  double ms(const flow_container& pod, double rho, int i) {
    const auto u = work_.index(i), v = work_.index((i + 97) % flow_cases);
    const auto load = std::min(rho, full_load);
    auto ms = is_plain(pod)
                  ? plain_ms(pod, load, static_cast<std::size_t>(u), static_cast<std::size_t>(v))
                  : service_draw_ms(pod, p_, load, work_.unit_of(u), work_.unit_of(v));
    return rho > full_load ? std::min(ms, 0.9 * patience_ms * work_.unit_of(u)) : ms;
  }

private:
  /// As service_draw_ms for such a pod. The strata are the same for both draws, so that each
  /// quantile is told once.
  double plain_ms(const flow_container& pod, double rho, std::size_t u, std::size_t v) {
    if (p_.cpu_ms <= 0) return 0;
    if (!known_) fill();
    known_ = true;
    return work_factor_[v] * plain_draw_ms(pod, p_.cpu_ms, rho, normal_[u]);
  }
  void fill() {
    for (int k = 0; k < flow_cases; ++k) {
      const auto at = static_cast<std::size_t>(k);
      normal_[at] = normal_quantile(work_.unit_of(k));
      work_factor_[at] = work_factor(normal_[at]);
    }
  }

  const service_profile& p_;
  shuffled work_;
  bool known_ = false;
  strata normal_{}, work_factor_{};
};

/// Which route each case takes: shares of the strata in order.
std::vector<int> routes_taken(const service_profile& p, std::uint64_t seed) {
  std::vector<int> out(flow_cases, -1);
  double total = 0;
  for (const auto& route : p.routes) total += route.share;
  if (total <= 0) return out;
  shuffled which(seed, p.name + "/route");
  for (int i = 0; i < flow_cases; ++i) {
    auto u = which.unit(i) * total;
    int r = 0;
    for (; r + 1 < static_cast<int>(p.routes.size()); ++r) {
      u -= p.routes[static_cast<std::size_t>(r)].share;
      if (u < 0) break;
    }
    out[static_cast<std::size_t>(i)] = r;
  }
  return out;
}

class evaluation {
public:
  evaluation(const system_profile& system, const flow_input& input, std::uint64_t seed)
      : graph_(system, input), seed_(seed), done_(graph_.nodes().size()) {}

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
    const auto& p = *node.profile;
    answers out;
    const auto& pods = node.where->endpoints;
    if (!node.where->resolvable || pods.empty()) {
      out.ms.fill(refusal_ms);
      return out;
    }
    shuffled which(seed_, p.name + "/pod");
    cpu_draws work(seed_, p);
    shuffled own(seed_, p.name + "/own");
    shuffled syn(seed_, p.name + "/syn"), reply(seed_, p.name + "/reply");
    shuffled overload(seed_, p.name + "/overload"), trouble(seed_, p.name + "/trouble");
    std::vector<call_plan> plans;
    if (node.answers()) {
      for (const auto& edge : node.calls) {
        plans.emplace_back(
            seed_, p.name + ">" + std::to_string(edge.route) + edge.call->to, edge, of(edge.to),
            edge.to < 0 ? nullptr : graph_.nodes()[static_cast<std::size_t>(edge.to)].where);
      }
    }
    const auto routes = routes_taken(p, seed_);
    const auto& spreads = spread(p.spread);
    std::vector<double> rho;
    for (const auto& pod : pods) {
      rho.push_back(
          utilisation(pod, node.rps / static_cast<double>(pods.size()), p.cpu_ms, p.threads));
    }
    for (int i = 0; i < flow_cases; ++i) {
      const auto n = static_cast<std::size_t>(which.index(i)) * pods.size() / flow_cases;
      const auto& pod = pods[n];
      if (!pod.listening || pod.partitioned) {
        out.ms[i] = pod.partitioned ? never : refusal_ms;
        continue;
      }
      if (rho[n] > full_load && overload.unit(i) > full_load / rho[n]) {
        out.ms[i] = never; // no CPU is left for this one
        continue;
      }
      const auto errors = 1 - (1 - pod.failure) * (1 - pod.proxy_failure);
      if (errors > 0 && trouble.unit(i) < errors) {
        out.ms[i] = refusal_ms;
        continue;
      }
      auto ms =
          std::max(0.0, p.latency_ms - p.cpu_ms) * spreads[static_cast<std::size_t>(own.index(i))] +
          pod.io_delay_ms + pod.app_ms + pod.proxy_ms + work.ms(pod, rho[n], i);
      out.ok[i] = true;
      for (const auto& plan : plans) {
        if (plan.route() < 0 || plan.route() == routes[static_cast<std::size_t>(i)])
          plan.follow(pod, i, ms, out.ok[i]);
      }
      if (!is_clean(pod))
        ms = ms + connect_extra_ms(pod, syn.unit(i)) + answer_extra_ms(pod, reply.unit(i));
      out.ms[i] = ms;
    }
    return out;
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

} // namespace

flow_result evaluate_flow(const system_profile& system, const flow_input& input,
                          std::uint64_t seed) {
  evaluation run(system, input, seed);
  const auto& graph = run.graph();
  flow_result out;
  std::vector<const answers*> entries;
  for (const auto& entry : system.entry) entries.push_back(&run.of(graph.number(entry)));
  auto seen = summary(entries);
  out.success = seen.success;
  out.p50_ms = seen.p50_ms;
  out.p95_ms = seen.p95_ms;
  out.rps = graph.entry_rps() * static_cast<double>(system.entry.size());
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const auto& node = graph.nodes()[i];
    auto flow = node.rps > 0 ? summary({&run.of(static_cast<int>(i))}) : service_flow{};
    flow.rps = node.rps;
    for (const auto& pod : node.where->endpoints) {
      if (!pod.listening || pod.partitioned) continue;
      flow.busy_cores[pod.pod] = node.rps / static_cast<double>(node.where->endpoints.size()) *
                                 node.profile->cpu_ms / 1000;
    }
    out.services[node.profile->name] = std::move(flow);
  }
  return out;
}

} // namespace remed::env
