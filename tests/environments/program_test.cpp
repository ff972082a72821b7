#include "environments/embedded/node/program.hpp"

#include <doctest/doctest.h>

using namespace remed::env;

TEST_CASE("sleep counts seconds by its unit and sleeps for ever when told to") {
  CHECK_EQ(sleep_seconds("3600").value(), 3600);
  CHECK_EQ(sleep_seconds("1h").value(), 3600);
  CHECK_EQ(sleep_seconds("0.5").value(), 0.5);
  for (const auto* never : {"infinity", "inf", "nan", "soon", "", "5x"}) {
    CHECK_FALSE(sleep_seconds(never));
  }
}

TEST_CASE("a script's echoes are what it says, until what cannot be told without a shell") {
  const auto said = [](const char* container) {
    std::string out;
    for (const auto& one : lines_spoken(remed::json::parse(container), {{"WHO", "world"}}))
      out += (one.is_error ? "!" : "") + one.text + "@" +
             std::to_string(static_cast<int>(remed::seconds(one.after))) + ";";
    return out;
  };
  CHECK(said(R"({"command":["sh","-c","echo hello $WHO; sleep 5; echo 'at last' >&2; exit 1"]})") ==
        "hello world@0;!at last@5;");
  CHECK(said(R"j({"command":["echo"],"args":["one","$(WHO)"]})j") == "one world@0;");
  CHECK(said(R"j({"command":["sh","-c","echo $(date); echo a > b; while true; do echo c; done"]})j")
            .empty());
  CHECK(said(R"({"command":["sh","-c","echo up && python server.py; echo down"]})") == "up@0;");
}
