// The whole protocol: every message that roles exchange, declared once. ThinkRemed's words: C0 =
// context, R_t = report, p_t = playbook, v_t = verdict. DESIGN §3 has the ring they travel.
#pragma once

#include "runtime/fields.hpp"
#include "runtime/json.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/type_id.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace remed {

/// Where in an experiment a message belongs; first field of every message.
struct turn {
  std::string experiment;
  std::uint32_t trial = 0; ///< 1..T_max; 0 before the first
};
FIELDS(turn, experiment, trial)

/// How an experiment ended.
enum class outcome_kind {
  recovered,
  self_healed, ///< the effect went away with no action of the agents
  masked,      ///< the check passes although the effect is still there
  not_recovered,
  gave_up,
  budget_exhausted, ///< detail: which limit
  injection_failed,
  agent_failed, ///< detail: which role
  infra_error,  ///< detail: where
  cancelled,
};
NAMES(outcome_kind, "recovered", "self_healed", "masked", "not_recovered", "gave_up",
      "budget_exhausted", "injection_failed", "agent_failed", "infra_error", "cancelled")

/// Supervisor → injector: begin trial t.
struct trial {
  turn at;
  std::string feedback; ///< what the last verdict taught; empty at t = 1
};
FIELDS(trial, at, feedback)

/// Injector → coordinator: the failure is there, repair it.
struct incident {
  turn at;
  std::string context; ///< C0
  std::string report;  ///< R_t
  std::string feedback;
};
FIELDS(incident, at, context, report, feedback)

/// Injector → supervisor: the fault could not be made, or its symptom never showed.
struct not_injected {
  turn at;
  std::string why;
  bool infrastructure = false; ///< the environment failed, not the fault
};
FIELDS(not_injected, at, why, infrastructure)

/// Coordinator → probe: read-only commands to run in order.
struct probe_request {
  turn at;
  std::vector<std::string> commands;
};
FIELDS(probe_request, at, commands)

struct command_report {
  std::string command;
  int exit_code = 0;
  std::string output; ///< standard output and error
  bool truncated = false;
  double seconds = 0; ///< virtual
};
FIELDS(command_report, command, exit_code, output, truncated, seconds)

/// Probe → coordinator.
struct probe_report {
  turn at;
  std::vector<command_report> results;
};
FIELDS(probe_report, at, results)

/// Coordinator → (reviewers →) execution: p_t.
struct playbook {
  turn at;
  std::string yaml;
  std::string rationale;
};
FIELDS(playbook, at, yaml, rationale)

/// Why a playbook run ended.
enum class run_reason {
  ok,
  parse_error,
  no_hosts,
  unreachable,
  task_failed,
  timed_out,
  limit,
  infra_error,
  rejected_before_run, ///< an early check refused it: nothing was run, no trial was spent
};
NAMES(run_reason, "ok", "parse_error", "no_hosts", "unreachable", "task_failed", "timed_out",
      "limit", "infra_error", "rejected_before_run")

struct task_result {
  std::string task, host;
  std::string status; ///< ok, changed, failed, skipped, unreachable, ignored
  std::string message;
};
FIELDS(task_result, task, host, status, message)

/// Execution → verification.
struct outcome {
  turn at;
  run_reason reason = run_reason::ok;
  int exit_code = 0;
  std::vector<task_result> tasks;
  std::string output; ///< what Ansible printed for people
  double seconds = 0; ///< virtual
};
FIELDS(outcome, at, reason, exit_code, tasks, output, seconds)

/// One thing that was checked.
struct evidence {
  std::string check; ///< ledger, probe:cpu, slo, collateral, …
  bool passed = false;
  std::string detail;
};
FIELDS(evidence, check, passed, detail)

/// Verification → supervisor: v_t with what it rests on.
struct verdict {
  turn at;
  bool recovered = false; ///< v_t
  outcome_kind status =
      outcome_kind::not_recovered; ///< recovered, self_healed, masked, not_recovered
  std::vector<evidence> grounds;
  std::vector<std::string> flags;
  double score = 0;      ///< 0..1, recovery × safety
  double downtime_s = 0; ///< user-visible, caused by the remedy, virtual seconds
  std::int64_t restarts = 0;
  std::int64_t writes = 0;
  std::string feedback; ///< for the next trial: what the agents may know
};
FIELDS(verdict, at, recovered, status, grounds, flags, score, downtime_s, restarts, writes,
       feedback)

/// Coordinator → supervisor.
struct give_up {
  turn at;
  std::string reason;
};
FIELDS(give_up, at, reason)

/// Supervisor → itself, delayed.
struct trial_expired {
  turn at;
};
FIELDS(trial_expired, at)

/// A role's shell → supervisor: its handler threw or its mailbox overflowed.
struct role_failed {
  turn at;
  std::string role;
  std::string what;
};
FIELDS(role_failed, at, role, what)

