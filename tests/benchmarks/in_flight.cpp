// Thousands of experiments in flight at once: forks of train-ticket, in-process tools, event logs
// on the disk, and a model behind a real socket that thinks for seconds. The model is the test
// double in a process of its own; it says what the runbook policy would, after a few looks around.
//
//   N (10000) experiments   CALLS (16) looks before the diagnosis   DELAY_MS (5000) per call
//   SUITE (easy)   THREADS (2)   SAMPLE (100) compared with solo runs   OUT: where logs go, and
//   stay

#include "agents/conversation.hpp"
#include "experiments/bench.hpp"
#include "experiments/bench_gauges.hpp"
#include "runtime/paths.hpp"
#include "tests/benchmarks/benchmarks.hpp"
#include "tests/benchmarks/measure.hpp"
#include "tests/support/policy_double.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

namespace remed::benchmarks {

namespace {

using namespace remed::experiments;
namespace fs = std::filesystem;
using std::chrono::milliseconds;

long number(const char* name, long otherwise) {
  const auto text = text_of(name, "");
  return text.empty() ? otherwise : std::atol(text.c_str());
}

/// The double's mind: looks around one command at a time, then follows the runbook.
class mind {
public:
  mind(long looks, milliseconds delay)
      : looks_(looks), delay_(delay), runbook_(agents::make_policy("runbook")) {}

  /// By the text alone, so that the double costs little of the cores that it shares.
  std::optional<test::double_answer> at_a_glance(std::string_view request) const {
    static const char* const commands[] = {
        "kubectl get deployment ts-travel-service -n train-ticket",
        "kubectl get service ts-travel-service -n train-ticket",
        "kubectl get endpoints ts-travel-service -n train-ticket",
        "kubectl get deployment ts-order-service -n train-ticket"};
    const auto said = looks_in(request);
    if (said >= looks_) return std::nullopt;
    auto arguments = json::object();
    arguments["cmds"] = json::array({commands[said % 4]});
    test::double_answer answer;
    answer.delay = delay_;
    answer.tool_calls.push_back(
        {"look_" + std::to_string(said), agents::probe_tool, arguments.dump()});
    return answer;
  }

  test::double_answer operator()(const json& request) const {
    return test::answer_of(*runbook_, request, delay_);
  }

private:
  /// The last that was answered tells. What is quoted in a request has no bare quotation marks.
  static long looks_in(std::string_view request) {
    constexpr std::string_view mark = R"("tool_call_id":"look_)";
    const auto at = request.rfind(mark);
    return at == request.npos ? 0 : std::atol(request.data() + at + mark.size()) + 1;
  }

  long looks_;
  milliseconds delay_;
  std::shared_ptr<agents::policy> runbook_;
};

/// The double in its own process, until this object goes.
class double_process {
public:
  double_process(long looks, milliseconds delay) {
    int told[2], alive[2];
    if (::pipe(told) != 0 || ::pipe(alive) != 0) std::abort();
    child_ = ::fork();
    if (child_ == 0) {
      ::close(alive[1]);
      serve(looks, delay, told[1], alive[0]);
      std::_Exit(0);
    }
    ::close(told[1]);
    ::close(alive[0]);
    alive_ = alive[1];
    char url[128] = {};
    if (::read(told[0], url, sizeof url - 1) <= 0) std::abort();
    ::close(told[0]);
    url_ = url;
  }
  /// Ends it. CPU seconds it used.
  double end() {
    ::close(std::exchange(alive_, -1));
    rusage used{};
    int status = 0;
    ::wait4(child_, &status, 0, &used);
    const auto s = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return s(used.ru_utime) + s(used.ru_stime);
  }
  const std::string& url() const { return url_; }

private:
  static void serve(long looks, milliseconds delay, int tell, int alive) {
    tools::io_loop loop;
    test::model_double::options o;
    o.keeps_requests = false;
    o.max_connections = 100'000;
    const mind thinks(looks, delay);
    test::model_double model(loop, thinks, o);
    model.at_a_glance = [&](std::string_view request) { return thinks.at_a_glance(request); };
    const auto url = model.base_url();
    if (::write(tell, url.data(), url.size()) < 0) return;
    for (pollfd parent{alive, 0, 0}; ::poll(&parent, 1, 0) == 0;) {
      for (int i = 0; i < 100; ++i) loop.run_for(milliseconds{5});
    }
  }

