// What a check may rest on: one look at the environment and, where asked for, a network and a disk
// test made at the same time.
#pragma once

#include "chaos/fault.hpp"
#include "chaos/scenario.hpp"
#include "chaos/workload_view.hpp"
#include "environments/environment.hpp"
#include "runtime/shared_list.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace remed::chaos {

/// Wald's sequential probability-ratio test on the share of failing transactions: 1 % (healthy)
/// against 50 %, both errors below 1e-3. Decides on 11 successes in a row, or 2 failures in 5.
class sequential_test {
public:
  enum class answer { undecided, healthy, faulty };

  void add(int failed, int count);
  answer decision() const;
  int failed() const { return failed_; }
  int count() const { return count_; }

private:
  int failed_ = 0, count_ = 0;
};

struct network_facts {
  sequential_test test;
  double median_ms = 0; ///< of the last batch
  std::string problem;  ///< no transaction could be made: why; else empty
};

struct disk_facts {
  double p95_ms = 0;
  std::string problem;
};

struct facts {
  env::observation seen;
  std::optional<network_facts> network; ///< none: not asked for
  std::optional<disk_facts> disk;
};

/// What one look showed of the target.
struct target_view {
  env::seen_objects of; ///< the look
  workload_view view;
};

/// What is being judged; what predicates know besides the facts.
struct setting {
  fault what;
  scenario where;
  shared_value<env::system_profile> system;
  std::string ns;
  /// "cpu", "memory": the share of its limit that the target used before the fault; empty: unknown.
  std::map<std::string, double> usual = {};
  /// The target's workload as declared, once it was looked up; see the function below.
  mutable const json* declared = nullptr;
  /// Of the last look that was judged; see view_of below.
  mutable std::optional<target_view> viewed = {};
};

/// The target's workload as the system's manifests declare it; null: they have none. Looked up
/// once: a system has a hundred manifests, and every check asks.
const json& declared_workload(const setting& s);

/// The target as a look shows it. Selected once for all looks that saw the same objects: every
/// check asks. Valid until the next look is asked for.
const workload_view& view_of(const env::observation& seen, const setting& s);

/// What the words of a fault file stand for: namespace, system, target, workloads (the table its
/// workload is in), container (the target's first), image and port (the first of that),
/// service_port (the first of its Service), other (another service of the system), name.
words words_of(const setting& s, const std::string& object_name);

/// Which tests the predicates rest on.
struct wanted {
  bool network = false;
  std::optional<std::string> disk_path;
};
wanted wanted_by(const std::vector<predicate>& checks);

/// Looks, and makes the wanted tests. `done` is called once, possibly before this returns; the
/// environment must outlive it.
void gather(env::environment& where, const std::string& service, env::look at, wanted what,
            std::function<void(result<facts>)> done);

} // namespace remed::chaos
