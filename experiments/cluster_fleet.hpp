// Clusters that are served for people and tools outside: one or many behind one listener, with a
// clock that follows the wall's.
#pragma once

#include "environments/embedded/cluster_front.hpp"
#include "environments/embedded/embedded_environment.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace remed::experiments {

struct fleet_options {
  std::uint64_t seed = 1; ///< of the first cluster; each further one has the next
  unsigned count = 1;     ///< one is served at the listener's root, several under /clusters/ID
  std::uint16_t port = 0; ///< on loopback; 0 picks a free one
  double time_scale = 1;  ///< virtual seconds per second; 0: time passes only when told
  tools::sandbox_spec::mode sandbox = tools::sandbox_spec::mode::sandboxed;
};

class cluster_fleet {
public:
  struct member {
    std::string id, url;
    std::unique_ptr<env::embedded_environment> place;
  };

  /// Forks `count` clusters of a booted one and serves them. Their calendars begin at `start`, or
  /// where the booted one stands when that is later.
  static result<std::unique_ptr<cluster_fleet>> start(const env::cluster& booted,
                                                      const env::system_profile& system,
                                                      const fleet_options& options, vtime start);

  /// Lets the time that passed on the wall pass, then serves what waits, for at most `limit`.
  void turn(std::chrono::milliseconds limit);

  /// Writes each cluster's state: to the file, or for several, to ID.snapshot in that folder.
  result<void> save(const std::filesystem::path& to) const;

  const std::vector<member>& members() const { return members_; }
  tools::io_loop& loop() { return loop_; }

  /// One context per cluster for its administrator, named as the cluster.
  std::string admin_kubeconfig() const;
  /// Likewise for the agents' least-privilege accounts.
  std::string agent_kubeconfig() const;
  /// Of one member only.
  std::string kubeconfig_of(const member& one, const env::identity& who) const;

private:
  using wall = std::chrono::steady_clock;

  cluster_fleet(std::shared_ptr<const tools::tls_identity> tls, double time_scale)
      : front_(loop_, std::move(tls)), time_scale_(time_scale) {}
  void pass_time(wall::time_point now);
  env::kubeconfig_context context_of(const member& one, const env::identity& who) const;

  tools::io_loop loop_;
  env::cluster_front front_;
  std::vector<member> members_;
  double time_scale_;
  wall::time_point last_ = wall::now();
  double owed_ = 0; ///< virtual seconds that have passed but are shorter than the clock's tick
};

} // namespace remed::experiments
