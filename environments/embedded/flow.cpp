#include "environments/embedded/flow.hpp"

#include "runtime/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace remed::env {

namespace {

constexpr double cfs_period_ms = 100;
/// Above this utilisation a queue is treated as full instead of dividing by nearly zero.
constexpr double full = 0.98;
/// Users and callers without a limit of their own give up after this.
constexpr double patience_ms = 10'000;
constexpr double never = std::numeric_limits<double>::infinity();
/// First retransmission timers: of a handshake, and the least of an answer.
constexpr double syn_rto_ms = 1000, data_rto_ms = 200;
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
    auto k = (i * factor_ + shift_) % flow_cases;
    k ^= (k >> 4); // breaks the lattice, stays a permutation
    return (k * 37 + mask_) % flow_cases;
  }
  /// In (0, 1), each stratum once.
  double unit(int i) const { return (index(i) + 0.25 + jitter_ / 2) / flow_cases; }

private:
  int factor_, shift_, mask_;
  double jitter_;
};

struct answers {
  std::array<double, flow_cases> ms{}; ///< `never` for one that does not come
  std::array<bool, flow_cases> ok{};
};

/// The calls a service makes to one other, for each of its cases.
class call_plan {
public:
  call_plan(std::uint64_t seed, const std::string& tag, const service_profile::call& call,
            const answers& theirs)
      : call_(call), theirs_(theirs), often_(seed, tag) {
    auto most = std::min(50, static_cast<int>(std::ceil(call.per_request)));
    for (int n = 0; n < most; ++n) {
      pick_.emplace_back(seed, tag + "/" + std::to_string(n));
      link_.emplace_back(seed, tag + "/link/" + std::to_string(n));
    }
  }

  /// Adds what one call after the other takes, as made from one pod.
  void follow(const flow_container& from, int i, double& ms, bool& ok) const {
    auto count = static_cast<std::size_t>(call_.per_request + 1 - often_.unit(i));
    for (std::size_t n = 0; n < std::min(count, pick_.size()) && ok; ++n) {
      auto j = pick_[n].index(i);
      auto took = theirs_.ms[j] + connect_extra_ms(from, link_[n].unit(i)) +
                  answer_extra_ms(from, link_[n].unit((i + 31) % flow_cases));
      auto limit = call_.timeout_s > 0 ? call_.timeout_s * 1000 : patience_ms;
      auto fine = theirs_.ok[j] && took <= limit;
      ms += std::min(took, limit);
      if (!fine && call_.required) ok = false;
    }
  }

private:
  const service_profile::call& call_;
  const answers& theirs_;
  shuffled often_;
  std::vector<shuffled> pick_, link_;
};

/// Rates of requests: callers' rates times calls per request, summed over the graph.
void spread_rate(const system_profile& system, const std::string& name, double rps,
                 std::set<std::string>& path, std::map<std::string, double>& rates) {
  auto found = system.services.find(name);
  if (found == system.services.end() || rps < 1e-6 || !path.insert(name).second) return;
  rates[name] += rps;
  for (const auto& call : found->second.calls) {
    spread_rate(system, call.to, rps * call.per_request, path, rates);
  }
  path.erase(name);
}

/// Under overload those who are served wait for those who give up: at most the users' patience.
double cpu_ms_of(const flow_container& pod, double cpu_ms, double rho, double u) {
  auto ms = cpu_draw_ms(pod, cpu_ms, std::min(rho, full), u);
  return rho > full ? std::min(ms, 0.9 * patience_ms * u) : ms;
}

class evaluation {
public:
  evaluation(const system_profile& system, const flow_input& input, std::uint64_t seed)
      : system_(system), input_(input), seed_(seed) {
    for (const auto& entry : system.entry) {
      std::set<std::string> path;
      spread_rate(system, entry, system.load_rps, path, rates_);
    }
  }

