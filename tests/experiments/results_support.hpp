// Made-up results for tests of what is computed from results.
#pragma once

#include "experiments/bench/session.hpp"
#include "experiments/results/account.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <vector>

namespace remed::test {

/// One judged result of an entrant on the n-th scenario of a suite.
inline experiments::record result_of(const std::string& model, std::uint32_t position, bool success,
                                     std::uint64_t seed = 1) {
  experiments::record r;
  r.suite = "easy";
  r.system = "simple-micro";
  r.fault = position % 2 == 0 ? "cpu-stress" : "network-loss";
  r.target = "hello-service";
  r.method = "thinkremed";
  r.model = model;
  r.policy = model == "runbook" || model == "noop";
  r.position = position;
  r.seed = seed;
  r.scenario = "easy-" + std::to_string(position) + "-s" + std::to_string(seed);
  r.id = r.scenario + "-" + model;
  r.outcome = success ? outcome_kind::recovered : outcome_kind::not_recovered;
  r.score = success ? 1 : 0;
  r.trials = 1;
  r.tools = "real";
  r.visibility = "hidden";
  r.verdict = "sound";
  r.t_max = 7;
  r.score_version = 1;
  return r;
}

/// A bench of the easy suite on in-process tools, in a folder of its own.
struct small_bench {
  experiments::bench_request request{{"easy"}, {"simple-micro"}, {"thinkremed"}, {"runbook"}, {1}};
  experiments::bench_conditions conditions;
  experiments::sitting sit;
  std::atomic<bool> stop{false};

  small_bench() {
    conditions.tools = "inprocess";
    conditions.t_max = 1;
    sit.quiet = true;
  }

  result<std::vector<experiments::record>> play(const std::filesystem::path& folder,
                                                std::size_t most = 4) {
    auto m = experiments::make_manifest(request, conditions);
    REQUIRE_MESSAGE(m.ok(), (m ? "" : m.why().what));
    m->plan.resize(std::min(m->plan.size(), most));
    auto bench = experiments::open(folder, *m, sit);
    if (!bench) return bench.why();
    experiments::settings how;
    how.tools = experiments::tool_kind::inprocess;
    how.t_max = 1;
    return experiments::run(*bench, how, sit, stop);
  }
};

} // namespace remed::test
