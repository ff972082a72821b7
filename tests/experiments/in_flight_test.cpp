// Many experiments that wait for a model behind a socket at once.

#include "experiments/bench.hpp"
#include "experiments/bench_gauges.hpp"
#include "runtime/paths.hpp"
#include "tests/support/policy_double.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

using namespace remed;
using namespace remed::experiments;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

namespace {

/// The runbook behind a socket, in a thread of its own; and a file that declares it as a model.
class slow_model {
public:
  explicit slow_model(milliseconds delay) {
    std::string name = (fs::temp_directory_path() / "remed-model-XXXXXX").string();
    folder = mkdtemp(name.data());
    file = folder / "slow.yaml";
    test::model_double::options o;
    model_ = std::make_unique<test::model_double>(
        loop_,
        [this, delay](const remed::json& request) {
          return test::answer_of(*mind_, request, delay);
        },
        o);
    std::ofstream(file) << "base_url: " << model_->base_url()
                        << "\nmodel: double-1\napi_key_env: REMED_TEST_KEY\n";
    ::setenv("REMED_TEST_KEY", o.api_key.c_str(), 1);
    thread_ = std::jthread([this](std::stop_token stop) {
      while (!stop.stop_requested()) loop_.run_for(milliseconds{5});
    });
  }
  ~slow_model() {
    thread_.request_stop();
    thread_.join();
    fs::remove_all(folder);
  }

  fs::path folder, file;

private:
  tools::io_loop loop_;
  std::unique_ptr<agents::policy> mind_ = agents::make_policy("runbook");
  std::unique_ptr<test::model_double> model_;
  std::jthread thread_;
};

std::vector<record> run(const std::vector<experiment_spec>& specs, unsigned parallel,
                        bench_gauges& gauges, const fs::path& out) {
  settings how;
  how.tools = tool_kind::inprocess;
  how.parallel = parallel;
  how.gauges = &gauges;
  how.out = out;
  const std::atomic<bool> stop{false};
  auto done = run_all(specs, how, stop, {}, {});
  REQUIRE(done);
  return *done;
}

} // namespace

TEST_CASE("experiments wait for their model together, and each writes the log it writes alone") {
  slow_model model(milliseconds{150});
  auto specs = plan({{"easy"}, {"simple-micro"}, {"thinkremed"}, {model.file.string()}, {1}});
  REQUIRE(specs);
  specs->resize(6);
  bench_gauges crowd, alone;
  const auto together = run(*specs, 6, crowd, model.folder / "together");
  CHECK_GT(crowd.peak, settings{}.threads);
  CHECK_EQ(crowd.in_flight, 0);
  specs->resize(1);
  const auto solo = run(*specs, 1, alone, model.folder / "solo");
  CHECK_EQ(alone.peak, 1);
  for (const auto& r : together) CHECK_EQ(r.outcome, outcome_kind::recovered);
  CHECK_EQ(together[0].log_hash, solo[0].log_hash);
  const auto log = fs::path(solo[0].id) / "events.jsonl";
  const auto a = read_file(model.folder / "together" / log);
  const auto b = read_file(model.folder / "solo" / log);
  REQUIRE(a);
  REQUIRE(b);
  CHECK_FALSE(a->empty());
  CHECK_EQ(*a, *b);
}