  const answers& of(const std::string& name) {
    auto known = done_.find(name);
    if (known != done_.end()) return known->second;
    // A cycle meets the healthy answer of a service that is still being evaluated.
    auto& place = done_[name];
    auto profile = system_.services.find(name);
    place.ok.fill(profile != system_.services.end());
    place.ms.fill(profile == system_.services.end() ? refusal_ms : profile->second.latency_ms);
    if (profile != system_.services.end()) {
      auto computed = compute(profile->second);
      done_[name] = computed;
    }
    return done_[name];
  }

  double rate(const std::string& name) const {
    auto found = rates_.find(name);
    return found == rates_.end() ? 0 : found->second;
  }

  const flow_service& where(const std::string& name) const {
    static const flow_service nowhere{false, {}};
    auto found = input_.find(name);
    return found == input_.end() ? nowhere : found->second;
  }

private:
  answers compute(const service_profile& p) {
    answers out;
    const auto& here = where(p.name);
    if (!here.resolvable || here.endpoints.empty()) {
      out.ms.fill(refusal_ms);
      return out;
    }
    shuffled which(seed_, p.name + "/pod");
    shuffled work(seed_, p.name + "/cpu"), own(seed_, p.name + "/own");
    shuffled syn(seed_, p.name + "/syn"), reply(seed_, p.name + "/reply");
    shuffled overload(seed_, p.name + "/overload");
    std::vector<call_plan> plans;
    for (const auto& call : p.calls) {
      plans.emplace_back(seed_, p.name + ">" + call.to, call, of(call.to));
    }
    auto n = here.endpoints.size();
    for (int i = 0; i < flow_cases; ++i) {
      const auto& pod = here.endpoints[static_cast<std::size_t>(which.index(i)) * n / flow_cases];
      if (!pod.listening || pod.partitioned) {
        out.ms[i] = pod.partitioned ? never : refusal_ms;
        continue;
      }
      auto rho = utilisation(pod, rate(p.name) / static_cast<double>(n), p.cpu_ms);
      if (rho > full && overload.unit(i) > full / rho) { // no CPU is left for this one
        out.ms[i] = never;
        continue;
      }
      auto spread = std::exp(0.35 * (own.unit(i) + own.unit((i + 97) % flow_cases) - 1) * 2);
      auto ms = std::max(0.0, p.latency_ms - p.cpu_ms) * spread + pod.io_delay_ms +
                cpu_ms_of(pod, p.cpu_ms, rho, work.unit(i));
      out.ok[i] = true;
      for (const auto& plan : plans) plan.follow(pod, i, ms, out.ok[i]);
      out.ms[i] = ms + connect_extra_ms(pod, syn.unit(i)) + answer_extra_ms(pod, reply.unit(i));
    }
    return out;
  }

  const system_profile& system_;
  const flow_input& input_;
  std::uint64_t seed_;
  std::map<std::string, double> rates_;
  std::map<std::string, answers> done_;
};

double quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

/// Turns cases into shares and quantiles; an answer after the users' patience is an error.
service_flow summary(const std::vector<const answers*>& all) {
  service_flow out;
  std::vector<double> good;
  std::size_t total = 0;
  for (const auto* a : all) {
    total += flow_cases;
    for (int i = 0; i < flow_cases; ++i) {
      if (a->ok[i] && a->ms[i] <= patience_ms) good.push_back(a->ms[i]);
    }
  }
  std::sort(good.begin(), good.end());
  out.success = total == 0 ? 1 : static_cast<double>(good.size()) / static_cast<double>(total);
  out.p50_ms = quantile(good, 0.5);
  out.p95_ms = quantile(good, 0.95);
  for (auto ms : good) out.mean_ms += ms / static_cast<double>(good.size());
  return out;
}

} // namespace

