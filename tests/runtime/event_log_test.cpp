#include "runtime/event_log.hpp"

#include "runtime/paths.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

using namespace remed;
namespace fs = std::filesystem;

namespace {

struct scratch {
  fs::path path;
  scratch() {
    std::string name = (fs::temp_directory_path() / "remed-log-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~scratch() { fs::remove_all(path); }
};

event say(const std::string& text) {
  event e;
  e.kind = "note";
  e.body = json::object();
  e.body["text"] = text;
  return e;
}

} // namespace

TEST_CASE("events are numbered without gaps and read back as written") {
  scratch dir;
  auto log = event_log::open(dir.path);
  REQUIRE(log);
  CHECK_EQ(log->append(say("one")), 1);
  CHECK_EQ(log->append(say("two")), 2);
  log->flush();
  const auto back = read_events(dir.path / "events.jsonl");
  REQUIRE(back);
  REQUIRE_EQ(back->size(), 2);
  CHECK_EQ(back->at(1).body["text"], "two");
}

TEST_CASE("a torn last line is left out, a broken earlier line is an error that names it") {
  scratch dir;
  const auto file = dir.path / "events.jsonl";
  auto log = event_log::open(dir.path);
  log->append(say("one"));
  log->flush();
  std::ofstream(file, std::ios::app) << R"({"seq": 2, "kin)";
  CHECK_EQ(read_events(file)->size(), 1);
  std::ofstream(file, std::ios::app) << "\n{}\n";
  const auto broken = read_events(file);
  REQUIRE_FALSE(broken);
  CHECK_NE(broken.why().what.find("events.jsonl:2"), std::string::npos);
}

TEST_CASE("a log keeps no file open while its experiment waits") {
  scratch dir;
  const auto files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = files();
  auto log = event_log::open(dir.path);
  log->append(say("one"));
  log->flush();
  log->append(say("two"));
  CHECK_EQ(files(), before);
  CHECK_EQ(read_events(dir.path / "events.jsonl")->size(), 1);
  log = failure{errc::failed, "the experiment is over"};
  CHECK_EQ(read_events(dir.path / "events.jsonl")->size(), 2);
}

TEST_CASE("what cannot be written is told") {
  scratch dir;
  auto log = event_log::open(dir.path);
  log->append(say("one"));
  std::filesystem::remove_all(dir.path);
  log->flush();
  CHECK_NE(log->problem().find("events.jsonl"), std::string::npos);
}

TEST_CASE("secrets never reach the log") {
  std::string line;
  event_log log([&](const std::string& text) { line = text; });
  log.add_secret("sk-0123456789");
  log.append(say("key sk-0123456789, again sk-0123456789"));
  CHECK_EQ(line.find("sk-0123456789"), std::string::npos);
  CHECK_NE(line.find("[secret]"), std::string::npos);
}

TEST_CASE("large texts become content-addressed blobs, stored once") {
  scratch dir;
  auto log = event_log::open(dir.path);
  const std::string large(event_log::blob_bytes + 1, 'x');
  log->append(say(large));
  log->append(say(large));
  log->flush();
  const auto back = read_events(dir.path / "events.jsonl");
  const auto name = back->at(0).body["text"]["blob"].get<std::string>().substr(7);
  CHECK_EQ(name, sha256(large));
  CHECK_EQ(*read_file(dir.path / "blobs" / name), large);
}

TEST_CASE("equal logs have equal hashes, different ones do not") {
  event_log a({}), b({}), c({});
  a.append(say("x"));
  b.append(say("x"));
  c.append(say("y"));
  CHECK_EQ(a.hash(), b.hash());
  CHECK_NE(a.hash(), c.hash());
}
