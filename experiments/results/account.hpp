// From the events of an experiment to its record: the same whether they are followed live or read
// from a log, so that everything derived from records can be made again from the logs.
#pragma once

#include "experiments/record.hpp"
#include "runtime/event_log.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace remed::experiments {

class account {
public:
  /// Takes the next event; what comes after the result is ignored.
  void take(const event& e);
  /// Whether the experiment ended and its result is recorded.
  bool ended() const { return ended_; }
  /// Complete once `ended`; before that, what is known so far (outcome infra_error).
  const record& so_far() const { return record_; }
  void set_hash(std::string log_hash) { record_.log_hash = std::move(log_hash); }

private:
  struct moment {
    double t = 0, wall = 0;
  };
  struct open_work {
    std::uint64_t seq = 0;
    std::string kind, type;
    moment since;
  };

  void begin(const json& header);
  void end(const event& e);
  void work_ended(const event& e);
  void model_replied(const json& body);
  void verdict_came(const json& body);

  record record_;
  std::vector<open_work> open_;
  std::optional<moment> incident_, remedy_;
  bool ended_ = false;
};

/// A log's account; a torn last line is left out. `record::log_hash` is that of the lines up to the
/// result.
result<account> read_account(const std::filesystem::path& events_file);

} // namespace remed::experiments
