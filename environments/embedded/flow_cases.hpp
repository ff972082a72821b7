// The equally likely cases that requests are followed as: how chance falls on them, what one
// service's cases take, and what their calls add. For flow.cpp alone.
#pragma once

#include "environments/embedded/flow_draws.hpp"
#include "environments/embedded/flow_graph.hpp"
#include "runtime/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
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
  /// In (0, 1), each stratum once.
  double unit(int i) const { return unit_of(index(i)); }
  /// The same by what `index` gave.
  double unit_of(int stratum) const { return (stratum + 0.25 + jitter_ / 2) / flow_cases; }

private:
  int factor_, shift_, mask_;
  double jitter_;
};

/// The factor of a service's own time in one of the strata, by the spread of that time.
inline double own_factor(double spread, int stratum) {
  static const auto quantiles = [] {
    std::array<double, flow_cases> out{};
    for (int i = 0; i < flow_cases; ++i)
      out[static_cast<std::size_t>(i)] = normal_quantile((i + 0.5) / flow_cases);
    return out;
  }();
  return std::exp(spread * quantiles[static_cast<std::size_t>(stratum)]);
}

/// Its link adds nothing to what it sends, whatever the draw.
inline bool is_clean(const flow_container& sender) {
  return !sender.partitioned && sender.delay_ms == 0 && sender.jitter_ms == 0 && sender.loss <= 0 &&
         sender.bytes_per_s <= 0;
}

/// Some of the cases: callers meet few of a callee's, and no other is followed.
class case_set {
public:
  bool contains(int i) const { return (words_[word_of(i)] >> (i % 64) & 1) != 0; }
  void add(int i) { words_[word_of(i)] |= std::uint64_t{1} << (i % 64); }
  void add_all() { words_.fill(~std::uint64_t{0}); }
  bool empty() const {
    return std::all_of(words_.begin(), words_.end(), [](auto word) { return word == 0; });
  }
  /// In rising order.
  template <class Each>
  void each(Each call) const {
    for (std::size_t n = 0; n < words_.size(); ++n) {
      for (auto left = words_[n]; left != 0; left &= left - 1)
        call(static_cast<int>(n) * 64 + std::countr_zero(left));
    }
  }

private:
  static_assert(flow_cases % 64 == 0);
  static std::size_t word_of(int i) { return static_cast<std::size_t>(i) / 64; }
  std::array<std::uint64_t, flow_cases / 64> words_{};
};

/// The same, to be gone through often.
class case_list {
public:
  void assign(const case_set& all) {
    size_ = 0;
    all.each([&](int i) { at_[size_++] = static_cast<std::uint16_t>(i); });
  }
  const std::uint16_t* begin() const { return at_.data(); }
  const std::uint16_t* end() const { return at_.data() + size_; }

private:
  std::array<std::uint16_t, flow_cases> at_;
  std::size_t size_ = 0;
};

/// Of the cases that are followed; of others nothing is told.
struct answers {
  std::array<double, flow_cases> ms; ///< `never` for one that does not come
  std::array<bool, flow_cases> ok;

  static answers alike(double ms, bool ok) {
    answers out;
    out.ms.fill(ms);
    out.ok.fill(ok);
    return out;
  }
};

/// One endpoint of a service, as its cases meet it.
struct met_pod {
  const flow_container& at;
  double rho;
  double errors; ///< share of its requests that end in one
  bool reached, clean;
  double cpu_ms, sigma; ///< of a plain one: mean and width of the time the CPU takes
};

/// What becomes of the cases of a service that are followed.
struct followed {
  case_list which;
  std::array<std::uint16_t, flow_cases> pod; ///< which one serves it
  std::array<bool, flow_cases> served;       ///< gets as far as making calls
  std::array<int, flow_cases> route;         ///< which one it takes; -1: none
  answers out;
};

/// More calls than this are not followed one by one.
inline constexpr double most_calls = 50;

