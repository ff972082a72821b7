#include "experiments/commands.hpp"
#include "experiments/console.hpp"
#include "experiments/flags.hpp"
#include "experiments/trace_replay.hpp"
#include "runtime/event_log.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <optional>

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
  std::string other, model, reply, out = "runs/forks";
  std::uint32_t trial = 0;
  std::uint64_t at = 0;
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

/// The recording by the name a user gives it; complains when there is none.
std::optional<recording> opened(const std::string& name, const std::string& runs) {
  const auto file = find_log(name, runs);
  auto r = file ? read_recording(file->parent_path()) : result<recording>(file.why());
  if (r) return std::move(*r);
  complain(r.why());
  return std::nullopt;
}

int replay_one(const trace_options& o) {
  const auto r = opened(o.name, o.runs);
  if (!r) return exit_usage;
  auto again = replay(*r);
  if (!again) {
    complain(again.why());
    return exit_infrastructure;
  }
  const auto& c = again->against;
  if (!c.first) {
    std::cout << "identical: " << c.same << " events"
              << (r->real ? ", without times and what the injector saw (real tools)" : "") << '\n';
    return exit_done;
  }
  std::cout << "diverges after " << c.same << " equal events; < recording, > replay\n"
            << describe(*c.first);
  return exit_divergence;
}

int fork_one(const trace_options& o, const std::atomic<bool>& stop) {
  const auto r = opened(o.name, o.runs);
  if (!r) return exit_usage;
  fork_request how{o.at, o.model, o.reply, o.out};
  auto done = fork(*r, how, stop);
  if (!done) {
    complain(done.why());
    return exit_for(done.why());
  }
  const auto& c = done->against;
  std::cout << "fork      " << r->spec.id << " at " << o.at << "\nmodel     " << done->ended.model
            << "\noutcome   " << to_string(done->ended.outcome)
            << (done->ended.detail.empty() ? "" : " (" + done->ended.detail + ")") << "\nscore     "
            << done->ended.score << "\ntrials    " << done->ended.trials << "\nleaves    "
            << (c.first ? "the recording after " + std::to_string(c.same) + " equal events"
                        : std::string("the recording nowhere"))
            << "\nlog       " << (fork_folder(how) / r->spec.id / "events.jsonl").string() << '\n';
  return stop ? exit_interrupted : exit_done;
}

int diff_two(const trace_options& o) {
  const auto a = opened(o.name, o.runs), b = opened(o.other, o.runs);
  if (!a || !b) return exit_usage;
  compare_how how;
  how.settings = false;
  how.times = how.environment = !a->real && !b->real;
  const auto c = compare(a->events, b->events, how);
  if (c.first)
    std::cout << "first difference after " << c.same << " equal events\n" << describe(*c.first);
  const auto left = summary_of(a->events), right = summary_of(b->events);
  for (const auto& [key, value] : left.items()) {
    const auto other = right.value(key, json());
    std::cout << key << std::string(key.size() < 12 ? 12 - key.size() : 1, ' ') << dump(value);
    if (value != other) std::cout << "  |  " << dump(other);
    std::cout << '\n';
  }
  return c.first ? exit_divergence : exit_done;
}

void add_recording_option(CLI::App& command, trace_options& o) {
  command.add_option("experiment", o.name, "id, folder or events.jsonl")->required();
  command.add_option("--runs", o.runs, "where ids are looked for")->capture_default_str();
}

void add_replay_fork_diff(CLI::App& trace, command_context& context) {
  auto o = std::make_shared<trace_options>();
  auto* again = trace.add_subcommand("replay", "Run again from the recording and compare");
  add_recording_option(*again, *o);
  again->callback([o, &context] { context.exit = replay_one(*o); });
  auto* other_way = trace.add_subcommand("fork", "Go another way from some event on");
  add_recording_option(*other_way, *o);
  other_way->add_option("--at", o->at, "seq of the event; the model's next answer is not recorded")
      ->required();
  other_way->add_option("--model", o->model, "who answers from there; default: as recorded");
  other_way->add_option("--reply", o->reply, "file with the next answer: JSON, playbook or text")
      ->check(CLI::ExistingFile);
  other_way->add_option("--out", o->out, "folder for the new log")->capture_default_str();
  other_way->callback([o, &context] { context.exit = fork_one(*o, context.stop); });
  auto* two = trace.add_subcommand("diff", "Where two experiments part, and what each came to");
  add_recording_option(*two, *o);
  two->add_option("other", o->other, "the one to compare with")->required();
  two->callback([o, &context] { context.exit = diff_two(*o); });
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
  add_replay_fork_diff(*command, context);
}

} // namespace remed::experiments
