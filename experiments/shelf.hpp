// What experiments are declared by, read from its files once for all worlds of a thread.
#pragma once

#include "agents/method.hpp"
#include "agents/models.hpp"
#include "chaos/fault.hpp"
#include "chaos/verifier.hpp"
#include "experiments/bench.hpp"

#include <map>
#include <string>

namespace remed::experiments {

/// Things by name; what cannot be read is tried again.
template <class T>
class by_name {
public:
  template <class Load>
  result<T> get(const std::string& name, Load load) {
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
    result<T> read = load(name);
    if (read) known_.emplace(name, *read);
    return read;
  }

private:
  std::map<std::string, T> known_;
};

struct workshop::declared {
  by_name<chaos::fault> faults;
  by_name<agents::method> methods;
  by_name<chaos::verification_plan> verifications;
  by_name<agents::model_file> models;
};

} // namespace remed::experiments
