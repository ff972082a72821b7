#include "experiments/bench.hpp"

#include "agents/models.hpp"
#include "agents/policies/policy.hpp"
#include "chaos/mesh/rules.hpp"
#include "experiments/bench/relocate.hpp"
#include "experiments/shelf.hpp"
#include "experiments/worker.hpp"
#include "experiments/workshop_tools.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <locale>
#include <mutex>
#include <thread>
#include <utility>

namespace remed::experiments {

namespace {

constexpr std::chrono::milliseconds tick{100};

/// Operations in line for a process, per process, from which on no further world is started.
constexpr int line_per_process = 4;

/// Until a booted system has metrics of a whole scrape window.
constexpr std::chrono::seconds warm_up{60};

/// Clients print ages by their own clock and say <invalid> for what lies ahead of it. Virtual time
/// runs ahead of wall time, so the calendar of live worlds begins this much in the past …
constexpr std::chrono::minutes calendar_lead{30};
/// … and at most this much more.
constexpr std::chrono::minutes calendar_slack{10};

/// libstdc++ fills these tables of the global locale at first use and without a lock; regular
/// expressions read them in every thread.
void fill_locale_tables() {
  const auto& letters = std::use_facet<std::ctype<char>>(std::locale());
  letters.widen('a');
  for (int c = 0; c < 256; ++c) letters.narrow(static_cast<char>(c), '\0');
}

/// Each experiment that waits for a model holds a socket: as many as the machine allows.
void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// Waits for threads to end, and leads meanwhile.
class watch_over_threads {
public:
  explicit watch_over_threads(unsigned threads) : left_(threads) {}
  void ended() {
    std::lock_guard guard(lock_);
    --left_;
    changed_.notify_all();
  }
  /// False when all have ended.
  bool wait_for(std::chrono::milliseconds limit) {
    std::unique_lock guard(lock_);
    return !changed_.wait_for(guard, limit, [this] { return left_ == 0; });
  }

private:
  std::mutex lock_;
  std::condition_variable changed_;
  unsigned left_;
};

std::shared_ptr<agents::process_gate> gate_for(const settings& how) {
  if (how.processes > 0)
    return std::make_shared<agents::process_gate>(static_cast<int>(how.processes));
  return std::make_shared<agents::process_gate>(static_cast<int>(cores()),
                                                static_cast<int>(served_by_core * cores()),
                                                agents::idle_cores_of_this_machine());
}

result<std::shared_ptr<tools::ansible_host>> ansible_host_for(const settings& how,
                                                              const agents::process_gate& gate) {
  std::shared_ptr<tools::ansible_host> none;
  if (how.tools != tool_kind::real) return none;
  if (how.sandbox == tools::sandbox_spec::mode::sandboxed) {
    auto possible = tools::sandbox_available();
    if (!possible) return possible.why();
  }
  if (how.ansible != tools::ansible_backend::host_process) return none;
  return tools::start_ansible_host(how.sandbox, static_cast<unsigned>(gate.most()));
}

} // namespace

workshop::workshop(const settings& s, std::shared_ptr<tools::ansible_host> host,
                   std::shared_ptr<agents::process_gate> gate)
    : how(s),
      ansible_host(std::move(host)),
      tools(std::make_unique<tools_of_thread>(loop, s, ansible_host, std::move(gate))),
      shelf(std::make_unique<declared>()) {
  make_model = [this](const std::string& name,
                      std::uint64_t seed) -> result<std::unique_ptr<tools::model>> {
    std::unique_ptr<tools::model> made = agents::make_policy(name);
    if (!made) {
      const auto file = shelf->models.get(name, agents::load_model_file);
      if (!file) return file.why();
      auto over_http = agents::make_model(*file, loop, seed);
      if (!over_http) return over_http.why();
      made = std::move(*over_http);
    }
    return how.around_model ? how.around_model(std::move(made)) : std::move(made);
  };
}

workshop::~workshop() = default;

result<std::shared_ptr<const workshop::booted>> workshop::system(const std::string& name) {
  const auto now = std::chrono::steady_clock::now();
  const bool live = how.tools == tool_kind::real;
  if (const auto known = systems.find(name); known != systems.end()) {
    if (!live || now - known->second->made < calendar_slack) return known->second;
  }
  auto profile = env::load_system(name);
  if (!profile) return profile.why();
  if (!how.name_space.empty()) relocate(*profile, how.name_space);
  env::boot_options options;
  if (live) options.start = wall_calendar() - calendar_lead;
  auto cluster = env::boot(*profile, chaos::chaos_rules(), options);
  if (!cluster) return cluster.why().in("boot of " + name);
  auto installed = chaos::install_chaos(**cluster);
  if (!installed) return installed.why();
  (*cluster)->advance_to((*cluster)->now() + warm_up);
  auto made = std::make_shared<booted>();
  made->system = std::move(*profile);
  made->cluster = std::move(*cluster);
  made->made = now;
  systems[name] = made;
  return std::shared_ptr<const booted>(made);
}

vtime wall_calendar() {
  return vtime{
      std::chrono::duration_cast<duration>(std::chrono::system_clock::now().time_since_epoch())};
}

result<std::vector<record>> run_all(const std::vector<experiment_spec>& specs, const settings& how,
                                    const std::atomic<bool>& stop, const bench_lead& lead) {
  const auto gate = gate_for(how);
  auto host = ansible_host_for(how, *gate);
  if (!host) return host.why();
  desk all(specs, lead.done);
  // Whoever starts more worlds than the machine can serve only makes all of them late.
  all.hold_back = [gate] {
    return gate->waiting() >= static_cast<std::size_t>(line_per_process * gate->most());
  };
  if (lead.begin) lead.begin(all, *gate);
  const auto at_once = std::max(1u, how.parallel);
  const auto threads = std::clamp(how.threads, 1u, at_once);
  fill_locale_tables();
  raise_file_limit();
  watch_over_threads watch(threads);
  {
    std::vector<std::jthread> crew;
    for (unsigned t = 0; t < threads; ++t) {
      const unsigned share = at_once / threads + (t < at_once % threads ? 1 : 0);
      crew.emplace_back([&, share] {
        worker(all, how, *host, gate, lead.follow, share).work();
        watch.ended();
      });
    }
    for (bool stopped = false; watch.wait_for(tick);) {
      if (stop && !std::exchange(stopped, true)) all.cancel_all(interrupted);
      if (lead.tick) lead.tick(all);
    }
  }
  return all.take_results();
}

result<std::vector<record>> run_all(const std::vector<experiment_spec>& specs, const settings& how,
                                    const std::atomic<bool>& stop, event_follower follow,
                                    std::function<void(const record&)> done) {
  bench_lead lead;
  lead.follow = std::move(follow);
  lead.done = std::move(done);
  return run_all(specs, how, stop, lead);
}

} // namespace remed::experiments
