// The verdict of a trial: is the fault gone, by whom, at what price. Rests on the effect ledger, on
// independent probes, on what users experienced and on the audit log, never on anybody's words.
#pragma once

#include "chaos/facts.hpp"
#include "chaos/oracle.hpp"
#include "chaos/score.hpp"
#include "environments/environment.hpp"
#include "runtime/messages.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace remed::chaos {

struct acts;

/// What verification says; the fields of `verdict` without its turn.
struct judgement {
  bool recovered = false;
  outcome_kind status =
      outcome_kind::not_recovered; ///< recovered, self_healed, masked, not_recovered
  std::vector<evidence> grounds;
  std::vector<std::string> flags;
  double score = 0;
  double downtime_s = 0;
  std::int64_t restarts = 0, writes = 0;
  std::string feedback; ///< what agents may know: symptoms, never the injection
};

/// Fills a verdict message.
verdict to_verdict(const turn& at, const judgement& j);

class judge {
public:
  /// The environment must outlive the judge.
  judge(fault f, scenario s, env::environment& where, shared_value<env::system_profile> system);

  /// What the target used of its limits when all was well: see setting::usual.
  void know_usual(const std::map<std::string, double>& shares) { setting_.usual = shares; }

  /// At the incident: from here on the agents act. Marks the position in the audit log, the pods
  /// that are there, and how bad the fault alone is for users.
  void begin(const env::observation& at_incident);
  bool begun() const { return begun_; }

  /// Takes notice of a later look: pods that came, restarts. Cheap; call it with every look.
  void follow(const env::observation& seen);

  /// Makes the looks it needs and gives its verdict about `now`; `slo_held` says whether users were
  /// served well for the whole window. `done` is called once, possibly before this returns.
  void assess(const facts& now, bool slo_held, std::function<void(result<judgement>)> done);

  /// As above, looking for itself; the SLO of the last `window` counts.
  void assess(std::function<void(result<judgement>)> done,
              duration window = std::chrono::seconds{60});

  const setting& about() const { return setting_; }
  env::environment& where() const { return *where_; }
  vtime incident() const { return incident_; }
  std::size_t audit_from() const { return audit_from_; }

private:
  /// Of the agents' doing.
  struct restart_counts {
    std::int64_t own = 0;    ///< of the target's pods
    std::int64_t others = 0; ///< needless by their nature
  };

  void follow_pod(const env::object& before, const json& pod);
  bool by_itself(const facts& now, const acts& did) const;
  outcome_kind status_of(const findings& checks, const facts& now, bool slo_held,
                         const acts& did) const;
  restart_counts restarts_by(const acts& did) const;
  /// Restarts of the target that a cure may cost.
  std::int64_t due_restarts(const env::observation& now) const;
  void take_price(const facts& now, bool slo_held, double downtime_s,
                  const std::function<void(result<judgement>)>& done);

  setting setting_;
  env::environment* where_;
  bool begun_ = false;
  vtime incident_{};
  std::size_t audit_from_ = 0;
  env::seen_objects begun_with_; ///< at the incident
  /// Restarts since then for a failing probe, by pod uid and container.
  std::map<std::string, std::int64_t> probe_kills_;
  struct new_pod {
    std::string service;
    vtime created{};
  };
  std::map<std::string, new_pod> new_pods_; ///< by uid
  struct restarted {
    std::string service, pod;
    std::int64_t count = 0;
  };
  std::map<std::string, restarted> restarted_; ///< by pod uid and container
  /// What was followed last: most looks see the same again.
  env::seen_objects followed_;
};

} // namespace remed::chaos
