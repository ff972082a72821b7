// A recorded experiment, read back: its events with their large texts, how it was run, and what its
// model said.
#pragma once

#include "experiments/plan.hpp"
#include "experiments/settings.hpp"
#include "runtime/event_log.hpp"
#include "tools/model.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::experiments {

struct recording {
  std::filesystem::path folder;
  std::vector<event> events; ///< large texts in place again
  experiment_spec spec;
  json header;       ///< the first event's body: spec and settings
  settings how;      ///< as it was run, except for where it writes
  bool real = false; ///< its tools were child processes and its time flowed
};

/// Reads `folder`/events.jsonl and the blobs beside it. Fails where it begins with no header.
result<recording> read_recording(const std::filesystem::path& folder);

/// One answer of the recorded model.
struct recorded_answer {
  std::uint64_t seq = 0; ///< of the event that holds it
  result<tools::model_reply> reply = tools::model_reply{};
};
/// All that a model was asked for, in order. What a spent budget answered is none of it.
std::vector<recorded_answer> answers_of(const recording& r);

/// A reply as `model.reply` events hold it: text, tool_calls [{name, arguments}], …
result<tools::model_reply> reply_from(const json& body);

/// Answers from the recording in its order; when that is used up, asks `then` (or fails). Labelled
/// as `name`; a policy answers at once, anything else on the loop's next turn, as it did then.
std::unique_ptr<tools::model> make_recorded_model(tools::io_loop& loop, std::string name,
                                                  bool policy, std::vector<recorded_answer> answers,
                                                  std::unique_ptr<tools::model> then);

} // namespace remed::experiments
