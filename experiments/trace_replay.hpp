// Runs an experiment again from its recording, without a socket or a child process.
#pragma once

#include "experiments/record.hpp"
#include "experiments/trace_compare.hpp"
#include "experiments/trace_recording.hpp"

#include <atomic>

namespace remed::experiments {

struct replayed {
  std::vector<event> events; ///< what the second run wrote
  comparison against;        ///< left: the recording, right: the second run
};

/// In-process experiments run as a whole, cluster included; only the model's answers come from the
/// recording, and every field of every event is compared. Of experiments with real tools all roles
/// run again, while tools, model, injector and judge answer from the recording, at the virtual
/// times they did then; every message, tool run and model call is compared, with its cause and
/// without times.
result<replayed> replay(const recording& r);

/// What `fork` continues with.
struct fork_request {
  std::uint64_t at = 0; ///< answers of the model from this seq on are not the recording's any more
  std::string model;    ///< who answers then; empty: the recording's own model, by name
  std::string reply;    ///< a file with the first answer; empty: the model gives it
  std::filesystem::path out; ///< where the new experiment is written: see fork_folder
};

/// out/at-SEQ: holds the new experiment in a folder of the old one's name, which its messages bear.
std::filesystem::path fork_folder(const fork_request& how);

/// Runs the experiment anew with the recorded answers up to a point and live from there. Tools run
/// again, in a fresh fork of the cluster with the same seed: nothing of the past is assumed.
/// Returns the new experiment's record and where it left the recording's path.
struct forked {
  record ended;
  comparison against;
};
result<forked> fork(const recording& r, const fork_request& how, const std::atomic<bool>& stop);

/// The reply of a file: JSON as `model.reply` events hold it, a playbook (.yml, .yaml), or plain
/// text.
result<tools::model_reply> reply_of_file(const std::string& file);

/// As `replay` for an experiment with real tools: only its events.
result<std::vector<event>> replay_recorded_world(const recording& r);

} // namespace remed::experiments
