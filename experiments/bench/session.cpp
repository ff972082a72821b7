#include "experiments/bench/session.hpp"

#include "agents/policies/policy.hpp"
#include "experiments/bench/control.hpp"
#include "experiments/results/account.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <system_error>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

constexpr const char* bench_cancelled = "the bench was cancelled";
constexpr const char* past_deadline = "deadline";
constexpr const char* cancelled_alone = "on request";

fs::path log_of(const fs::path& folder, const std::string& id) {
  return folder / id / "events.jsonl";
}

bool to_be_run(const std::optional<record>& r, const sitting& how) {
  if (!r || cut_short(*r)) return true;
  if (!judged(r->outcome, r->detail)) return how.retry_infra;
  return how.retry_failed && r->outcome != outcome_kind::recovered;
}

/// Moves an attempt out of the way of the next, whole.
result<void> put_aside(const fs::path& folder, const std::string& id) {
  const auto shelf = folder / "attempts" / id;
  std::error_code ec;
  fs::create_directories(shelf, ec);
  int number = 1;
  while (fs::exists(shelf / std::to_string(number), ec)) ++number;
  fs::rename(folder / id, shelf / std::to_string(number), ec);
  if (ec) return failure{errc::failed, (folder / id).string() + ": " + ec.message()};
  return {};
}

double known_cost(const record& r) {
  return std::max(0.0, r.cost_usd);
}

double cost_of_attempts(const fs::path& folder) {
  double sum = 0;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder / "attempts", ec), end; !ec && it != end;
       it.increment(ec)) {
    if (it->path().filename() != "events.jsonl") continue;
    if (const auto read = read_account(it->path())) sum += known_cost(read->so_far());
  }
  return sum;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += "\n  " + line;
  return out;
}

result<void> take_stock(open_bench& bench, const sitting& how) {
  bench.kept = read_records(bench.folder, bench.manifest.plan);
  for (std::size_t i = 0; i < bench.kept.size(); ++i) {
    const auto& id = bench.manifest.plan[i].id;
    if (!to_be_run(bench.kept[i], how)) {
      bench.spent_usd += known_cost(*bench.kept[i]);
      continue;
    }
    bench.kept[i].reset();
    std::error_code ec;
    if (!fs::exists(bench.folder / id, ec)) continue;
    auto moved = put_aside(bench.folder, id);
    if (!moved) return moved;
  }
  bench.spent_usd += cost_of_attempts(bench.folder);
  return {};
}

/// What a bench decides and keeps while experiments run.
class leader {
public:
  leader(const open_bench& bench, const std::vector<experiment_spec>& left, const sitting& sit,
         std::shared_ptr<purse> money)
      : folder_(bench.folder),
        sit_(sit),
        money_(money),
        control_(bench.folder),
        view_(progress::fitting(sit.quiet), bench.manifest.plan.size() - left.size(), money) {
    for (const auto& name : agents::policy_names()) policies_.insert(name);
    for (const auto& spec : left) ++suites_[spec.suite].left;
  }

  bench_lead lead() {
    bench_lead out;
    out.done = [this](const record& r) { ended(r); };
    out.begin = [this](desk& d, const agents::process_gate& gate) {
      gate_ = &gate;
      d.refuse = [this](const experiment_spec& spec) { return refusal(spec); };
    };
    out.tick = [this](desk& d) { tick(d); };
    return out;
  }

  /// After the last: what the ticks had no time for.
  void close() {
    keep_logs();
    view_.close();
  }
  void say(const std::string& line) { view_.say(line); }

private:
  using clock = std::chrono::steady_clock;
  struct suite_state {
    std::size_t left = 0;
    std::optional<clock::time_point> began;
    bool over = false;
  };

  void ended(const record& r) {
    {
      std::lock_guard guard(lock_);
      fresh_.push_back(r.id);
    }
    view_.ended(r);
  }

  /// Called under the desk's lock, before each start.
  std::optional<desk::refusal> refusal(const experiment_spec& spec) {
    if (money_ && money_->empty() && !policies_.contains(spec.model)) {
      return desk::refusal{outcome_kind::budget_exhausted, "money"};
    }
    std::lock_guard guard(lock_);
    auto& suite = suites_[spec.suite];
    if (!suite.began) suite.began = clock::now();
    return std::nullopt;
  }

  void tick(desk& d) {
    for (const auto& id : control_.look()) {
      if (id.empty()) {
        d.cancel_all(bench_cancelled);
        view_.say("cancelled: all");
      } else {
        view_.say(d.cancel(id, cancelled_alone) ? "cancelled: " + id : "no experiment " + id);
      }
    }
    for (const auto& suite : late_suites()) {
      d.cancel_all(past_deadline, suite);
      view_.say("deadline: what is left of " + suite + " is cancelled");
    }
    keep_logs();
    view_.show(d, *gate_);
  }

