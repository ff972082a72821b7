// The bench as people and machines treat it: the program itself, killed, interrupted, cancelled.

#include "experiments/bench/lock.hpp"
#include "runtime/json.hpp"
#include "runtime/paths.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

using namespace remed;
using remed::test::scratch_folder;
namespace fs = std::filesystem;

namespace {

/// The program as a child process: its output in a file, its talk through a pipe.
class program {
public:
  program(const fs::path& home, std::vector<std::string> arguments) : home_(home) {
    const auto self = fs::read_symlink("/proc/self/exe").parent_path() / "remed";
    int talk[2];
    REQUIRE_EQ(::pipe2(talk, O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) {
      const auto out = ::open((home / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      ::dup2(out, 1);
      ::dup2(talk[1], 2);
      std::vector<char*> argv{const_cast<char*>("remed")};
      for (auto& a : arguments) argv.push_back(a.data());
      argv.push_back(nullptr);
      ::execv(self.c_str(), argv.data());
      ::_exit(127);
    }
    ::close(talk[1]);
    talk_ = talk[0];
  }
  ~program() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(talk_);
  }

  void signal(int number) { ::kill(child_, number); }
  /// Listens until that many experiments have ended.
  void until_ended(std::size_t wanted) {
    while (ended() < wanted && listen()) {
    }
    REQUIRE_GE(ended(), wanted);
  }
  std::size_t ended() const {
    std::size_t n = 0;
    for (const auto* mark : {"✓ easy-", "✗ easy-"}) {
      for (auto at = err.find(mark); at != std::string::npos; at = err.find(mark, at + 1)) ++n;
    }
    return n;
  }
  /// The exit code, or 128 + the signal that ended it.
  int wait() {
    while (listen()) {
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string out() const { return *read_file(home_ / "out"); }

  std::string err;

private:
  bool listen() {
    char some[4096];
    const auto n = ::read(talk_, some, sizeof some);
    if (n > 0) err.append(some, static_cast<std::size_t>(n));
    return n > 0;
  }

  fs::path home_;
  pid_t child_ = -1;
  int talk_ = -1;
};

std::vector<std::string> bench_in(const fs::path& folder) {
  return {"bench",   "--suite", "easy", "--tools", "inprocess", "--t-max",      "2",
          "--model", "noop",    "-j",   "2",       "--out",     folder.string()};
}

/// One that takes so long that it is always cut off.
std::vector<std::string> long_bench_in(const fs::path& folder) {
  auto arguments = bench_in(folder);
  arguments.insert(arguments.end(), {"--seeds", "1..40"});
  return arguments;
}

json report_of(const fs::path& home, const fs::path& folder) {
  program p(home, {"report", "-o", "json", folder.string()});
  REQUIRE_EQ(p.wait(), 0);
  auto doc = parse_json(p.out());
  REQUIRE(doc);
  for (auto& bench : (*doc)["benches"]) {
    bench.erase("begun");
    bench.erase("folder");
  }
  return *doc;
}

} // namespace

TEST_CASE("a bench that was killed twice reports what one that nobody disturbed reports") {
  scratch_folder home;
  const auto killed = home.path / "killed", calm = home.path / "calm";
  {
    program p(home.path, bench_in(killed));
    p.until_ended(3);
    p.signal(SIGKILL);
    CHECK_EQ(p.wait(), 128 + SIGKILL);
  }
  {
    program p(home.path, {"bench", "--resume", killed.string(), "-j", "2"});
    p.until_ended(3);
    CHECK_NE(p.err.find(" of them finished"), std::string::npos);
    p.signal(SIGKILL);
    CHECK_EQ(p.wait(), 128 + SIGKILL);
  }
  program last(home.path, {"bench", "--resume", killed.string(), "-j", "2"});
  CHECK_EQ(last.wait(), 0);
  program whole(home.path, bench_in(calm));
  CHECK_EQ(whole.wait(), 0);
  CHECK_EQ(report_of(home.path, killed), report_of(home.path, calm));
}

TEST_CASE(
    "an interrupted bench ends clean, says how to go on, and refuses a second writer before") {
  scratch_folder home;
  const auto folder = home.path / "b";
  program first(home.path, long_bench_in(folder));
  first.until_ended(1);
  CHECK(experiments::bench_lock::is_held(folder));
  fs::create_directory(home.path / "second");
  program second(home.path / "second", {"bench", "--resume", folder.string()});
  CHECK_EQ(second.wait(), 3);
  CHECK_NE(second.err.find("is being written by process"), std::string::npos);
  first.signal(SIGINT);
  CHECK_EQ(first.wait(), 130);
  CHECK_NE(first.err.find("go on with: remed bench --resume " + folder.string()),
           std::string::npos);
  CHECK_FALSE(experiments::bench_lock::is_held(folder));
}

TEST_CASE("one experiment of a running bench is cancelled, then all") {
  scratch_folder home, other;
  const auto folder = home.path / "b";
  auto arguments = long_bench_in(folder);
  arguments.push_back("--dry-run");
  program plan(other.path, arguments);
  REQUIRE_EQ(plan.wait(), 0);
  const auto ids = plan.out();
  const auto last = ids.substr(ids.rfind('\n', ids.size() - 2) + 1, std::string::npos);
  program bench(home.path, long_bench_in(folder));
  bench.until_ended(1);
  program unknown(other.path, {"bench", "cancel", folder.string(), "nobody"});
  CHECK_EQ(unknown.wait(), 2);
  program one(other.path, {"bench", "cancel", folder.string(), last.substr(0, last.size() - 1)});
  CHECK_EQ(one.wait(), 0);
  program all(other.path, {"bench", "cancel", folder.string()});
  CHECK_EQ(all.wait(), 0);
  CHECK_EQ(bench.wait(), 0);
  const auto results = parse_json(*read_file(folder / "results.json"));
  REQUIRE(results);
  CHECK_EQ((*results)["experiments"].size(), 23 * 40);
  CHECK_EQ((*results)["experiments"].back()["detail"], "on request");
  program late(other.path, {"bench", "cancel", folder.string()});
  CHECK_EQ(late.wait(), 2); // nobody is there any more
}
