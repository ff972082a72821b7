#include "environments/embedded/flow_graph.hpp"

#include "environments/embedded/meeting_rate.hpp"

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

/// The place in `order` of each node comes after those it calls. False when some call each other in
/// a ring, or the chain of calls is longer than can settle.
bool place_after_callees(const std::vector<call_node>& nodes, std::size_t at,
                         std::vector<int>& height, std::vector<std::size_t>& order) {
  constexpr int unseen = -1, open = -2;
  if (height[at] != unseen) return height[at] != open;
  height[at] = open;
  int highest = 0;
  for (const auto& edge : nodes[at].calls) {
    if (edge.to < 0) continue;
    const auto callee = static_cast<std::size_t>(edge.to);
    if (!place_after_callees(nodes, callee, height, order)) return false;
    highest = std::max(highest, height[callee] + 1);
  }
  height[at] = highest;
  order.push_back(at);
  return highest < rounds;
}

std::vector<std::vector<std::size_t>> callers_in(const std::vector<call_node>& nodes) {
  std::vector<std::vector<std::size_t>> out(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& edge : nodes[i].calls) {
      if (edge.to >= 0) out[static_cast<std::size_t>(edge.to)].push_back(i);
    }
  }
  return out;
}

} // namespace

call_graph::call_graph(const system_profile& system) {
  nodes.reserve(system.services.size());
  for (const auto& [name, p] : system.services) {
    const auto rest = std::max(0.0, p.latency_ms - p.cpu_ms) * std::exp(p.spread * p.spread / 2);
    nodes.push_back({name, &p, {}, rest});
  }
  const auto limit_of = [](const service_profile::call& call) {
    return call.timeout_s > 0 ? call.timeout_s * 1000 : patience_ms;
  };
  for (auto& node : nodes) {
    for (const auto& call : node.profile->calls) {
      node.calls.push_back({number(call.to), &call, -1, call.per_request, limit_of(call)});
    }
    double total = 0;
    for (const auto& route : node.profile->routes) total += route.share;
    for (std::size_t r = 0; total > 0 && r < node.profile->routes.size(); ++r) {
      const auto& route = node.profile->routes[r];
      for (const auto& call : route.calls) {
        node.calls.push_back({number(call.to), &call, static_cast<int>(r),
                              call.per_request * route.share / total, limit_of(call)});
      }
    }
  }
  for (const auto& name : system.entry) entries.push_back(number(name));
  std::vector<int> height(nodes.size(), -1);
  order.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (place_after_callees(nodes, i, height, order)) continue;
    order.clear();
    break;
  }
  if (order.empty()) callers = callers_in(nodes);
}

int call_graph::number(std::string_view name) const {
  const auto found =
      std::lower_bound(nodes.begin(), nodes.end(), name,
                       [](const call_node& n, std::string_view wanted) { return n.name < wanted; });
  return found == nodes.end() || found->name != name ? -1 : static_cast<int>(found - nodes.begin());
}

flow_graph::flow_graph(const system_profile& system, const call_graph& calls,
                       const flow_input& input)
    : system_(system), calls_(&calls) {
  place(input);
  settle();
}

flow_graph::flow_graph(const system_profile& system, const call_graph& calls,
                       const flow_input& input, const flow_rates& known)
    : system_(system), calls_(&calls) {
  place(input);
  entry_rps_ = known.entry;
  for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].rps = known.services[i].second;
}

void flow_graph::place(const flow_input& input) {
  nodes_.reserve(calls_->nodes.size());
  links_ms_.reserve(2 * calls_->nodes.size());
  for (const auto& node : calls_->nodes) {
    const auto found = input.find(node.profile->name);
    const auto& where = found == input.end() ? nowhere : found->second;
    const bool alive =
        std::any_of(where.endpoints.begin(), where.endpoints.end(),
                    [](const flow_container& e) { return e.listening && !e.partitioned; });
    nodes_.push_back({&node, &where, 0, alive, links_ms_.size()});
    for (const auto& pod : where.endpoints) links_ms_.push_back(link_ms(pod));
  }
}

/// N users who each wait T and think Z make N / (Z + T) requests a second; T grows with them.
double flow_graph::turns(double entry_rps) {
  spread(entry_rps);
  return system_.users / (system_.think_s + response_ms() / 1000);
}

