#include "environments/embedded/flow_graph.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

const flow_service nowhere{false, {}};
/// Rounds in which rates and times settle along the graph; longer chains than this are not known.
constexpr int rounds = 12;
/// Rounds of the search for the rate at which a closed load turns; each halves the error.
constexpr int halvings = 18;
constexpr int quantiles = 16;

/// Expected time one sender's link adds to a connection and a message. ms.
double link_ms(const flow_container& sender) {
  if (sender.partitioned) return patience_ms;
  if (sender.loss <= 0) return 2 * sender.delay_ms;
  double sum = 0;
  for (int i = 0; i < quantiles; ++i) {
    auto u = (i + 0.5) / quantiles;
    sum += std::min(patience_ms, connect_extra_ms(sender, u) + answer_extra_ms(sender, u));
  }
  return sum / quantiles;
}

flow_node node_of(const service_profile& p, const flow_service& where) {
  flow_node out;
  out.profile = &p;
  out.where = &where;
  out.alive = std::any_of(where.endpoints.begin(), where.endpoints.end(),
                          [](const flow_container& e) { return e.listening && !e.partitioned; });
  out.rest_ms = std::max(0.0, p.latency_ms - p.cpu_ms) * std::exp(p.spread * p.spread / 2);
  for (const auto& pod : where.endpoints) out.links_ms.push_back(link_ms(pod));
  return out;
}

} // namespace

flow_graph::flow_graph(const system_profile& system, const flow_input& input) : system_(system) {
  for (const auto& [name, profile] : system.services) {
    numbers_[name] = static_cast<int>(nodes_.size());
    auto found = input.find(name);
    nodes_.push_back(node_of(profile, found == input.end() ? nowhere : found->second));
  }
  for (auto& node : nodes_) {
    for (const auto& call : node.profile->calls) {
      node.calls.push_back({number(call.to), &call, -1, call.per_request});
    }
    double total = 0;
    for (const auto& route : node.profile->routes) total += route.share;
    for (std::size_t r = 0; total > 0 && r < node.profile->routes.size(); ++r) {
      const auto& route = node.profile->routes[r];
      for (const auto& call : route.calls) {
        node.calls.push_back(
            {number(call.to), &call, static_cast<int>(r), call.per_request * route.share / total});
      }
    }
  }
  auto open = system.users <= 0;
  entry_rps_ = open ? system.load_rps : system.users / system.think_s;
  spread(entry_rps_);
  if (open || system.entry.empty()) return;
  // N users who each wait T and think Z make N / (Z + T) requests a second; T grows with them.
  double low = 0, high = entry_rps_;
  for (int i = 0; i < halvings; ++i) {
    entry_rps_ = (low + high) / 2;
    spread(entry_rps_);
    auto turns = system.users / (system.think_s + response_ms() / 1000);
    (turns > entry_rps_ ? low : high) = entry_rps_;
  }
}

int flow_graph::number(const std::string& name) const {
  auto found = numbers_.find(name);
  return found == numbers_.end() ? -1 : found->second;
}

void flow_graph::spread(double entry_rps) {
  std::vector<double> now(nodes_.size(), 0), arriving(nodes_.size(), 0);
  for (const auto& name : system_.entry) {
    if (number(name) >= 0) arriving[static_cast<std::size_t>(number(name))] += entry_rps;
  }
  // What arrives at a service sets off what it calls, wave after wave, until nothing is left.
  for (auto& node : nodes_) node.rps = 0;
  for (int round = 0; round < rounds; ++round) {
    std::fill(now.begin(), now.end(), 0);
    bool any = false;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (arriving[i] < 1e-6) continue;
      any = true;
      nodes_[i].rps += arriving[i];
      if (!nodes_[i].answers()) continue;
      for (const auto& edge : nodes_[i].calls) {
        if (edge.to >= 0) now[static_cast<std::size_t>(edge.to)] += arriving[i] * edge.mean;
      }
    }
    if (!any) return;
    std::swap(now, arriving);
  }
}

double flow_graph::own_ms(const flow_node& n) const {
  if (!n.answers()) return 1;
  const auto& p = *n.profile;
  auto pods = static_cast<double>(n.where->endpoints.size());
  double sum = 0;
  for (std::size_t i = 0; i < n.where->endpoints.size(); ++i) {
    const auto& pod = n.where->endpoints[i];
    auto rho = utilisation(pod, n.rps / pods, p.cpu_ms, p.threads);
    auto cpu = rho > full_load ? patience_ms : cpu_mean_ms(pod, p.cpu_ms, rho);
    sum += std::min(patience_ms, cpu + pod.io_delay_ms + n.links_ms[i]);
  }
  return n.rest_ms + sum / pods;
}

double flow_graph::response_ms() const {
  std::vector<double> own(nodes_.size()), all(nodes_.size(), 0);
  for (std::size_t i = 0; i < nodes_.size(); ++i) all[i] = own[i] = own_ms(nodes_[i]);
  for (int round = 0; round < rounds; ++round) {
    auto before = all;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      all[i] = own[i];
      if (!nodes_[i].answers()) continue;
      auto caller = nodes_[i].links_ms.front();
      for (const auto& edge : nodes_[i].calls) {
        if (edge.to < 0) continue;
        auto limit = edge.call->timeout_s > 0 ? edge.call->timeout_s * 1000 : patience_ms;
        all[i] += edge.mean * std::min(limit, before[static_cast<std::size_t>(edge.to)] + caller);
      }
      all[i] = std::min(all[i], patience_ms);
    }
    if (all == before) break;
  }
  double sum = 0, entries = 0;
  for (const auto& name : system_.entry) {
    if (number(name) < 0) continue;
    sum += all[static_cast<std::size_t>(number(name))];
    entries += 1;
  }
  return entries > 0 ? sum / entries : patience_ms;
}

} // namespace remed::env