flow_result evaluate_flow(const system_profile& system, const flow_input& input,
                          std::uint64_t seed) {
  evaluation run(system, input, seed);
  flow_result out;
  std::vector<const answers*> entries;
  for (const auto& entry : system.entry) entries.push_back(&run.of(entry));
  // Evaluating one entry may add others' answers; pointers into a map stay valid.
  auto seen = summary(entries);
  out.success = seen.success;
  out.p50_ms = seen.p50_ms;
  out.p95_ms = seen.p95_ms;
  out.rps = system.load_rps * static_cast<double>(system.entry.size());
  for (const auto& [name, profile] : system.services) {
    auto rps = run.rate(name);
    auto flow = rps > 0 ? summary({&run.of(name)}) : service_flow{};
    flow.rps = rps;
    const auto& here = run.where(name);
    for (const auto& pod : here.endpoints) {
      if (!pod.listening || pod.partitioned) continue;
      flow.busy_cores[pod.pod] =
          rps / static_cast<double>(here.endpoints.size()) * profile.cpu_ms / 1000;
    }
    out.services[name] = std::move(flow);
  }
  return out;
}

double effective_cores(double limit_cores) {
  return std::max(limit_cores, smallest_quota_cores);
}

double cpu_usage(const flow_container& in, double busy_cores) {
  auto allowed = std::min(in.cores, in.node_cores);
  auto hogs = std::min(in.hog_threads * in.hog_load, in.node_cores);
  return std::min(allowed, busy_cores + hogs);
}

double utilisation(const flow_container& in, double rps, double cpu_ms) {
  return rps * cpu_ms / 1000 / std::min(in.cores, in.node_cores);
}

double cpu_mean_ms(const flow_container& in, double cpu_ms, double rho) {
  auto cores = std::min(in.cores, in.node_cores);
  // One request is one thread: it cannot use more than a core, and hogs that fit beside it on
  // other cores do not slow it down.
  auto hogs = in.hog_threads * in.hog_load;
  auto share = std::min(1.0, cores / (hogs + 1));
  return cpu_ms / (share * (1 - std::min(rho, full)));
}

double cpu_draw_ms(const flow_container& in, double cpu_ms, double rho, double u) {
  auto mean = cpu_mean_ms(in, cpu_ms, rho);
  auto threads = std::min(in.hog_threads * in.hog_load + 1, in.node_cores);
  auto cores = std::min(in.cores, in.node_cores);
  // Share of a period in which the group still has quota.
  auto open = std::min(1.0, cores / std::max(threads, cores));
  if (in.hog_threads > 0 && cpu_ms <= 3 && open < 1) {
    // Work shorter than a slice is done at once, or waits for the next period.
    auto fast = cpu_ms / (1 - std::min(rho, full));
    if (u < open) return fast;
    return fast + cfs_period_ms * (1 - open) * (u - open) / (1 - open);
  }
  // Longer work: a right-skewed spread around the mean, wider when there is competition.
  auto sigma = in.hog_threads > 0 || rho > 0.5 ? 0.36 : 0.2;
  auto z = std::log(u / (1 - u)) / 1.702; // the logistic stand-in for the normal quantile
  return mean * std::exp(sigma * z - sigma * sigma / 2);
}

double retransmit_ms(double loss, double rto_ms, double u) {
  if (loss <= 0) return 0;
  if (loss >= 1) return never;
  // P(the first k transmissions are lost) = loss^k.
  auto k = std::floor(std::log(std::max(u, 1e-12)) / std::log(loss));
  if (k > 15) return never;
  return rto_ms * (std::pow(2.0, k) - 1);
}

double connect_extra_ms(const flow_container& sender, double u) {
  if (sender.partitioned) return never;
  return sender.delay_ms + sender.jitter_ms * (2 * u - 1) +
         retransmit_ms(sender.loss, syn_rto_ms, u);
}

double answer_extra_ms(const flow_container& sender, double u) {
  if (sender.partitioned) return never;
  auto rto = std::max(data_rto_ms, sender.delay_ms * 1.2);
  return sender.delay_ms + sender.jitter_ms * (2 * u - 1) + retransmit_ms(sender.loss, rto, u);
}

} // namespace remed::env
