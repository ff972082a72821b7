// What people see while experiments run: the conversation of one, the progress of many. Standard
// error only; what models and tools wrote is stripped of control characters first.
#pragma once

#include "experiments/plan.hpp"
#include "experiments/record.hpp"
#include "runtime/event_log.hpp"

#include <mutex>
#include <string>

namespace remed::experiments {

/// Printable text: control characters (terminal escapes among them) become spaces, at most `lines`
/// lines are kept.
std::string printable(const std::string& text, std::size_t lines = 12);

/// One event as people read it; empty when it says nothing new.
std::string tell(const event& e);

/// "✓ easy-001 … recovered score 1.000 trials 1 12.3 s".
std::string tell(const record& r);

/// Prints from several threads, one call at a time.
class console {
public:
  console(std::size_t planned, bool quiet) : planned_(planned), quiet_(quiet) {}
  void show(const event& e);
  void ended(const record& r);
  void say(const std::string& line);

private:
  std::mutex lock_;
  std::size_t planned_, done_ = 0;
  bool quiet_;
};

} // namespace remed::experiments
