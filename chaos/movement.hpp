// Whether a remedy is still taking place, as looks that follow each other tell: pods end or come
// up, a rollout goes on.
#pragma once

#include "environments/seen_objects.hpp"
#include "runtime/time.hpp"

#include <vector>

namespace remed::chaos {

class movement {
public:
  /// Takes the next look. Whether anything moved since the last one: pods or workloads came, went
  /// or changed in what a remedy changes. At the first look everything came.
  bool follow(const env::seen_objects& seen);

  /// Before this time the remedy is still taking place, as long as these objects stay as they are.
  vtime until() const;

private:
  void follow(const char* table, const env::seen_objects& seen, bool& moved);

  struct restless {
    env::object object;
    vtime until{};
  };
  env::seen_objects last_;
  std::vector<restless> restless_; ///< what the last look saw in motion
};

} // namespace remed::chaos
