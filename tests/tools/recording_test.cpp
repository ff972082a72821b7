#include "tools/models/recording.hpp"

#include "tests/tools/pump.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>

using namespace remed;
using namespace remed::tools;
using remed::test::pump;

namespace {

/// Answers with a counter, so that each reply is different.
class counting_model : public model {
public:
  std::string name() const override { return "counter"; }
  std::shared_ptr<void> complete(model_request request,
                                 std::function<void(result<model_reply>)> done) override {
    model_reply out;
    out.text = request.messages.back().content + " #" + std::to_string(++n_);
    out.tool_calls = {{"id" + std::to_string(n_), "probe", "{}"}};
    out.usage.input = 7;
    out.cost = 0.5;
    if (request.messages.back().content == "fail")
      done(failure{errc::refused, "no"});
    else
      done(out);
    return nullptr;
  }

private:
  int n_ = 0;
};

model_request ask(std::vector<std::string> texts) {
  model_request out;
  for (auto& t : texts) out.messages.push_back({chat_message::role::user, std::move(t), {}, {}});
  return out;
}

struct fixture {
  fixture() {
    char name[] = "/tmp/remed-recording-XXXXXX";
    folder = ::mkdtemp(name);
    file = folder / "r.jsonl";
  }
  ~fixture() { std::filesystem::remove_all(folder); }
  result<model_reply> send(model& m, model_request request) {
    std::optional<result<model_reply>> end;
    auto handle = m.complete(std::move(request), [&](auto r) { end.emplace(std::move(r)); });
    REQUIRE(pump(loop, [&] { return end.has_value(); }));
    return *end;
  }
  void record(const std::vector<model_request>& all) {
    auto m = record_model(std::make_unique<counting_model>(), file);
    REQUIRE(m.ok());
    for (const auto& one : all) static_cast<void>(send(**m, one));
  }
  std::unique_ptr<model> open() {
    auto m = open_recording(loop, file);
    REQUIRE_MESSAGE(m.ok(), (m.ok() ? "" : m.why().what));
    return std::move(*m);
  }
  io_loop loop;
  std::filesystem::path folder, file;
};

} // namespace

TEST_CASE("a replay gives what was recorded, equal requests in their order") {
  fixture f;
  f.record({ask({"a"}), ask({"b"}), ask({"a"}), ask({"fail"})});
  auto m = f.open();
  CHECK(m->name() == "counter");
  CHECK_FALSE(m->is_policy());
  auto first = f.send(*m, ask({"a"}));
  REQUIRE(first.ok());
  CHECK(first->text == "a #1");
  CHECK(first->tool_calls[0].id == "id1");
  CHECK(first->usage.input == 7);
  CHECK(first->cost == 0.5);
  CHECK(f.send(*m, ask({"a"}))->text == "a #3");
  CHECK(f.send(*m, ask({"a"}))->text == "a #3");
  CHECK(f.send(*m, ask({"b"}))->text == "b #2");
}

TEST_CASE("a miss names the first message that differs from the nearest recording") {
  fixture f;
  f.record({ask({"x"}), ask({"a", "b", "c"})});
  auto m = f.open();
  auto r = f.send(*m, ask({"a", "b", "other"}));
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::failed);
  CHECK(r.why().what.find("message 2 differs") != std::string::npos);
  CHECK(r.why().what.find("other") != std::string::npos);
  auto seeded = ask({"x"});
  seeded.seed = 9;
  CHECK(f.send(*m, seeded).why().what.find("'seed' differs") != std::string::npos);
}

TEST_CASE("tool call ids do not matter, their order does") {
  auto with = [](std::string a, std::string b, bool swapped) {
    auto r = ask({"x"});
    r.messages.push_back({chat_message::role::assistant, "", {{a, "p", "1"}, {b, "p", "2"}}, {}});
    r.messages.push_back({chat_message::role::tool, "one", {}, swapped ? b : a});
    return r;
  };
  CHECK(request_key(with("i", "j", false)) == request_key(with("k", "l", false)));
  CHECK(request_key(with("i", "j", false)) != request_key(with("i", "j", true)));
  CHECK(request_key(ask({"x"})).size() == 64);
}

TEST_CASE("a torn last line is tolerated, a broken one elsewhere is named") {
  fixture f;
  f.record({ask({"a"})});
  std::ofstream(f.file, std::ios::app) << R"({"key":"torn)";
  CHECK(f.send(*f.open(), ask({"a"})).ok());
  std::ofstream(f.file, std::ios::app) << "\n{}\n";
  auto broken = open_recording(f.loop, f.file);
  REQUIRE_FALSE(broken.ok());
  CHECK(broken.why().what.find("r.jsonl:3") != std::string::npos);
}

TEST_CASE("no file, an empty one, another version, and no room to write are bad input") {
  fixture f;
  CHECK_FALSE(open_recording(f.loop, f.folder / "none").ok());
  std::ofstream(f.file) << "";
  CHECK_FALSE(open_recording(f.loop, f.file).ok());
  std::ofstream(f.file) << R"({"remed_recording":99,"model":"m"})" << '\n';
  CHECK(open_recording(f.loop, f.file).why().what.find("version") != std::string::npos);
  CHECK_FALSE(record_model(std::make_unique<counting_model>(), f.folder / "no" / "such").ok());
}
