#include "experiments/bench.hpp"

#include "agents/models.hpp"
#include "chaos/mesh/rules.hpp"
#include "experiments/workshop_tools.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <locale>
#include <mutex>
#include <thread>

namespace remed::experiments {

namespace {

constexpr int steps_in_a_row = 64; // before the next world has its turn
constexpr std::chrono::milliseconds patience{2};

/// Until a booted system has metrics of a whole scrape window.
constexpr std::chrono::seconds warm_up{60};

/// Clients print ages by their own clock and say <invalid> for what lies ahead of it. Virtual time
/// runs ahead of wall time, so the calendar of live worlds begins this much in the past …
constexpr std::chrono::minutes calendar_lead{30};
/// … and at most this much more.
constexpr std::chrono::minutes calendar_slack{10};

/// The queue that threads take from, and the results they put back.
struct counter {
  const std::vector<experiment_spec>& specs;
  std::vector<record> results;
  std::function<void(const record&)> done;
  std::size_t next = 0;
  std::mutex lock;

  std::optional<std::size_t> take() {
    std::lock_guard guard(lock);
    if (next >= specs.size()) return std::nullopt;
    return next++;
  }
  void put(std::size_t i, record r) {
    std::lock_guard guard(lock);
    results[i] = std::move(r);
    if (done) done(results[i]);
  }
};

/// libstdc++ fills these tables of the global locale at first use and without a lock; regular
/// expressions read them in every thread.
void fill_locale_tables() {
  const auto& letters = std::use_facet<std::ctype<char>>(std::locale());
  letters.widen('a');
  for (int c = 0; c < 256; ++c) letters.narrow(static_cast<char>(c), '\0');
}

record never_ran(const experiment_spec& spec, outcome_kind kind, const std::string& why) {
  episode_result ended;
  ended.outcome = kind;
  ended.detail = why;
  return make_record(spec, ended);
}

/// One thread's work: keeps its share of worlds going until the queue is empty.
class worker {
public:
  worker(counter& desk, const settings& how, std::shared_ptr<tools::ansible_host> host,
         const std::atomic<bool>& stop, const event_follower& follow, unsigned most)
      : desk_(desk), stop_(stop), follow_(follow), most_(most), shop_(how, std::move(host)) {}

  void work() {
    for (;;) {
      if (stop_ && !cancelled_) cancel_all();
      refill();
      if (active_.empty()) return;
      bool progress = false;
      for (auto it = active_.begin(); it != active_.end();) {
        progress |= advance(*it->second);
        if (it->second->over()) {
          desk_.put(it->first, it->second->finished());
          it = active_.erase(it);
        } else {
          ++it;
        }
      }
      progress |= shop_.loop.poll();
      if (!progress && !active_.empty()) shop_.loop.run_for(patience);
    }
  }

private:
  void refill() {
    while (!stop_ && active_.size() < most_) {
      const auto i = desk_.take();
      if (!i) return;
      auto started = start_experiment(desk_.specs[*i], shop_, follow_);
      if (!started) {
        desk_.put(*i, never_ran(desk_.specs[*i], outcome_kind::infra_error, started.why().what));
        continue;
      }
      active_.emplace_back(*i, std::move(*started));
    }
  }

  static bool advance(running& world) {
    bool any = false;
    for (int n = 0; n < steps_in_a_row && !world.over(); ++n) {
      if (!world.step()) break;
      any = true;
    }
    return any;
  }

  void cancel_all() {
    cancelled_ = true;
    for (auto& [i, world] : active_) world->cancel("interrupted");
  }

  counter& desk_;
  const std::atomic<bool>& stop_;
  const event_follower& follow_;
  unsigned most_;
  workshop shop_;
  std::list<std::pair<std::size_t, std::unique_ptr<running>>> active_;
  bool cancelled_ = false;
};

} // namespace

workshop::workshop(const settings& s, std::shared_ptr<tools::ansible_host> host)
    : how(s),
      ansible_host(std::move(host)),
      tools(std::make_unique<tools_of_thread>(loop, s, ansible_host)) {
  make_model = [this](const std::string& name, std::uint64_t seed) {
    return agents::make_model(name, &loop, seed);
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
                                    const std::atomic<bool>& stop, event_follower follow,
                                    std::function<void(const record&)> done) {
  std::shared_ptr<tools::ansible_host> host;
  if (how.tools == tool_kind::real) {
    if (how.sandbox == tools::sandbox_spec::mode::sandboxed) {
      auto possible = tools::sandbox_available();
      if (!possible) return possible.why();
    }
    if (how.ansible == tools::ansible_backend::host_process) {
      auto started = tools::start_ansible_host(how.sandbox);
      if (!started) return started.why();
      host = std::move(*started);
    }
  }
  counter desk{specs, {}, std::move(done), 0, {}};
  for (const auto& spec : specs) {
    desk.results.push_back(never_ran(spec, outcome_kind::cancelled, "never started"));
  }
  const auto at_once = std::max(1u, how.parallel);
  const auto threads = std::clamp(how.threads, 1u, at_once);
  fill_locale_tables();
  {
    std::vector<std::jthread> crew;
    for (unsigned t = 0; t < threads; ++t) {
      const unsigned share = at_once / threads + (t < at_once % threads ? 1 : 0);
      crew.emplace_back([&, share] { worker(desk, how, host, stop, follow, share).work(); });
    }
  }
  return std::move(desk.results);
}

} // namespace remed::experiments
