// The equally likely cases that requests are followed as: how chance falls on them, what one
// service's cases take, and what their calls add. For flow.cpp alone.
#pragma once

#include "environments/embedded/flow_draws.hpp"
#include "environments/embedded/flow_graph.hpp"
#include "runtime/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

/// An address with nobody behind it, or a port nobody listens on, answers this fast.
inline constexpr double refusal_ms = 1;

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
  /// All of them.
  std::array<std::uint16_t, flow_cases> indices() const {
    // Only the lowest bits count: 16 are enough, and eight of them are told at once.
    using word = std::uint16_t;
    const auto factor = static_cast<word>(factor_), shift = static_cast<word>(shift_);
    const auto mask = static_cast<word>(mask_);
    std::array<word, flow_cases> out;
    for (word i = 0; i < flow_cases; ++i) {
      const auto k = static_cast<word>(static_cast<word>(i * factor + shift) % flow_cases);
      const auto mixed = static_cast<word>(k ^ (k >> 4));
      out[i] = static_cast<word>(static_cast<word>(mixed * 37 + mask) % flow_cases);
    }
    return out;
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
inline strata spread_factors(double spread) {
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
inline bool is_clean(const flow_container& sender) {
  return !sender.partitioned && sender.delay_ms == 0 && sender.jitter_ms == 0 && sender.loss <= 0 &&
         sender.bytes_per_s <= 0;
}

struct answers {
  std::array<double, flow_cases> ms{}; ///< `never` for one that does not come
  std::array<bool, flow_cases> ok{};
};

/// One endpoint of a service, as its cases meet it.
struct met_pod {
  const flow_container& at;
  double rho;
  double errors; ///< share of its requests that end in one
  bool reached, clean;
  double cpu_ms, sigma; ///< of a plain one: mean and width of the time the CPU takes
};

/// What becomes of each case of a service while it is followed.
struct followed {
  std::array<std::uint16_t, flow_cases> pod{}; ///< which one serves it
  std::array<bool, flow_cases> served{};       ///< gets as far as making calls
  std::array<int, flow_cases> route{};         ///< which one it takes; -1: none
  answers out;
};

/// More calls than this are not followed one by one.
inline constexpr double most_calls = 50;

/// The calls a service makes to one other, for each of its cases.
class call_plan {
public:
  /// `tag` names the calls among all.
  call_plan(std::uint64_t seed, std::string tag, const flow_edge& edge, const answers& theirs,
            const flow_service* there, const std::vector<met_pod>& pods)
      : edge_(edge),
        theirs_(theirs),
        there_(there),
        pods_(pods),
        often_(seed, tag),
        which_(seed, edge.call->to + "/pod") {
    if (there) {
      filtered_ = std::any_of(there->endpoints.begin(), there->endpoints.end(),
                              [](const auto& peer) { return !peer.filters.empty(); });
    }
    all_plain_ = !filtered_;
    for (const auto& pod : pods) {
      const auto& lost = pod.at.lost_names;
      nameless_.push_back(std::find(lost.begin(), lost.end(), edge.call->to) != lost.end());
      plain_.push_back(!filtered_ && pod.clean && pod.at.filters.empty());
      all_plain_ = all_plain_ && plain_.back() && !nameless_.back();
    }
    const auto most = static_cast<int>(std::min(most_calls, std::ceil(edge.call->per_request)));
    pick_.reserve(static_cast<std::size_t>(most));
    for (int n = 0; n < most; ++n) {
      const auto number = std::to_string(n);
      if (!all_plain_) link_.emplace_back(seed, tag + "/link/" + number);
      const auto length = tag.size();
      pick_.emplace_back(seed, tag.append("/").append(number));
      tag.resize(length);
    }
  }

  /// Adds what one call after the other takes to the cases that make it.
  void follow(followed& cases) const {
    std::array<std::uint16_t, flow_cases> counts; // calls of each case
    const auto per_request = edge_.call->per_request;
    if (per_request == std::floor(per_request)) {
      counts.fill(static_cast<std::uint16_t>(std::min(per_request, most_calls)));
    } else {
      for (int i = 0; i < flow_cases; ++i) {
        const auto count = std::min(per_request + 1 - often_.unit(i), most_calls);
        counts[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(static_cast<int>(count));
      }
    }
    std::array<std::uint16_t, flow_cases> callers; // the cases that make the call
    std::size_t many = 0;
    for (std::size_t i = 0; i < flow_cases; ++i) {
      callers[many] = static_cast<std::uint16_t>(i);
      if (cases.out.ok[i] && (edge_.route < 0 || edge_.route == cases.route[i])) ++many;
    }
    if (all_plain_ && edge_.call->retries == 0) {
      follow_plain(callers, many, counts, cases);
      return;
    }
    for (std::size_t k = 0; k < many; ++k) {
      const auto i = callers[k];
      const auto count = std::min<std::size_t>(counts[i], pick_.size());
      follow(cases.pod[i], i, count, cases.out.ms[i], cases.out.ok[i]);
    }
  }

private:
  /// As `follow` of each case, when nothing is between any pod and the callee.
  void follow_plain(std::array<std::uint16_t, flow_cases>& callers, std::size_t many,
                    const std::array<std::uint16_t, flow_cases>& counts, followed& cases) const {
    for (std::size_t n = 0; n < pick_.size() && many > 0; ++n) {
      const auto picked = pick_[n].indices();
      std::size_t left = 0; // that may call again
      for (std::size_t k = 0; k < many; ++k) {
        const auto i = callers[k];
        if (n >= counts[i]) continue;
        const auto j = picked[i];
        const auto took = theirs_.ms[j];
        cases.out.ms[i] += std::min(took, edge_.limit);
        const bool fine = theirs_.ok[j] && took <= edge_.limit;
        if (fine || !edge_.call->required)
          callers[left++] = i;
        else
          cases.out.ok[i] = false;
      }
      many = left;
    }
  }
  void follow(std::size_t pod, int i, std::size_t count, double& ms, bool& ok) const {
    const auto& call = *edge_.call;
    const bool nameless = nameless_[pod], plain = plain_[pod];
    const auto limit = edge_.limit;
    for (std::size_t n = 0; n < count && ok; ++n) {
      bool fine = false;
      for (int attempt = 0; attempt <= call.retries && !fine; ++attempt) {
        const auto k = (i + 53 * attempt) % flow_cases;
        const auto j = pick_[n].index(k);
        auto took = theirs_.ms[static_cast<std::size_t>(j)];
        if (!plain) took = over_link(took, pods_[pod].at, link_[n], k, j);
        if (nameless) took = refusal_ms;
        fine = theirs_.ok[static_cast<std::size_t>(j)] && took <= limit && !nameless;
        ms += std::min(took, limit);
      }
      if (!fine && call.required) ok = false;
    }
  }
  double over_link(double took, const flow_container& from, const shuffled& link, int k,
                   int j) const {
    took = took + connect_extra_ms(from, link.unit(k)) +
           answer_extra_ms(from, link.unit((k + 31) % flow_cases));
    return took + filters_ms(from, j, link.unit((k + 67) % flow_cases));
  }
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
  const std::vector<met_pod>& pods_; ///< the caller's
  bool filtered_ = false;            ///< some pod there filters packets
  bool all_plain_ = false;           ///< every pod is plain and can resolve the name
  std::vector<bool> nameless_;       ///< by pod: it cannot resolve the name
  std::vector<bool> plain_;          ///< by pod: nothing is between it and the callee
  shuffled often_, which_;
  std::vector<shuffled> pick_, link_; ///< links only when some pod is not plain
};

/// The time that the cases of a service need the CPU.
class cpu_draws {
public:
  cpu_draws(std::uint64_t seed, const service_profile& p) : p_(p), work_(seed, p.name + "/cpu") {}

  /// Under overload those who are served wait for those who give up: at most the users' patience.
  double ms(const met_pod& pod, int i) {
    const auto u = work_.index(i), v = work_.index((i + 97) % flow_cases);
    auto ms = is_plain(pod.at)
                  ? plain_ms(pod, static_cast<std::size_t>(u), static_cast<std::size_t>(v))
                  : service_draw_ms(pod.at, p_, std::min(pod.rho, full_load), work_.unit_of(u),
                                    work_.unit_of(v));
    return pod.rho > full_load ? std::min(ms, 0.9 * patience_ms * work_.unit_of(u)) : ms;
  }

  /// As `ms` of every case, for a plain pod that is not overloaded.
  strata all_ms(const met_pod& pod) {
    strata out{};
    if (p_.cpu_ms <= 0) return out;
    fill();
    strata drawn;
    for (std::size_t k = 0; k < flow_cases; ++k)
      drawn[k] = skewed_ms(pod.cpu_ms, pod.sigma, normal_[k]);
    const auto strata_of = work_.indices();
    for (std::size_t i = 0; i < flow_cases; ++i)
      out[i] = work_factor_[strata_of[(i + 97) % flow_cases]] * drawn[strata_of[i]];
    return out;
  }

private:
  /// As service_draw_ms for such a pod. The strata are the same for both draws, so that each
  /// quantile is told once.
  double plain_ms(const met_pod& pod, std::size_t u, std::size_t v) {
    if (p_.cpu_ms <= 0) return 0;
    fill();
    return work_factor_[v] * skewed_ms(pod.cpu_ms, pod.sigma, normal_[u]);
  }
  /// Once: not every service draws.
  void fill() {
    if (std::exchange(known_, true)) return;
    for (int k = 0; k < flow_cases; ++k) {
      const auto at = static_cast<std::size_t>(k);
      normal_[at] = normal_quantile(work_.unit_of(k));
      work_factor_[at] = work_factor(normal_[at]);
    }
  }

  const service_profile& p_;
  shuffled work_;
  bool known_ = false;
  strata normal_, work_factor_;
};

/// Which route each case takes: shares of the strata in order.
inline std::array<int, flow_cases> routes_taken(const service_profile& p, std::uint64_t seed) {
  std::array<int, flow_cases> out;
  out.fill(-1);
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

} // namespace remed::env