  std::vector<std::string> late_suites() {
    std::vector<std::string> out;
    if (!sit_.deadline_s) return out;
    std::lock_guard guard(lock_);
    for (auto& [name, suite] : suites_) {
      if (suite.over || !suite.began) continue;
      const auto passed = std::chrono::duration<double>(clock::now() - *suite.began).count();
      if (passed < *sit_.deadline_s) continue;
      suite.over = true;
      out.push_back(name);
    }
    return out;
  }

  /// Has the disk keep what ended since the last tick; here, because a worker must not wait for it.
  void keep_logs() {
    std::vector<std::string> ids;
    {
      std::lock_guard guard(lock_);
      ids.swap(fresh_);
    }
    for (const auto& id : ids) (void)sync_file(log_of(folder_, id));
    if (!ids.empty()) (void)sync_file(folder_);
  }

  fs::path folder_;
  const sitting& sit_;
  std::shared_ptr<purse> money_;
  bench_control control_;
  progress view_;
  const agents::process_gate* gate_ = nullptr;
  std::set<std::string> policies_;
  std::mutex lock_;
  std::map<std::string, suite_state> suites_;
  std::vector<std::string> fresh_;
};

} // namespace

bool cut_short(const record& r) {
  if (r.outcome == outcome_kind::budget_exhausted) return r.detail == "money";
  return r.outcome == outcome_kind::cancelled && r.detail != cancelled_alone;
}

std::vector<std::optional<record>> read_records(const fs::path& folder,
                                                const std::vector<experiment_spec>& plan) {
  std::vector<std::optional<record>> out;
  for (const auto& spec : plan) {
    auto& slot = out.emplace_back();
    const auto read = read_account(log_of(folder, spec.id));
    if (read && read->ended()) slot = read->so_far();
  }
  return out;
}

result<open_bench> open(const fs::path& folder, bench_manifest m, const sitting& how) {
  if (how.resume) {
    auto known = load_manifest(folder);
    if (!known) return known.why();
  }
  auto lock = bench_lock::take(folder);
  if (!lock) return lock.why();
  open_bench bench{folder, std::move(*lock), std::move(m), {}, 0};
  if (!how.resume) {
    if (holds_bench(folder)) {
      return failure{errc::bad_input, folder.string() +
                                          " holds a bench already: go on with it by `remed bench "
                                          "--resume " +
                                          folder.string() + "`, or choose another folder"};
    }
    auto saved = save_manifest(folder, bench.manifest);
    if (!saved) return saved.why();
    bench.kept.resize(bench.manifest.plan.size());
    return bench;
  }
  auto then = load_manifest(folder);
  if (!then) return then.why();
  const auto differ = differences(*then, bench.manifest);
  if (!differ.empty()) {
    return failure{errc::bad_input,
                   "the bench in " + folder.string() +
                       " is another one, its results would not be comparable:" + joined(differ)};
  }
  bench.manifest.begun = then->begun;
  auto stock = take_stock(bench, how);
  if (!stock) return stock.why();
  return bench;
}

result<std::vector<record>> run(const open_bench& bench, settings how, const sitting& sit,
                                const std::atomic<bool>& stop) {
  how.out = bench.folder;
  // Without a cap the purse only counts.
  how.money = std::make_shared<purse>(
      sit.max_cost.value_or(std::numeric_limits<double>::infinity()), bench.spent_usd);
  std::vector<experiment_spec> left;
  for (std::size_t i = 0; i < bench.kept.size(); ++i) {
    if (!bench.kept[i]) left.push_back(bench.manifest.plan[i]);
  }
  leader lead(bench, left, sit, how.money);
  lead.say("plan: " + std::to_string(bench.kept.size()) + " experiments" +
           (left.size() < bench.kept.size()
                ? ", " + std::to_string(bench.kept.size() - left.size()) + " of them finished"
                : "") +
           ", " + std::to_string(how.parallel) + " at once → " + bench.folder.string());
  auto done = left.empty() ? result<std::vector<record>>(std::vector<record>{})
                           : run_all(left, how, stop, lead.lead());
  lead.close();
  if (!done) return done.why();
  std::vector<record> all;
  std::size_t next = 0;
  for (const auto& kept : bench.kept) all.push_back(kept ? *kept : (*done)[next++]);
  return all;
}

} // namespace remed::experiments
