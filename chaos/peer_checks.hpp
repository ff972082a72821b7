// MicroRemed's verdict, made again from what its checks look at (chaos/check_status.py there), with
// its thresholds, time limits and weaknesses: for comparison with figures published with it, never
// as this benchmark's own judgement.
//
// First it waits up to 300 s for all pods labelled app=TARGET to be Running and Ready, and goes on
// whatever comes of it. Then it repeats one check until it passes once or its time is over:
//
//   cpu-stress        300 s  each container below 50 % of its limit; pods that were not there when
//                            the wait ended, containers without limit and sidecars are skipped
//   memory-stress      10 s  as above, of the pods that are there
//   pod-fail          300 s  all pods Running and Ready, metrics to be had
//   network-loss,      10 s  three packets from each pod: none lost, 1000 ms on average at most
//   network-delay
//   disk-io            10 s  ten writes of 1 MiB below /var/log/mysql within a second; a directory
//                            that is missing passes
//   pod-config-error         cpu, then memory
//
// Its packets go to a host of the Internet; here they go to the service itself.
#pragma once

#include "chaos/judge.hpp"

#include <functional>
#include <memory>
#include <string>

namespace remed::chaos {

struct peer_verdict {
  bool applies = false; ///< MicroRemed has a check for this kind of fault
  bool recovered = false;
  std::string detail;
};

/// Runs the checks in virtual time. Driven as chaos::verification is: `wait` is asked to wait, then
/// `resume` is called; `done` once.
class peer_verification {
public:
  peer_verification(const judge& by, std::function<void(duration)> wait,
                    std::function<void(result<peer_verdict>)> done);
  ~peer_verification();
  peer_verification(const peer_verification&) = delete;

  void begin();
  void resume();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace remed::chaos
