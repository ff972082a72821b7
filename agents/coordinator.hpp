// Reasons about an incident with a model: may probe, then hands in a playbook or gives up.
#pragma once

#include "agents/doors.hpp"
#include "agents/mind.hpp"
#include "runtime/role.hpp"

namespace remed::agents {

class coordinator {
public:
  static constexpr auto name = "coordinator";
  using eats = incident;
  using emits = playbook;
  using handle = station<incident, probe_report, model_reply, playbook_done>;
  using judge_of_failure = station<give_up, limit_reached, infra_failed, role_failed>;

  struct needs {
    station<playbook> next;
    station<probe_request> probe; ///< may be invalid: then there is no probe tool
    judge_of_failure supervisor;
    doors* outside = nullptr;
    mind_settings settings;
  };

  coordinator(handle::pointer self, needs n);
  handle::behavior_type behavior();

private:
  void carry_out(step what);
  void hand_in(submit what);

  handle::pointer self_;
  needs needs_;
  mind mind_;
  turn at_;
  /// What the next word is awaited from: the request's id, or the probe. Anything else is stale.
  std::uint64_t awaited_ = 0;
  bool awaits_probe_ = false;
  submit checked_; ///< the playbook that is being looked at before it is handed in
};

} // namespace remed::agents
