// What a bench is: its plan, its conditions and what all of it was read from. Written before the
// first experiment; a bench that is resumed must still be the same.
#pragma once

#include "experiments/plan.hpp"
#include "runtime/json.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace remed::experiments {

/// The conditions under which all experiments of a bench run; words as on the command line.
struct bench_conditions {
  std::string tools = "real", sandbox = "on", ansible = "host", visibility = "hidden";
  std::string verdict = "sound";
  double time_scale = 10;
  std::uint32_t t_max = 0;        ///< 0: the method's
  std::string name_space;         ///< empty: the system's own
  double wait_interval_s = 0;     ///< between checks, virtual; 0: as usual
  double injection_timeout_s = 0; ///< for the symptom to show, virtual; 0: as usual
};
FIELDS(bench_conditions, tools, sandbox, ansible, visibility, verdict, time_scale, t_max,
       name_space, wait_interval_s, injection_timeout_s)

struct bench_manifest {
  std::string schema = "remed.manifest/1";
  std::string begun; ///< RFC 3339, wall clock
  std::string version;
  int score_version = 0;
  bench_request request;
  bench_conditions conditions;
  json files = json::object(); ///< what the plan was read from → SHA-256
  std::vector<experiment_spec> plan;
};
FIELDS(bench_manifest, schema, begun, version, score_version, request, conditions, files, plan)

/// Plans, and notes the hash of every file that results rest on.
result<bench_manifest> make_manifest(const bench_request& request,
                                     const bench_conditions& conditions);

result<void> save_manifest(const std::filesystem::path& folder, const bench_manifest& m);
/// errc::bad_input when the folder holds no bench.
result<bench_manifest> load_manifest(const std::filesystem::path& folder);
bool holds_bench(const std::filesystem::path& folder);

/// What differs, for people; empty when `now` is the bench that `then` is.
std::vector<std::string> differences(const bench_manifest& then, const bench_manifest& now);

} // namespace remed::experiments
