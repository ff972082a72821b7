// The call graph of a system in numbers: who calls whom how often, how many requests reach each
// service, and how fast a closed load turns.
#pragma once

#include "environments/embedded/flow.hpp"

#include <cstdint>
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

struct flow_node {
  std::string_view name; ///< among the profile's services
  const service_profile* profile = nullptr;
  const flow_service* where = nullptr;
  std::vector<flow_edge> calls;
  double rps = 0;
  // what does not depend on the rates
  bool alive = false;           ///< some endpoint answers
  double rest_ms = 0;           ///< mean of the own time without the CPU's
  std::vector<double> links_ms; ///< what the link of each endpoint adds to a call
  bool answers() const { return alive; }
};

/// Nodes in the order of the profile's services; pointers into the profile and the input.
class flow_graph {
public:
  /// Finds the rates too.
  flow_graph(const system_profile& system, const flow_input& input);
  /// Under rates that the same profile and input gave.
  flow_graph(const system_profile& system, const flow_input& input, const flow_rates& known);

  const std::vector<flow_node>& nodes() const { return nodes_; }
  /// -1 for an unknown one.
  int number(std::string_view name) const;
  /// Requests per second at each entry.
  double entry_rps() const { return entry_rps_; }
  flow_rates rates() const;

private:
  void connect(const flow_input& input);
  void find_order();
  void find_callers();
  void settle();
  void spread(double entry_rps);
  void settle_rings(const std::vector<double>& own, std::vector<double>& all) const;
  double response_ms() const;
  double response_ms(std::size_t node, const std::vector<double>& own,
                     const std::vector<double>& all) const;
  double own_ms(const flow_node& n) const;

  const system_profile& system_;
  std::vector<flow_node> nodes_;
  std::vector<std::size_t> order_; ///< callees before their callers; empty: they call in a ring
  std::vector<std::vector<std::size_t>> callers_; ///< of each node; only when there is a ring
  std::vector<int> entries_;                      ///< numbers, -1 for an unknown one
  double entry_rps_ = 0;
};

} // namespace remed::env
