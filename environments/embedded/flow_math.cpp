// The formulas of one container: CPU under competition, lost and delayed packets. Sources: flow.md.
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/flow_draws.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

/// A usual answer with its headers.
constexpr double message_bytes = 8 * 1024;

constexpr double cfs_period_ms = 100;
/// First retransmission timers: of a handshake, and the least of an answer.
constexpr double syn_rto_ms = 1000, data_rto_ms = 200;

/// Share of a core that one thread gets beside hogs that fit nowhere else.
double thread_share(const flow_container& in) {
  auto cores = std::min(in.cores, in.node_cores);
  return std::min(1.0, cores / (in.hog_threads * in.hog_load + 1));
}

} // namespace

bool is_plain(const flow_container& in) {
  return in.hog_threads <= 0;
}

double draw_width(const flow_container& in, double rho) {
  // Wider when there is competition.
  return in.hog_threads > 0 || rho > 0.5 ? 0.36 : 0.2;
}

double effective_cores(double limit_cores) {
  return std::max(limit_cores, smallest_quota_cores);
}

double cpu_usage(const flow_container& in, double busy_cores) {
  auto allowed = std::min(in.cores, in.node_cores);
  auto hogs = std::min(in.hog_threads * in.hog_load, in.node_cores);
  return std::min(allowed, busy_cores + hogs);
}

double utilisation(const flow_container& in, double rps, double cpu_ms, int threads) {
  auto cores = std::min(in.cores, in.node_cores);
  // Many threads push the hogs aside as they become more; a few cannot.
  if (threads > 0) cores = std::min(cores, threads * thread_share(in));
  return rps * cpu_ms / 1000 / cores;
}

double cpu_mean_ms(const flow_container& in, double cpu_ms, double rho) {
  // One request is one thread: it cannot use more than a core, and hogs that fit beside it on
  // other cores do not slow it down. Alone, work within one period's quota is not throttled.
  auto alone = in.hog_threads <= 0 && cpu_ms <= cfs_period_ms * std::min(in.cores, in.node_cores);
  return cpu_ms / ((alone ? 1.0 : thread_share(in)) * (1 - std::min(rho, full_load)));
}

double queue_draw_ms(const flow_container& in, double cpu_ms, double rho, double u) {
  return -cpu_mean_ms(in, cpu_ms, rho) * std::log(1 - u);
}

double cpu_draw_ms(const flow_container& in, double cpu_ms, double rho, double u) {
  auto threads = std::min(in.hog_threads * in.hog_load + 1, in.node_cores);
  auto cores = std::min(in.cores, in.node_cores);
  // Share of a period in which the group still has quota.
  auto open = std::min(1.0, cores / std::max(threads, cores));
  if (in.hog_threads > 0 && cpu_ms <= 3 && open < 1) {
    // Work shorter than a slice is done at once, or waits for the next period.
    auto fast = cpu_ms / (1 - std::min(rho, full_load));
    if (u < open) return fast;
    return fast + cfs_period_ms * (1 - open) * (u - open) / (1 - open);
  }
  return skewed_ms(cpu_mean_ms(in, cpu_ms, rho), draw_width(in, rho), normal_quantile(u));
}

double service_draw_ms(const flow_container& in, const service_profile& p, double rho, double u,
                       double v) {
  if (p.cpu_ms <= 0) return 0;
  if (in.hog_threads > 0 && p.threads == 1) return queue_draw_ms(in, p.cpu_ms, rho, u);
  // It works, asks somebody, and works again: each time it may find the quota spent.
  if (in.hog_threads > 0 && p.cpu_ms <= 3 && !p.calls.empty())
    return cpu_draw_ms(in, p.cpu_ms / 2, rho, u) + cpu_draw_ms(in, p.cpu_ms / 2, rho, v);
  return work_factor(normal_quantile(v)) * cpu_draw_ms(in, p.cpu_ms, rho, u);
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
  const auto transfer = sender.bytes_per_s > 0 ? 1000 * message_bytes / sender.bytes_per_s : 0;
  return transfer + sender.delay_ms + sender.jitter_ms * (2 * u - 1) +
         retransmit_ms(sender.loss, rto, u);
}

flow_container filtered_link(const flow_container& sender, const std::string& address) {
  flow_container out;
  for (const auto& one : sender.filters) {
    const bool meant = std::any_of(one.peers.begin(), one.peers.end(), [&](const auto& network) {
      return in_network(address, network);
    });
    if (!meant) continue;
    out.delay_ms += one.delay_ms;
    out.jitter_ms += one.jitter_ms;
    out.loss = 1 - (1 - out.loss) * (1 - one.loss);
    out.partitioned = out.partitioned || one.cut;
  }
  return out;
}

flow_container link_toward(flow_container sender, const std::string& address) {
  const auto extra = filtered_link(sender, address);
  sender.delay_ms += extra.delay_ms;
  sender.jitter_ms += extra.jitter_ms;
  sender.loss = 1 - (1 - sender.loss) * (1 - extra.loss);
  sender.partitioned = sender.partitioned || extra.partitioned;
  return sender;
}

} // namespace remed::env
