#include "agents/text.hpp"

#include <doctest/doctest.h>

using namespace remed::agents;

TEST_CASE("places are filled and unknown ones stay") {
  CHECK(fill("a {{ x }} b {{y}}{{x}}", {{"x", "1"}}) == "a 1 b {{y}}1");
  CHECK(fill("open {{x", {{"x", "1"}}) == "open {{x");
  CHECK(fill("{{x}}", {{"x", "{{x}}"}}) == "{{x}}");
}

TEST_CASE("a long text keeps its beginning and its end, and says what is missing") {
  std::string text = "begin" + std::string(1000, 'm') + "end";
  const auto short_one = shorten(text, 90);
  CHECK(short_one.starts_with("begin"));
  CHECK(short_one.ends_with("end"));
  CHECK(short_one.find("[... 918 bytes left out ...]") != std::string::npos);
  CHECK(shorten("short", 90) == "short");
}

TEST_CASE("shortening never splits a character") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "é";
  for (std::size_t limit = 50; limit < 60; ++limit) {
    const auto out = shorten(text, limit);
    const auto mark = out.find('\n');
    CHECK(mark % 2 == 0);
    CHECK((out.size() - out.rfind('\n') - 1) % 2 == 0);
  }
}

TEST_CASE("a fence around the whole text is taken off, one inside is not") {
  const auto code = strip_fence("\n```yaml\n- hosts: all\n```\n");
  CHECK(code.fenced);
  CHECK(code.text == "- hosts: all\n");
  CHECK_FALSE(strip_fence("- hosts: all\n").fenced);
  CHECK_FALSE(strip_fence("Here:\n```yaml\nx\n```\n").fenced);
  CHECK_FALSE(strip_fence("```yaml\nnever closed\n").fenced);
}

TEST_CASE("the first YAML block is found among other text and blocks") {
  CHECK(first_yaml_block("Look:\n```sh\nls\n```\nthen\n```yaml\na: 1\n```\n") == "a: 1\n");
  CHECK(first_yaml_block("no block").empty());
  CHECK(first_yaml_block("```json\n{}\n```").empty());
}
