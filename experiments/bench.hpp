// Runs many experiments at once: a queue, a few threads, each thread the owner of many sealed
// worlds and of one event loop.
#pragma once

#include "agents/process_gate.hpp"
#include "environments/systems/system.hpp"
#include "experiments/bench/desk.hpp"
#include "experiments/plan.hpp"
#include "experiments/record.hpp"
#include "experiments/settings.hpp"
#include "runtime/event_log.hpp"
#include "runtime/shared_list.hpp"
#include "runtime/world.hpp"
#include "tools/io_loop.hpp"
#include "tools/model.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::experiments {

/// What one thread shares among its worlds. Nothing of it is seen by another thread, but the
/// Ansible host process, which is a process of its own.
struct workshop {
  /// Without a gate of its own bench it has one for itself.
  explicit workshop(const settings& s, std::shared_ptr<tools::ansible_host> host,
                    std::shared_ptr<agents::process_gate> gate = nullptr);
  ~workshop();

  struct booted {
    shared_value<env::system_profile> system;
    std::unique_ptr<env::cluster> cluster;
    std::chrono::steady_clock::time_point made;
  };
  /// The booted cluster of a system. Boots at first use, and again when its calendar has fallen
  /// behind the wall's: a fork cannot be moved in time.
  result<std::shared_ptr<const booted>> system(const std::string& name);

  const settings& how;
  tools::io_loop loop;
  /// Where models come from, by name; tests put their own here.
  std::function<result<std::unique_ptr<tools::model>>(const std::string& name, std::uint64_t seed)>
      make_model;
  std::shared_ptr<tools::ansible_host> ansible_host;
  struct tools_of_thread;
  std::unique_ptr<tools_of_thread> tools;
  struct declared;
  std::unique_ptr<declared> shelf;
  std::map<std::string, std::shared_ptr<const booted>> systems;
};

/// What the machine's clock shows, as a point of a world's calendar.
vtime wall_calendar();

/// One experiment under way.
class running {
public:
  virtual ~running() = default;
  /// As world::step: false when it can only wait for the outside.
  virtual bool step() = 0;
  virtual bool over() const = 0;
  virtual record finished() const = 0;
  virtual void cancel(const std::string& reason) = 0;
  virtual world& inside() = 0;
};

using event_follower = std::function<void(const experiment_spec&, const event&)>;

/// Assembles the world of one experiment: the only function that knows all rooms.
result<std::unique_ptr<running>> start_experiment(const experiment_spec& spec, workshop& shop,
                                                  const event_follower& follow);

/// Why experiments end that an interrupt cancelled: they are as good as never begun.
inline constexpr const char* interrupted = "interrupted";

/// What a bench wants to know and to decide while experiments run. All may be empty.
struct bench_lead {
  event_follower follow;                   ///< each event; from several threads at once
  std::function<void(const record&)> done; ///< as each ends; one call at a time
  /// Before the first; both live until run_all returns.
  std::function<void(desk&, const agents::process_gate&)> begin;
  std::function<void(desk&)> tick; ///< ten times a second, on the thread that called run_all
};

/// Runs all. Cancels everything when `stop` becomes true. Results are in the order of `specs`;
/// those never started have outcome cancelled.
result<std::vector<record>> run_all(const std::vector<experiment_spec>& specs, const settings& how,
                                    const std::atomic<bool>& stop, const bench_lead& lead);
result<std::vector<record>> run_all(const std::vector<experiment_spec>& specs, const settings& how,
                                    const std::atomic<bool>& stop, event_follower follow,
                                    std::function<void(const record&)> done);

} // namespace remed::experiments
