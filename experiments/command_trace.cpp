#include "experiments/commands.hpp"
#include "experiments/console.hpp"
#include "experiments/flags.hpp"
#include "runtime/event_log.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace remed::experiments {

namespace {

namespace fs = std::filesystem;

/// A folder of an experiment, its events.jsonl, or an experiment's id below `runs`.
result<fs::path> find_log(const std::string& name, const fs::path& runs) {
  const fs::path given(name);
  for (const auto& file : {given, given / "events.jsonl"}) {
    if (fs::is_regular_file(file)) return file;
  }
  std::error_code ec;
  for (fs::recursive_directory_iterator it(runs, ec), end; it != end; it.increment(ec)) {
    if (ec) break;
    if (it->path().filename() == given && fs::is_regular_file(it->path() / "events.jsonl")) {
      return it->path() / "events.jsonl";
    }
  }
  return failure{errc::bad_input,
                 name + ": neither a log nor the id of an experiment below " + runs.string()};
}

struct trace_options {
  std::string name, runs = "runs", output = "text", kind;
  std::uint32_t trial = 0;
};

bool wanted(const event& e, const trace_options& o) {
  if (o.trial != 0 && e.trial != o.trial) return false;
  return o.kind.empty() || e.kind.rfind(o.kind, 0) == 0;
}

int show(const trace_options& o) {
  auto file = find_log(o.name, o.runs);
  if (!file) {
    complain(file.why());
    return exit_usage;
  }
  auto events = read_events(*file);
  if (!events) {
    complain(events.why());
    return exit_infrastructure;
  }
  for (const auto& e : *events) {
    if (!wanted(e, o)) continue;
    if (o.output == "json") {
      std::cout << dump(json(e)) << '\n';
    } else if (const auto text = tell(e); !text.empty()) {
      std::cout << e.seq << "←" << e.cause << "\t" << text << '\n';
    }
  }
  return exit_done;
}

} // namespace

void add_trace(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("trace", "Recorded conversations");
  command->require_subcommand(1);
  auto* show_command = command->add_subcommand("show", "Print one experiment's events");
  auto o = std::make_shared<trace_options>();
  show_command->add_option("experiment", o->name, "id, folder or events.jsonl")->required();
  show_command->add_option("--runs", o->runs, "where ids are looked for")->capture_default_str();
  show_command->add_option("--kind", o->kind, "msg, model, tool, fault …: kinds that begin so");
  show_command->add_option("--trial", o->trial, "only this trial");
  show_command->add_option("-o,--output", o->output, "text, or json: one event a line")
      ->check(CLI::IsMember({"text", "json"}));
  show_command->callback([o, &context] { context.exit = show(*o); });
}

} // namespace remed::experiments
