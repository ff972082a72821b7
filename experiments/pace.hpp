// How fast one thread may begin worlds that wait for their models. Waiting costs nothing, but all
// of them come back: with answers, all the time, and for their end. They are begun no faster than
// this thread can also serve and end them, so that nobody waits for long when answers come.
#pragma once

#include <chrono>
#include <cstddef>

namespace remed::experiments {

class pace {
public:
  using clock = std::chrono::steady_clock;

  // -- what worlds took of the thread
  void began(clock::time_point now);
  /// Until it first waited.
  void opened(clock::duration took);
  /// It came back and waits again.
  void answered(clock::duration took) { answers_ += seconds(took); }
  /// `last`: since it last waited; `whole`: in all.
  void ended(clock::time_point now, clock::duration last, clock::duration whole);

  /// When one more may begin, perhaps in the past; `left`: how many may still, at most, be added to
  /// those in flight.
  clock::time_point next_begin(clock::time_point now, std::size_t left) const;

private:
  static double seconds(clock::duration d) { return std::chrono::duration<double>(d).count(); }
  void pass(clock::time_point now);
  double spacing(double worlds_seconds, std::size_t left) const;

  clock::time_point last_begin_, seen_;
  std::size_t in_flight_ = 0, opened_ = 0, ended_ = 0;
  double openings_ = 0, endings_ = 0, wholes_ = 0; ///< seconds, of all so far
  double answers_ = 0;                             ///< seconds, of late
  double waited_ = 0;                              ///< seconds that worlds were in flight, of late
};

} // namespace remed::experiments