void flow_graph::settle() {
  auto open = system_.users <= 0;
  entry_rps_ = open ? system_.load_rps : system_.users / system_.think_s;
  if (open || system_.entry.empty()) return spread(entry_rps_);
  entry_rps_ = meeting_rate([&](double rate) { return turns(rate); }, entry_rps_, halvings);
  spread(entry_rps_);
}

flow_rates flow_graph::rates() const {
  flow_rates out;
  out.entry = entry_rps_;
  out.services.reserve(nodes_.size());
  for (const auto& node : nodes_) out.services.emplace_back(node.in->name, node.rps);
  return out;
}

void flow_graph::spread(double entry_rps) {
  std::vector<double> now(nodes_.size(), 0), arriving(nodes_.size(), 0);
  for (const auto entry : calls_->entries) {
    if (entry >= 0) arriving[static_cast<std::size_t>(entry)] += entry_rps;
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
      for (const auto& edge : nodes_[i].in->calls) {
        if (edge.to >= 0) now[static_cast<std::size_t>(edge.to)] += arriving[i] * edge.mean;
      }
    }
    if (!any) return;
    std::swap(now, arriving);
  }
}

double flow_graph::own_ms(const flow_node& n) const {
  if (!n.answers()) return 1;
  const auto& p = *n.in->profile;
  auto pods = static_cast<double>(n.where->endpoints.size());
  double sum = 0;
  for (std::size_t i = 0; i < n.where->endpoints.size(); ++i) {
    const auto& pod = n.where->endpoints[i];
    auto rho = utilisation(pod, n.rps / pods, p.cpu_ms, p.threads);
    auto cpu = rho > full_load ? patience_ms : cpu_mean_ms(pod, p.cpu_ms, rho);
    sum += std::min(patience_ms, cpu + pod.io_delay_ms + links_ms_[n.links_from + i]);
  }
  return n.in->rest_ms + sum / pods;
}

double flow_graph::response_ms(std::size_t node, const std::vector<double>& own,
                               const std::vector<double>& all) const {
  const auto& of = nodes_[node];
  auto out = own[node];
  if (!of.answers()) return out;
  const auto caller = links_ms_[of.links_from];
  for (const auto& edge : of.in->calls) {
    if (edge.to < 0) continue;
    out += edge.mean * std::min(edge.limit, all[static_cast<std::size_t>(edge.to)] + caller);
  }
  return std::min(out, patience_ms);
}

/// Round after round, each from what the one before told. A node whose callees said nothing new
/// says nothing new.
void flow_graph::settle_rings(const std::vector<double>& own, std::vector<double>& all) const {
  auto before = all;
  std::vector<char> due(nodes_.size(), 1), due_next(nodes_.size());
  for (int round = 0; round < rounds; ++round) {
    bool any = false;
    std::fill(due_next.begin(), due_next.end(), 0);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (due[i] == 0) continue;
      all[i] = response_ms(i, own, before);
      if (all[i] == before[i]) continue;
      any = true;
      for (const auto caller : calls_->callers[i]) due_next[caller] = 1;
    }
    if (!any) return;
    before = all;
    std::swap(due, due_next);
  }
}

double flow_graph::response_ms() const {
  std::vector<double> own(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) own[i] = own_ms(nodes_[i]);
  auto all = own;
  for (const auto i : calls_->order) all[i] = response_ms(i, own, all);
  if (calls_->order.empty()) settle_rings(own, all);
  double sum = 0, entries = 0;
  for (const auto entry : calls_->entries) {
    if (entry < 0) continue;
    sum += all[static_cast<std::size_t>(entry)];
    entries += 1;
  }
  return entries > 0 ? sum / entries : patience_ms;
}

double flow_rates::of(std::string_view service) const {
  const auto found =
      std::lower_bound(services.begin(), services.end(), service,
                       [](const auto& one, std::string_view wanted) { return one.first < wanted; });
  return found == services.end() || found->first != service ? 0 : found->second;
}

double share_of_cores(const service_profile& p, std::size_t endpoints, double rps) {
  return rps / static_cast<double>(endpoints) * p.cpu_ms / 1000;
}

} // namespace remed::env