  pid_t child_ = 0;
  int alive_ = -1;
  std::string url_;
};

/// Notes how much later than the model's delay each answer came.
class timed_model final : public tools::model {
public:
  using clock = std::chrono::steady_clock;
  timed_model(std::unique_ptr<tools::model> inner, milliseconds delay,
              std::atomic<std::int64_t>& latest)
      : inner_(std::move(inner)), delay_(delay), latest_(&latest) {}
  std::string name() const override { return inner_->name(); }
  std::shared_ptr<void> complete(tools::model_request request,
                                 std::function<void(result<tools::model_reply>)> done) override {
    auto timed = [due = clock::now() + delay_, latest = latest_,
                  done = std::move(done)](result<tools::model_reply> reply) {
      const auto late =
          std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - due).count();
      for (auto known = latest->load(); known < late;)
        if (latest->compare_exchange_weak(known, late)) break;
      done(std::move(reply));
    };
    return inner_->complete(std::move(request), std::move(timed));
  }

private:
  std::unique_ptr<tools::model> inner_;
  milliseconds delay_;
  std::atomic<std::int64_t>* latest_;
};

void declare_model(const fs::path& file, const std::string& url) {
  std::ofstream(file) << "base_url: " << url
                      << "\nmodel: double-1\napi_key_env: REMED_DOUBLE_KEY\n";
}

/// A line every few seconds while a bench runs, for whoever waits for it.
std::jthread watch(const bench_gauges& gauges, std::size_t& ended) {
  return std::jthread([&](std::stop_token stop) {
    for (int tick = 0; !stop.stop_requested(); ++tick) {
      std::this_thread::sleep_for(milliseconds{100});
      if (tick % 50 != 49) continue;
      std::fprintf(stderr, "  in flight %zu, ended %zu, resident %.0f MiB, longest wait %.0f ms\n",
                   gauges.in_flight.load(), ended, resident_bytes() / (1 << 20),
                   static_cast<double>(gauges.longest_wait_us.load()) / 1000);
    }
  });
}

struct crowd {
  std::vector<experiment_spec> specs;
  settings how;
  fs::path folder, model;
  long looks = 0;
};

std::vector<record> run_crowd(const crowd& all, milliseconds delay) {
  const auto n = static_cast<double>(all.specs.size());
  double_process model(all.looks, delay);
  declare_model(all.model, model.url());
  bench_gauges gauges;
  std::atomic<std::int64_t> latest_us{0};
  std::size_t ended = 0;
  auto how = all.how;
  how.gauges = &gauges;
  how.around_model = [&](std::unique_ptr<tools::model> m) {
    return std::make_unique<timed_model>(std::move(m), delay, latest_us);
  };
  const std::atomic<bool> stop{false};
  const stopwatch clock;
  result<std::vector<record>> done = std::vector<record>{};
  {
    const auto watcher = watch(gauges, ended);
    done = run_all(all.specs, how, stop, {}, [&](const record&) { ++ended; });
  }
  const auto cpu = clock.cpu(), wall = clock.wall();
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  if (!done) {
    std::printf("in flight: %s\n", done.why().what.c_str());
    return {};
  }
  std::map<std::string, int> outcomes;
  std::size_t lost = 0;
  for (const auto& r : *done) {
    ++outcomes[std::string(to_string(r.outcome))];
    const bool broken = r.outcome == outcome_kind::infra_error ||
                        r.outcome == outcome_kind::agent_failed ||
                        r.outcome == outcome_kind::cancelled;
    if (broken && lost++ < 5) std::printf("  lost: %s: %s\n", r.id.c_str(), r.detail.c_str());
  }
  for (const auto& [outcome, count] : outcomes) line("  outcome " + outcome, count, "");
  line("experiments in flight at once, peak", static_cast<double>(gauges.peak.load()), "");
  line("lost (infrastructure, failed roles, never ended)", static_cast<double>(lost), "");
  line("peak resident memory", static_cast<double>(used.ru_maxrss) / 1024, "MiB");
  line("CPU per experiment, all in", cpu / n * 1e3, "ms");
  line("  the model's double, in its own process, per experiment", model.end() / n * 1e3, "ms");
  const auto late = static_cast<double>(latest_us.load()) / 1e6;
  const auto waited = static_cast<double>(gauges.longest_wait_us.load()) / 1e6;
  line("the latest answer came after its due time", late, "s");
  line("  and a world waited for its turn at most", waited, "s");
  line("wall time", wall, "s");
  return std::move(*done);
}

