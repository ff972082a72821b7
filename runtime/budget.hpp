// What an experiment may spend, and what it has spent. A pure value: the doors to models and tools
// ask before each use.
#pragma once

#include "runtime/messages.hpp"
#include "runtime/purse.hpp"
#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <memory>
#include <optional>
#include <string>

namespace remed {

/// All limits are inclusive; each has a config key of the same name below `limits`.
struct limits {
  std::uint32_t t_max = 7;            ///< trials
  std::int64_t probes_per_trial = 20; ///< commands
  std::int64_t model_calls = 200;     ///< of the whole experiment
  std::int64_t tokens = 2'000'000;    ///< input + output
  double cost_usd = 5;                ///< only where prices are known
  double wall_s = 1800;               ///< of the whole experiment, real seconds
  double trial_s = 900;               ///< of one trial, virtual seconds
  double settle_s = 10;               ///< after a playbook, before verification; virtual
  double clear_s = 300;               ///< to undo the fault at the end; virtual
  std::int64_t mailbox = 256;         ///< messages waiting for one role
};
FIELDS(limits, t_max, probes_per_trial, model_calls, tokens, cost_usd, wall_s, trial_s, settle_s,
       clear_s, mailbox)

class budget {
public:
  /// `shared`: the money of the whole bench; none: no cap but the experiment's own.
  explicit budget(limits most, std::shared_ptr<purse> shared = nullptr)
      : most_(most), shared_(std::move(shared)) {}

  const limits& most() const { return most_; }
  const spending& spent() const { return spent_; }
  const std::shared_ptr<purse>& shared() const { return shared_; }

  void begin_trial() { trial_probes_ = 0; }
  std::int64_t probes_left() const { return most_.probes_per_trial - trial_probes_; }
  /// Takes one probe command; false when none is left in this trial.
  bool take_probe();
  /// Before a model call: the name of the limit that forbids it, or none.
  std::optional<std::string> model_forbidden() const;
  /// After a model call. A negative cost is unknown and makes the sum unknown.
  void took_model(const usage& tokens, double cost_usd);

private:
  limits most_;
  std::shared_ptr<purse> shared_;
  spending spent_;
  std::int64_t trial_probes_ = 0;
  double known_cost_ = 0;
};

} // namespace remed
