// What people see of a bench while it runs: a line per experiment that ended, and on a terminal a
// last line that is drawn again and again. Standard error only.
#pragma once

#include "agents/process_gate.hpp"
#include "experiments/bench/desk.hpp"
#include "runtime/purse.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace remed::experiments {

/// What the status line tells.
struct bench_state {
  bench_counts counts;
  std::size_t kept = 0; ///< finished in an earlier sitting; not part of the counts
  std::size_t processes = 0, in_line = 0;
  double elapsed_s = 0;
  double spent_usd = 0, cap_usd = -1; ///< negative: no cap
};

/// "[ 41/138] ✓ 33 ✗ 8 ⚠ 0 · 12 running (2 processes, 5 in line), 85 waiting · 31 s, ~74 s left ·
/// $0.31".
std::string status_line(const bench_state& s);
/// "1 h 05 min", "74 s".
std::string spell_seconds(double s);

class progress {
public:
  enum class manner { silent, lines, terminal };

  /// `how` of standard error as it is: silent, on a terminal, or plain lines.
  static manner fitting(bool quiet);
  progress(manner how, std::size_t kept, std::shared_ptr<purse> money);

  /// From any thread.
  void ended(const record& r);
  void say(const std::string& line);
  /// About ten times a second. Plain lines get a status now and then.
  void show(const desk& from, const agents::process_gate& gate);
  /// Takes the status line away.
  void close();

private:
  void print(const std::string& line);

  manner how_;
  std::size_t kept_;
  std::shared_ptr<purse> money_;
  std::mutex lock_;
  std::string status_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told_ = began_;
};

} // namespace remed::experiments