/// The calls a service makes to one other, for each of its cases.
class call_plan {
public:
  /// `tag` names the calls among all; it is given back as it was.
  call_plan(std::uint64_t seed, std::string& tag, const flow_edge& edge, const flow_service* there,
            const std::vector<met_pod>& pods)
      : edge_(edge), there_(there), pods_(pods) {
    const auto named = tag.size();
    tag.append(">").append(std::to_string(edge.route)).append(edge.call->to);
    const auto per_request = edge.call->per_request;
    if (per_request != std::floor(per_request)) often_.emplace(seed, tag);
    const auto most = static_cast<std::size_t>(std::min(most_calls, std::ceil(per_request)));
    draw(seed, tag, "/", most, pick_);
    look_for_trouble();
    if (!plain_.empty()) {
      which_.emplace(seed, edge.call->to + "/pod");
      draw(seed, tag, "/link/", most, link_);
    }
    tag.resize(named);
  }

  int callee() const { return edge_.to; }

  /// The callee's cases that those of the caller may meet.
  void add_wanted(const followed& cases, case_set& out) const {
    for (const auto i : cases.which) {
      if (!is_made_by(cases, i)) continue;
      const auto count = count_of(i);
      for (std::size_t n = 0; n < count; ++n) {
        for (int attempt = 0; attempt <= edge_.call->retries; ++attempt)
          out.add(pick_[n].index(case_of(i, attempt)));
      }
    }
  }

  /// Adds what one call after the other takes to the cases that make it.
  void follow(const answers& theirs, followed& cases) const {
    const bool simple = plain_.empty() && edge_.call->retries == 0;
    for (const auto i : cases.which) {
      if (!cases.out.ok[i] || !is_made_by(cases, i)) continue;
      if (simple)
        follow_plain(theirs, i, cases.out.ms[i], cases.out.ok[i]);
      else
        follow(theirs, cases.pod[i], i, cases.out.ms[i], cases.out.ok[i]);
    }
  }

private:
  static void draw(std::uint64_t seed, std::string& tag, const char* what, std::size_t many,
                   std::vector<shuffled>& to) {
    const auto length = tag.size();
    to.reserve(many);
    for (std::size_t n = 0; n < many; ++n) {
      to.emplace_back(seed, tag.append(what).append(std::to_string(n)));
      tag.resize(length);
    }
  }
  /// Most calls meet none.
  void look_for_trouble() {
    const auto filters = [](const flow_container& pod) { return !pod.filters.empty(); };
    const bool filtered =
        there_ && std::any_of(there_->endpoints.begin(), there_->endpoints.end(), filters);
    const auto is_plain = [&](const met_pod& pod) {
      return !filtered && pod.clean && pod.at.filters.empty();
    };
    const auto lacks_name = [&](const met_pod& pod) {
      const auto& lost = pod.at.lost_names;
      return std::find(lost.begin(), lost.end(), edge_.call->to) != lost.end();
    };
    if (std::all_of(pods_.begin(), pods_.end(),
                    [&](const auto& pod) { return is_plain(pod) && !lacks_name(pod); }))
      return;
    for (const auto& pod : pods_) {
      nameless_.push_back(lacks_name(pod));
      plain_.push_back(is_plain(pod));
    }
  }
  bool is_made_by(const followed& cases, std::uint16_t i) const {
    return edge_.route < 0 || edge_.route == cases.route[i];
  }
  std::size_t count_of(int i) const {
    const auto per_request = edge_.call->per_request;
    const auto all = often_ ? per_request + 1 - often_->unit(i) : per_request;
    return std::min(static_cast<std::size_t>(std::min(all, most_calls)), pick_.size());
  }
  /// Another attempt meets another case.
  static int case_of(int i, int attempt) { return (i + 53 * attempt) % flow_cases; }

