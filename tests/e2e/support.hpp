// A live cluster behind a loopback port and stock kubectl to drive it.
#pragma once

#include "chaos/mesh/rules.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/embedded_environment.hpp"
#include "experiments/bench.hpp"
#include "tests/support/scratch.hpp"
#include "tools/process.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace remed::test {

/// A system, or no system at all.
inline result<env::system_profile> system_or_none(const std::string& name) {
  if (!name.empty()) return env::load_system(name);
  env::system_profile none;
  none.name = "default";
  return none;
}

/// A system (an empty name: none; a folder of manifests), served; its time runs `scale` times as
/// fast as the wall's.
class live_cluster {
public:
  explicit live_cluster(double scale = 20, const std::string& name = "simple-micro")
      : scale_(scale) {
    auto system = system_or_none(name);
    REQUIRE(system);
    env::boot_options options;
    options.start = experiments::wall_calendar() - std::chrono::minutes{30};
    auto booted = env::boot(*system, chaos::chaos_rules(), options);
    REQUIRE_MESSAGE(booted.ok(), (booted ? "" : booted.why().what));
    REQUIRE(chaos::install_chaos(**booted));
    (*booted)->advance_to((*booted)->now() + std::chrono::seconds{60});
    place_.emplace(**booted, *system, 1, (*booted)->now(), env::visibility::visible,
                   chaos::chaos_hidden(), &loop_, tools::sandbox_spec::mode::sandboxed);
    auto served = place_->serve_port(0);
    REQUIRE(served);
    server_ = served->first;
    std::ofstream(folder_.path / "kubeconfig")
        << place_->admin_kubeconfig("https://127.0.0.1:" + std::to_string(served->second));
    last_ = std::chrono::steady_clock::now();
  }

  /// Runs `kubectl ARGS` and returns what it printed; the exit code is in `code`.
  std::string kubectl(const std::string& arguments, int expected = 0) {
    return shell("kubectl " + arguments, expected);
  }
  /// Likewise for any command line of a client.
  std::string shell(const std::string& line, int expected = 0) {
    tools::command cmd;
    cmd.argv = {"/bin/sh", "-c", line};
    cmd.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
               {"HOME", folder_.path.string()},
               {"TMPDIR", folder_.path.string()}, // clients cache what they discovered
               {"LC_ALL", "C.UTF-8"},
               {"K8S_AUTH_KUBECONFIG", (folder_.path / "kubeconfig").string()},
               {"KUBECONFIG", (folder_.path / "kubeconfig").string()}};
    cmd.cwd = folder_.path.string();
    cmd.time_limit = std::chrono::seconds{180};
    std::optional<result<tools::process_result>> ended;
    tools::process_callbacks callbacks;
    callbacks.done = [&](result<tools::process_result> r) { ended = std::move(r); };
    auto child = tools::start_process(loop_, std::move(cmd), std::move(callbacks));
    while (!ended) turn();
    REQUIRE_MESSAGE(ended->ok(), (ended->ok() ? "" : ended->why().what));
    const auto& r = **ended;
    CHECK_MESSAGE(r.exit_code == expected, line, ": ", r.out, r.err);
    return r.out + r.err;
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path / name) << text;
  }

  std::filesystem::path home() const { return folder_.path; }

private:
  void turn() {
    const auto now = std::chrono::steady_clock::now();
    const auto passed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    place_->advance_to(place_->now() + from_seconds(passed * scale_));
    if (!loop_.poll()) loop_.run_for(std::chrono::milliseconds{5});
  }

  double scale_;
  scratch_folder folder_;
  tools::io_loop loop_;
  std::optional<env::embedded_environment> place_;
  std::shared_ptr<tools::http_server> server_;
  std::chrono::steady_clock::time_point last_;
};

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace remed::test
