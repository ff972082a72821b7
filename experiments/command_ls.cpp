#include "agents/crew.hpp"
#include "agents/models.hpp"
#include "agents/registry.hpp"
#include "chaos/fault.hpp"
#include "environments/systems/system.hpp"
#include "experiments/commands.hpp"
#include "experiments/flags.hpp"
#include "experiments/plan.hpp"
#include "runtime/json.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace remed::experiments {

namespace {

struct entry {
  std::string name, title;
};
FIELDS(entry, name, title)

std::vector<entry> plain(const std::vector<std::string>& names) {
  std::vector<entry> out;
  for (const auto& name : names) out.push_back({name, {}});
  return out;
}

std::vector<entry> list(const std::string& what) {
  if (what == "systems") return plain(env::shipped_systems());
  if (what == "methods") return plain(agents::shipped_methods());
  if (what == "models") return plain(agents::model_names());
  std::vector<entry> out;
  if (what == "roles") {
    for (const auto& row : agents::registry()) {
      out.push_back({row.name, row.eats + " → " + row.emits});
    }
  }
  if (what == "faults") {
    for (const auto& id : chaos::shipped_faults()) {
      const auto fault = chaos::load_fault(id);
      out.push_back({id, fault ? fault->title : fault.why().what});
    }
  }
  if (what == "suites") {
    for (const auto& name : shipped_suites()) {
      const auto s = load_suite(name);
      out.push_back({name, s ? std::to_string(s->faults.size()) + "  " + s->title : s.why().what});
    }
  }
  return out;
}

void print(const std::vector<entry>& entries, const std::string& output) {
  if (output == "json") {
    std::cout << json(entries).dump(2) << '\n';
    return;
  }
  std::size_t width = 0;
  for (const auto& e : entries) width = std::max(width, e.name.size());
  for (const auto& e : entries) {
    std::cout << e.name;
    if (!e.title.empty()) std::cout << std::string(width + 2 - e.name.size(), ' ') << e.title;
    std::cout << '\n';
  }
}

} // namespace

void add_ls(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("ls", "What there is: faults, systems, methods, models …");
  auto what = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>("text");
  command->add_option("what", *what)
      ->required()
      ->check(CLI::IsMember({"faults", "systems", "methods", "models", "suites", "roles"}));
  command->add_option("-o,--output", *output)->check(CLI::IsMember({"text", "json"}));
  command->callback([what, output, &context] {
    const auto entries = list(*what);
    print(entries, *output);
    context.exit = entries.empty() ? exit_nothing : exit_done;
  });
}

} // namespace remed::experiments