/// Runs a sample one by one, with a model that answers at once, and compares the logs.
void compare_with_solo(const crowd& all, const std::vector<record>& together) {
  const auto wanted = static_cast<std::size_t>(number("SAMPLE", 100));
  const auto stride = std::max<std::size_t>(1, all.specs.size() / std::max<std::size_t>(1, wanted));
  crowd solo = all;
  solo.specs.clear();
  std::vector<std::string> hashes;
  for (std::size_t i = 0; i < all.specs.size() && solo.specs.size() < wanted; i += stride) {
    solo.specs.push_back(all.specs[i]);
    hashes.push_back(together[i].log_hash);
  }
  double_process model(all.looks, milliseconds{0});
  declare_model(all.model, model.url());
  solo.how.out = all.folder / "solo";
  solo.how.parallel = solo.how.threads = 1;
  const std::atomic<bool> stop{false};
  auto done = run_all(solo.specs, solo.how, stop, {}, {});
  model.end();
  if (!done) return;
  std::size_t same = 0;
  for (std::size_t i = 0; i < done->size(); ++i) {
    const auto name = fs::path(solo.specs[i].id) / "events.jsonl";
    const auto a = read_file(all.how.out / name), b = read_file(solo.how.out / name);
    same += a && b && *a == *b && !a->empty() && hashes[i] == (*done)[i].log_hash;
  }
  line("logs compared with solo runs", static_cast<double>(done->size()), "");
  line("  equal, byte for byte", static_cast<double>(same), "");
}

} // namespace

void in_flight() {
  crowd all;
  const char* given = std::getenv("OUT");
  std::string made = (fs::temp_directory_path() / "remed-in-flight-XXXXXX").string();
  all.folder = given != nullptr ? fs::path(given) : fs::path(::mkdtemp(made.data()));
  all.model = all.folder / "double.yaml";
  all.looks = number("CALLS", 16);
  ::setenv("REMED_DOUBLE_KEY", "test-key", 1);
  fs::create_directories(all.folder);
  const auto n = static_cast<std::size_t>(number("N", 10'000));
  std::vector<std::uint64_t> seeds;
  const std::string suite = text_of("SUITE", "easy");
  const auto listed = load_suite(suite);
  if (!listed) {
    std::printf("in flight: %s\n", listed.why().what.c_str());
    return;
  }
  for (std::uint64_t seed = 1; seeds.size() * listed->faults.size() < n; ++seed)
    seeds.push_back(seed);
  auto specs =
      plan({{suite}, {"train-ticket"}, {"thinkremed"}, {all.model.string()}, std::move(seeds)});
  if (!specs) {
    std::printf("in flight: %s\n", specs.why().what.c_str());
    return;
  }
  specs->resize(std::min(n, specs->size()));
  all.specs = std::move(*specs);
  all.how.tools = tool_kind::inprocess;
  all.how.out = all.folder / "together";
  all.how.parallel = static_cast<unsigned>(n);
  all.how.threads = static_cast<unsigned>(number("THREADS", 2));
  const auto done = run_crowd(all, milliseconds{number("DELAY_MS", 5000)});
  if (!done.empty()) compare_with_solo(all, done);
  if (given == nullptr) fs::remove_all(all.folder);
}

} // namespace remed::benchmarks
