#include "experiments/commands.hpp"
#include "runtime/config.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <iostream>
#include <thread>

using namespace remed::experiments;

namespace {

/// Waits for SIGINT and SIGTERM in a thread of its own, so that no handler runs anywhere.
class interrupts {
public:
  interrupts() {
    sigset_t signals = set();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    watcher_ = std::jthread([this](std::stop_token end) {
      const sigset_t wanted = set();
      const timespec tick{0, 50'000'000};
      while (!end.stop_requested()) {
        if (sigtimedwait(&wanted, nullptr, &tick) <= 0) continue;
        if (stop_.exchange(true)) std::_Exit(exit_interrupted); // asked twice
      }
    });
  }
  const std::atomic<bool>& stop() const { return stop_; }

private:
  static sigset_t set() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
  }
  std::atomic<bool> stop_{false};
  std::jthread watcher_;
};

/// CLI11 says what is wrong; this adds what was probably meant.
void suggest(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  if (argc < 2 || argv[1][0] == '-') return;
  if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return;
  const auto near = remed::nearest(argv[1], names);
  if (!near.empty()) std::cerr << "did you mean \"" << near << "\"?\n";
}

} // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const interrupts signals;
  command_context context{exit_done, signals.stop()};
  CLI::App app{"Can an agent bring a faulty microservice system back?", "remed"};
  app.require_subcommand(1);
  for (auto add : {add_run, add_bench, add_report, add_board, add_prove, add_ls, add_trace,
                   add_cluster, add_doctor, add_version}) {
    add(app, context);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool asked_for_help = e.get_exit_code() == 0;
    app.exit(e);
    if (asked_for_help) return exit_done;
    suggest(app, argc, argv);
    return exit_usage;
  } catch (const std::exception& e) {
    std::cerr << "remed: " << e.what() << '\n';
    return exit_infrastructure;
  }
  return context.exit;
}
