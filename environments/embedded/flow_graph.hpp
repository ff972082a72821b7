// The call graph of a system in numbers: who calls whom how often, how many requests reach each
// service, and how fast a closed load turns.
#pragma once

#include "environments/embedded/flow.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace remed::env {

/// Users and callers without a limit of their own give up after this.
inline constexpr double patience_ms = 10'000;

struct flow_edge {
  int to = -1; ///< a node's number; -1: no such service
  const service_profile::call* call = nullptr;
  int route = -1;   ///< the route that makes the call; -1: every request does
  double mean = 0;  ///< calls per request, over all routes
  double limit = 0; ///< how long the caller waits; ms
};

struct call_node {
  std::string_view name; ///< among the profile's services
  const service_profile* profile;
  std::vector<flow_edge> calls;
  double rest_ms; ///< mean of the own time without the CPU's
};

/// Who calls whom: what a profile alone tells, whatever becomes of its pods. Points into the
/// profile.
struct call_graph {
  explicit call_graph(const system_profile& system);
  /// -1 for an unknown one.
  int number(std::string_view name) const;

  std::vector<call_node> nodes;                  ///< in the order of the profile's services
  std::vector<std::size_t> order;                ///< callees before their callers; none in a ring
  std::vector<std::vector<std::size_t>> callers; ///< of each node; only when there is a ring
  std::vector<int> entries;                      ///< numbers, -1 for an unknown one
};

struct flow_node {
  const call_node* in = nullptr; ///< the graph of who calls whom
  const flow_service* where = nullptr;
  double rps = 0;
  bool alive = false;         ///< some endpoint answers
  std::size_t links_from = 0; ///< where those of its endpoints begin among all links
  bool answers() const { return alive; }
};

/// Nodes in the order of the profile's services; pointers into the profile and the input.
class flow_graph {
public:
  /// Finds the rates too. `calls` is of the same profile and outlives this.
  flow_graph(const system_profile& system, const call_graph& calls, const flow_input& input);
  /// Under rates that the same profile and input gave.
  flow_graph(const system_profile& system, const call_graph& calls, const flow_input& input,
             const flow_rates& known);

  const std::vector<flow_node>& nodes() const { return nodes_; }
  const call_graph& calls() const { return *calls_; }
  const system_profile& system() const { return system_; }
  /// Requests per second at each entry.
  double entry_rps() const { return entry_rps_; }
  flow_rates rates() const;

private:
  void place(const flow_input& input);
  void settle();
  void spread(double entry_rps);
  double turns(double entry_rps);
  void settle_rings(const std::vector<double>& own, std::vector<double>& all) const;
  double response_ms() const;
  double response_ms(std::size_t node, const std::vector<double>& own,
                     const std::vector<double>& all) const;
  double own_ms(const flow_node& n) const;

  const system_profile& system_;
  const call_graph* calls_;
  std::vector<flow_node> nodes_;
  /// What the link of each endpoint of each node adds to a call; ms.
  std::vector<double> links_ms_;
  double entry_rps_ = 0;
};

/// What becomes of the requests: of those of users alone, of one service (by its number), of all.
users_flow evaluate_users(const flow_graph& graph, std::uint64_t seed);
service_flow evaluate_service(const flow_graph& graph, int number, std::uint64_t seed);
flow_result evaluate_flow(const flow_graph& graph, std::uint64_t seed);

} // namespace remed::env