/// A role → supervisor: a limit was hit.
struct limit_reached {
  turn at;
  std::string which;            ///< probes, model_calls, tokens, cost, money, wall
  bool whole_experiment = true; ///< else it costs the trial only
};
FIELDS(limit_reached, at, which, whole_experiment)

/// A role → supervisor: something outside the agents' reach is broken (model unreachable, …).
struct infra_failed {
  turn at;
  std::string where;
  std::string what;
};
FIELDS(infra_failed, at, where, what)

/// From outside → supervisor: stop now.
struct cancel {
  turn at;
  std::string reason;
};
FIELDS(cancel, at, reason)

/// Supervisor → injector: undo the fault, whatever happened. Answered by `cleared`.
struct clear {
  turn at;
};
FIELDS(clear, at)

struct cleared {
  turn at;
  bool clean = false;
  std::string detail;
};
FIELDS(cleared, at, clean, detail)

/// The world's I/O → the role that asked: a command (probe, playbook, wait) ended.
struct command_done {
  turn at;
  std::uint64_t id = 0;
  int exit_code = 0;
  bool truncated = false;
  std::string output;
  std::string problem; ///< it could not be run at all: why; else empty
  double seconds = 0;
};
FIELDS(command_done, at, id, exit_code, truncated, output, problem, seconds)

/// The world's I/O → execution: a playbook run ended.
struct playbook_done {
  turn at;
  std::uint64_t id = 0;
  outcome ended;
};
FIELDS(playbook_done, at, id, ended)

struct tool_use {
  std::string id, name;
  std::string arguments; ///< JSON text as the model wrote it
};
FIELDS(tool_use, id, name, arguments)

struct usage {
  std::int64_t input = 0, output = 0, cached = 0, reasoning = 0;
};
FIELDS(usage, input, output, cached, reasoning)

/// The world's I/O → the role that asked a model.
struct model_reply {
  turn at;
  std::uint64_t id = 0;
  std::string text;
  std::vector<tool_use> tool_calls;
  std::string finish_reason;
  usage tokens;
  double cost_usd = -1; ///< negative: unknown
  std::string model;
  std::string rung;
  std::string problem;      ///< no reply: why; else empty
  std::string problem_kind; ///< infra, budget, refused, garbage; empty when there is a reply
};
FIELDS(model_reply, at, id, text, tool_calls, finish_reason, tokens, cost_usd, model, rung, problem,
       problem_kind)

/// A role → itself, delayed: look again. `id` says which of its waits this was.
struct wake {
  turn at;
  std::uint64_t id = 0;
};
FIELDS(wake, at, id)

/// What was spent.
struct spending {
  std::int64_t model_calls = 0;
  std::int64_t probes = 0;
  usage tokens;
  double cost_usd = 0; ///< negative: unknown
};
FIELDS(spending, model_calls, probes, tokens, cost_usd)

/// Supervisor → recorder: the end.
struct episode_result {
  turn at;
  outcome_kind outcome = outcome_kind::not_recovered;
  std::string detail; ///< which limit, role or place
  std::vector<std::string> flags;
  double score = 0;
  std::uint32_t trials = 0;
  double downtime_s = 0;
  std::int64_t restarts = 0;
  std::int64_t writes = 0;
  spending spent;
  bool clean = false; ///< the fault is gone and the world handed back clean
  double virtual_s = 0;
};
FIELDS(episode_result, at, outcome, detail, flags, score, trials, downtime_s, restarts, writes,
       spent, clean, virtual_s)

/// CAF's serialization of every struct with FIELDS.
template <class Inspector, reflected T>
auto inspect(Inspector& f, T& x) -> typename Inspector::result_type {
  return std::apply(
      [&](auto&... field) {
        return f(caf::meta::type_name(struct_name(static_cast<const T*>(nullptr)).data()),
                 field...);
      },
      fields_of(x));
}

/// Every message of the protocol, for code that must handle them all.
// clang-format off
#define REMED_MESSAGES(X)                                                                    \
  X(trial) X(incident) X(not_injected) X(probe_request) X(probe_report) X(playbook)          \
  X(outcome) X(verdict) X(give_up) X(trial_expired) X(role_failed) X(limit_reached)          \
  X(infra_failed) X(cancel) X(clear) X(cleared) X(command_done) X(playbook_done)             \
  X(model_reply) X(episode_result) X(wake)
// clang-format on

} // namespace remed

#define REMED_ADD_ID(type) CAF_ADD_TYPE_ID(remed, (remed::type))
CAF_BEGIN_TYPE_ID_BLOCK(remed, caf::first_custom_type_id)
  REMED_MESSAGES(REMED_ADD_ID)
CAF_END_TYPE_ID_BLOCK(remed)
#undef REMED_ADD_ID