  /// As `follow` when nothing is between any pod and the callee.
  void follow_plain(const answers& theirs, int i, double& ms, bool& ok) const {
    const auto count = count_of(i);
    for (std::size_t n = 0; n < count && ok; ++n) {
      const auto j = static_cast<std::size_t>(pick_[n].index(i));
      const auto took = theirs.ms[j];
      ms += std::min(took, edge_.limit);
      ok = (theirs.ok[j] && took <= edge_.limit) || !edge_.call->required;
    }
  }
  void follow(const answers& theirs, std::size_t pod, int i, double& ms, bool& ok) const {
    const auto& call = *edge_.call;
    const bool plain = plain_.empty() || plain_[pod];
    const bool nameless = !plain_.empty() && nameless_[pod];
    const auto limit = edge_.limit;
    const auto count = count_of(i);
    for (std::size_t n = 0; n < count && ok; ++n) {
      bool fine = false;
      for (int attempt = 0; attempt <= call.retries && !fine; ++attempt) {
        const auto k = case_of(i, attempt);
        const auto j = pick_[n].index(k);
        auto took = theirs.ms[static_cast<std::size_t>(j)];
        if (!plain) took = over_link(took, pods_[pod].at, link_[n], k, j);
        if (nameless) took = refusal_ms;
        fine = theirs.ok[static_cast<std::size_t>(j)] && took <= limit && !nameless;
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
    const auto at = static_cast<std::size_t>(which_->index(j)) * pods.size() / flow_cases;
    const auto& peer = pods[at];
    if (from.filters.empty() && peer.filters.empty()) return 0;
    double out = 0;
    for (const auto& link :
         {filtered_link(from, peer.address), filtered_link(peer, from.address)}) {
      out += connect_extra_ms(link, u) + answer_extra_ms(link, 1 - u);
    }
    return out;
  }

  const flow_edge& edge_;
  const flow_service* there_;
  const std::vector<met_pod>& pods_; ///< the caller's
  std::optional<shuffled> often_;    ///< where it is not the same number of calls each time
  std::vector<shuffled> pick_;
  // only when some pod meets trouble
  std::vector<bool> nameless_; ///< by pod: it cannot resolve the name
  std::vector<bool> plain_;    ///< by pod: nothing is between it and the callee
  std::optional<shuffled> which_;
  std::vector<shuffled> link_;
};

/// The time that the cases of a service need the CPU.
class cpu_draws {
public:
  cpu_draws(std::uint64_t seed, const service_profile& p) : p_(p), work_(seed, p.name + "/cpu") {}

  /// Under overload those who are served wait for those who give up: at most the users' patience.
  double ms(const met_pod& pod, int i) {
    const auto u = work_.index(i), v = work_.index((i + 97) % flow_cases);
    auto ms = is_plain(pod.at) ? plain_ms(pod, u, v)
                               : service_draw_ms(pod.at, p_, std::min(pod.rho, full_load),
                                                 work_.unit_of(u), work_.unit_of(v));
    return pod.rho > full_load ? std::min(ms, 0.9 * patience_ms * work_.unit_of(u)) : ms;
  }

private:
  /// As service_draw_ms for such a pod.
  double plain_ms(const met_pod& pod, int u, int v) {
    if (p_.cpu_ms <= 0) return 0;
    return work_factor(normal(v)) * skewed_ms(pod.cpu_ms, pod.sigma, normal(u));
  }
  /// The strata are the same for both draws, so that each quantile is told once.
  double normal(int stratum) {
    const auto at = static_cast<std::size_t>(stratum);
    if (!known_.contains(stratum)) {
      known_.add(stratum);
      normal_[at] = normal_quantile(work_.unit_of(stratum));
    }
    return normal_[at];
  }

  const service_profile& p_;
  shuffled work_;
  case_set known_;
  std::array<double, flow_cases> normal_;
};

/// Tells which route each case takes: shares of the strata in order.
inline void take_routes(const service_profile& p, std::uint64_t seed, followed& cases) {
  double total = 0;
  for (const auto& route : p.routes) total += route.share;
  if (total <= 0) {
    for (const auto i : cases.which) cases.route[i] = -1;
    return;
  }
  const shuffled which(seed, p.name + "/route");
  for (const auto i : cases.which) {
    auto u = which.unit(i) * total;
    int r = 0;
    for (; r + 1 < static_cast<int>(p.routes.size()); ++r) {
      u -= p.routes[static_cast<std::size_t>(r)].share;
      if (u < 0) break;
    }
    cases.route[i] = r;
  }
}

} // namespace remed::env
