#include "chaos/scenario.hpp"
#include "experiments/commands.hpp"
#include "experiments/flags.hpp"
#include "experiments/proof.hpp"
#include "experiments/workshop_tools.hpp"

#include <CLI/CLI.hpp>

#include <atomic>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

namespace remed::experiments {

namespace {

struct prove_options {
  std::vector<std::string> faults, systems = {"simple-micro"}, targets;
  unsigned parallel = 2;
  std::size_t sample = 0;
  double window_s = 300;
  bool no_remedies = false, quiet = false, verbose = false;
  std::string output = "text";
};

/// One scenario to prove.
struct cell {
  std::string system, target;
  const chaos::fault* fault = nullptr;
};

/// At most `most` of them, spread evenly; 0: all.
std::vector<std::string> thinned(const std::vector<std::string>& all, std::size_t most) {
  if (most == 0 || all.size() <= most) return all;
  std::vector<std::string> out;
  for (std::size_t i = 0; i < most; ++i) out.push_back(all[i * all.size() / most]);
  return out;
}

/// The services a system offers for a fault.
std::vector<std::string> offered(const env::system_profile& system, const std::string& fault_id) {
  std::set<std::string> known(system.targets.begin(), system.targets.end());
  for (const auto& [id, some] : system.targets_by_fault) known.insert(some.begin(), some.end());
  std::vector<std::string> out;
  for (const auto& name : known) {
    if (chaos::check_target(system, fault_id, name)) out.push_back(name);
  }
  return out;
}

result<std::vector<chaos::fault>> load_faults(const std::vector<std::string>& wanted) {
  std::vector<chaos::fault> out;
  for (const auto& id : wanted.empty() ? chaos::shipped_faults() : wanted) {
    auto f = chaos::load_fault(id);
    if (!f) return f.why();
    out.push_back(std::move(*f));
  }
  return out;
}

result<std::vector<cell>> cells_of(const prove_options& o,
                                   const std::vector<chaos::fault>& faults) {
  std::vector<cell> out;
  const bool every = o.systems == std::vector<std::string>{"all"};
  for (const auto& name : every ? env::shipped_systems() : o.systems) {
    auto system = env::load_system(name);
    if (!system) return system.why();
    for (const auto& f : faults) {
      for (const auto& target : thinned(offered(*system, f.id), o.sample)) {
        const auto& only = o.targets;
        if (!only.empty() && std::find(only.begin(), only.end(), target) == only.end()) continue;
        out.push_back({name, target, &f});
      }
    }
  }
  return out;
}

std::string row(const proof& p, bool all_steps) {
  std::ostringstream out;
  out << (p.passed ? "✓ " : "✗ ") << std::left << std::setw(18) << p.system << std::setw(28)
      << p.fault << std::setw(30) << p.target;
  int held = 0, asked = 0;
  for (const auto& s : p.steps) {
    asked += s.applies;
    held += s.applies && s.passed;
    if (s.name == "symptom") out << std::right << std::setw(5) << s.after_s << " s";
  }
  out << std::right << std::setw(4) << held << "/" << asked << std::fixed << std::setprecision(0)
      << std::setw(8) << p.cpu_ms << " ms";
  for (const auto& s : p.steps) {
    if (!all_steps && (s.passed || !s.applies)) continue;
    out << "\n    "
        << (s.passed    ? "✓ "
            : s.applies ? "✗ "
                        : "– ")
        << std::left << std::setw(24) << s.name << std::setw(20) << s.expected << s.detail;
  }
  return out.str();
}

/// Several threads, each with clusters of its own.
std::vector<proof> prove_all(const std::vector<cell>& cells, const prove_options& o,
                             const chaos::verification_plan& verification,
                             const std::atomic<bool>& stop) {
  settings how;
  how.tools = tool_kind::inprocess;
  proof_plan plan;
  plan.window = from_seconds(o.window_s);
  plan.remedies = !o.no_remedies;
  std::vector<proof> out(cells.size());
  std::atomic<std::size_t> next = 0;
  std::mutex talk;
  auto work = [&] {
    workshop shop(how, nullptr);
    for (auto i = next++; i < cells.size() && !stop; i = next++) {
      const auto& c = cells[i];
      auto booted = shop.system(c.system);
      if (booted) {
        out[i] = prove(**booted, *c.fault, c.target, verification, plan);
      } else {
        out[i] = {c.fault->id, c.system, c.target, false, {}, 0};
        out[i].steps.push_back({"boot", {}, false, true, 0, booted.why().what});
      }
      if (o.quiet || o.output == "json") continue;
      std::lock_guard guard(talk);
      std::cout << row(out[i], o.verbose) << std::endl;
    }
  };
  const auto threads = std::min<std::size_t>(std::max(1u, o.parallel), cells.size());
  std::vector<std::jthread> crew;
  for (std::size_t t = 0; t < threads; ++t) crew.emplace_back(work);
  crew.clear();
  return out;
}

int run(const prove_options& o, const std::atomic<bool>& stop) {
  auto faults = load_faults(o.faults);
  auto verification = chaos::load_verification_plan();
  if (!faults || !verification) {
    complain(faults ? verification.why() : faults.why());
    return exit_usage;
  }
  auto cells = cells_of(o, *faults);
  if (!cells) {
    complain(cells.why());
    return exit_for(cells.why());
  }
  if (cells->empty()) return exit_nothing;
  const auto proofs = prove_all(*cells, o, *verification, stop);
  const auto passed = std::count_if(proofs.begin(), proofs.end(), [](auto& p) { return p.passed; });
  if (o.output == "json") {
    auto document = json::object();
    document["schema"] = "remed.proofs/1";
    document["proofs"] = proofs;
    document["passed"] = passed;
    std::cout << document.dump(2) << '\n';
  } else {
    std::cout << passed << " of " << proofs.size() << " scenarios proven\n";
  }
  if (stop) return exit_interrupted;
  return passed == static_cast<std::ptrdiff_t>(proofs.size()) ? exit_done : exit_not_recovered;
}

} // namespace

void add_prove(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand(
      "prove",
      "Fault × system × target: made, felt, stays, undone, cured by what it accepts, and "
      "what it does not accept is named");
  auto o = std::make_shared<prove_options>();
  command->add_option("--fault", o->faults, "ids or files; default: all that are shipped")
      ->delimiter(',');
  command->add_option("--system", o->systems, "names, or all")->delimiter(',');
  command->add_option("--target", o->targets, "only these services")->delimiter(',');
  command->add_option("--sample", o->sample, "so many targets per fault and system; 0: all");
  command->add_option("--window", o->window_s, "virtual seconds for which nothing may help")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command->add_flag("--no-remedies", o->no_remedies, "only made, felt, stays, undone");
  command->add_option("-j,--parallel", o->parallel, "threads")
      ->check(CLI::Range(1u, 256u))
      ->capture_default_str();
  command->add_option("-o,--output", o->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->add_flag("-v,--verbose", o->verbose, "every step, not only those that failed");
  command->add_flag("-q,--quiet", o->quiet, "only the sum");
  command->callback([o, &context] { context.exit = run(*o, context.stop); });
}

} // namespace remed::experiments
