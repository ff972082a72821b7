// The cap of a bench on money, against a model behind a socket that has a price.

#include "experiments/bench/session.hpp"
#include "tests/support/policy_double.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <thread>

using namespace remed;
using namespace remed::experiments;

namespace {

/// The runbook behind a socket, in a thread of its own; its file has prices.
class priced_model {
public:
  priced_model() {
    test::model_double::options o;
    model_ = std::make_unique<test::model_double>(
        loop_,
        [this](const remed::json& request) {
          return test::answer_of(*mind_, request, std::chrono::milliseconds{0});
        },
        o);
    file = folder.path / "priced.yaml";
    std::ofstream(file) << "base_url: " << model_->base_url()
                        << "\nmodel: double-1\napi_key_env: REMED_TEST_KEY\n"
                        << "prices: {input: 100, output: 100}\n";
    ::setenv("REMED_TEST_KEY", o.api_key.c_str(), 1);
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) loop_.run_for(std::chrono::milliseconds{5});
    });
  }
  ~priced_model() {
    thread_.request_stop();
    thread_.join();
  }
  test::scratch_folder folder;
  std::filesystem::path file;

private:
  tools::io_loop loop_;
  std::unique_ptr<agents::policy> mind_ = agents::make_policy("runbook");
  std::unique_ptr<test::model_double> model_;
  std::jthread thread_;
};

result<std::vector<record>> sit_down(const std::filesystem::path& folder, const bench_manifest& m,
                                     const sitting& how) {
  auto bench = open(folder, m, how);
  if (!bench) return bench.why();
  settings s;
  s.tools = tool_kind::inprocess;
  s.parallel = 2;
  s.threads = 1;
  const std::atomic<bool> stop{false};
  return run(*bench, s, how, stop);
}

double total(const std::vector<record>& all) {
  double sum = 0;
  for (const auto& r : all) sum += r.cost_usd;
  return sum;
}

} // namespace

TEST_CASE(
    "a bench stops asking when its money is out, policies go on, and more money finishes it") {
  priced_model model;
  test::scratch_folder folder;
  bench_conditions conditions;
  conditions.tools = "inprocess";
  auto m = make_manifest(
      {{"easy"}, {"simple-micro"}, {"thinkremed"}, {model.file.string(), "runbook"}, {1}},
      conditions);
  REQUIRE(m);
  // Four scenarios with the model, then two with a policy.
  m->plan.erase(m->plan.begin() + 25, m->plan.end());
  m->plan.erase(m->plan.begin() + 4, m->plan.begin() + 23);
  sitting how;
  how.quiet = true;
  test::scratch_folder rich;
  const auto whole = sit_down(rich.path, *m, how);
  REQUIRE_MESSAGE(whole.ok(), (whole ? "" : whole.why().what));
  const double price = total(*whole);
  REQUIRE_GT(price, 0);

  how.max_cost = price / 2;
  // A call that is dearer than all before it may pass the cap by the difference.
  const double bound = *how.max_cost + price / 10;
  const auto poor = sit_down(folder.path, *m, how);
  REQUIRE(poor);
  CHECK_LE(total(*poor), bound);
  std::size_t out_of_money = 0;
  for (const auto& r : *poor) {
    const bool broke = r.outcome == outcome_kind::budget_exhausted && r.detail == "money";
    out_of_money += broke;
    if (r.model == "runbook") CHECK_EQ(r.outcome, outcome_kind::recovered);
    if (broke) CHECK_FALSE(judged(r.outcome, r.detail));
  }
  CHECK_GT(out_of_money, 0);

  how.resume = true;
  const auto still = sit_down(folder.path, *m, how); // what was spent is still spent
  REQUIRE(still);
  CHECK_LE(total(*still), bound);
  how.max_cost.reset();
  const auto done = sit_down(folder.path, *m, how);
  REQUIRE(done);
  for (std::size_t i = 0; i < done->size(); ++i) {
    CHECK_EQ(done->at(i).outcome, outcome_kind::recovered);
    CHECK_EQ(done->at(i).log_hash, whole->at(i).log_hash);
  }
}
