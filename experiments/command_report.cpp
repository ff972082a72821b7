#include "experiments/commands.hpp"
#include "experiments/flags.hpp"
#include "experiments/results/documents.hpp"
#include "experiments/results/microremed.hpp"
#include "experiments/results/report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace remed::experiments {

namespace {

namespace fs = std::filesystem;

struct report_options {
  std::vector<std::string> folders;
  std::string output = "md", file, save_path;
  bool rebuild = false, board = false;
};

/// A bench's folder, or all benches in a folder, oldest name first.
result<std::vector<fs::path>> benches_in(const std::string& name) {
  if (holds_bench(name)) return std::vector<fs::path>{name};
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator it(name, ec), end; !ec && it != end; it.increment(ec)) {
    if (holds_bench(it->path())) found.push_back(it->path());
  }
  if (found.empty()) {
    return failure{errc::bad_input, name + ": neither a bench nor a folder of benches"};
  }
  std::sort(found.begin(), found.end());
  return found;
}

result<std::vector<bench_results>> read_all(const report_options& o) {
  std::vector<bench_results> out;
  for (const auto& name : o.folders) {
    auto folders = benches_in(name);
    if (!folders) return folders.why();
    for (const auto& folder : *folders) {
      auto read = read_bench(folder, o.rebuild);
      if (!read) return read.why();
      out.push_back(std::move(*read));
    }
  }
  return out;
}

std::string render(const report_options& o, const std::vector<bench_results>& benches,
                   const study& s) {
  if (o.output == "json") return report_document(benches, s).dump(2) + "\n";
  if (o.output == "microremed") return microremed_summary(benches).dump(2) + "\n";
  if (o.output == "csv") return to_csv(benches);
  if (o.output == "junit") return to_junit(s);
  const auto r = o.board ? make_board(benches, s) : make_report(benches, s);
  return o.output == "html" ? to_html(r) : to_markdown(r);
}

int run_report(const report_options& o) {
  auto benches = read_all(o);
  if (!benches) {
    complain(benches.why());
    return exit_for(benches.why());
  }
  if (!o.save_path.empty()) {
    if (auto saved = save_conversations(*benches, o.save_path); !saved) {
      complain(saved.why());
      return exit_infrastructure;
    }
  }
  const auto s = make_study(finished_records(*benches));
  const auto text = render(o, *benches, s);
  if (o.file.empty()) {
    std::cout << text;
  } else if (auto written = write_file(o.file, text); !written) {
    complain(written.why());
    return exit_infrastructure;
  }
  return s.records.empty() ? exit_nothing : exit_done;
}

void add(CLI::App& app, command_context& context, const char* name, const char* what, bool board) {
  auto* command = app.add_subcommand(name, what);
  auto o = std::make_shared<report_options>();
  o->board = board;
  command->add_option("folders", o->folders, "benches, or folders of benches")->required(!board);
  command->add_option("-o,--output", o->output)
      ->check(CLI::IsMember({"md", "html", "json", "csv", "junit", "microremed"}))
      ->capture_default_str();
  command->add_option("--to", o->file, "write to this file instead of standard output");
  command->add_option("--save-path", o->save_path,
                      "folder for conversations as MicroRemed writes them");
  command->add_flag("--rebuild", o->rebuild, "make the ledgers anew from the event logs");
  command->callback([o, &context] {
    if (o->folders.empty()) o->folders = {"runs"};
    context.exit = run_report(*o);
  });
}

} // namespace

void add_report(CLI::App& app, command_context& context) {
  add(app, context, "report", "What benches found, with intervals and comparisons", false);
}

void add_board(CLI::App& app, command_context& context) {
  add(app, context, "board", "Who is best, on the scenarios that all were judged on", true);
}

} // namespace remed::experiments
