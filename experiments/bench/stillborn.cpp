#include "experiments/bench/stillborn.hpp"

#include "experiments/bench/desk.hpp"
#include "experiments/results/account.hpp"

namespace remed::experiments {

record stillborn(const experiment_spec& spec, const settings& how, const std::string& why) {
  auto lost = never_ran(spec, outcome_kind::infra_error, why);
  if (how.out.empty()) return lost;
  auto log = event_log::open(how.out / spec.id);
  if (!log) {
    lost.detail += "; " + log.why().what;
    return lost;
  }
  account sum;
  log->on_event([&sum](const event& e) { sum.take(e); });
  event header;
  header.kind = "note";
  header.type = "experiment";
  header.from = "world";
  header.body = json(spec);
  log->append(header);
  episode_result result;
  result.at.experiment = spec.id;
  result.outcome = outcome_kind::infra_error;
  result.detail = why;
  event end;
  end.kind = "note";
  end.type = "episode_result";
  end.from = "supervisor";
  end.body = json(result);
  log->append(end);
  sum.set_hash(log->hash());
  return sum.so_far();
}

} // namespace remed::experiments
