#include "agents/conversation.hpp"

#include "tests/support/fake_doors.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::agents;
using from = tools::chat_message::role;

namespace {

const prompts texts{"You repair.\n{{context}}", "Report: {{report}}",
                    "Attempt {{trial}}. {{feedback}} Now: {{report}}"};

incident at_trial(std::uint32_t t, const std::string& feedback = {}) {
  return {{"x", t}, "C0", "R" + std::to_string(t), feedback};
}

} // namespace

TEST_CASE("the first incident opens with system and user message") {
  conversation c(texts);
  c.begin_trial(at_trial(1));
  REQUIRE(c.messages().size() == 2);
  CHECK(c.messages()[0].from == from::system);
  CHECK(c.messages()[0].content == "You repair.\nC0");
  CHECK(c.messages()[1].content == "Report: R1");
}

TEST_CASE("a later incident adds the feedback and closes what was left open") {
  conversation c(texts);
  c.begin_trial(at_trial(1));
  c.heard(test::tool_answer(submit_tool, R"({"playbook":"x","rationale":"y"})", "a"));
  c.begin_trial(at_trial(2, "It is still slow."));
  REQUIRE(c.messages().size() == 5);
  CHECK(c.messages()[3].from == from::tool);
  CHECK(c.messages()[3].tool_call_id == "a");
  CHECK(c.messages()[4].content == "Attempt 2. It is still slow. Now: R2");
}

TEST_CASE("the beginning of the conversation never changes") {
  conversation c(texts);
  c.begin_trial(at_trial(1));
  const auto first = c.messages();
  c.heard(test::text_answer("hm"));
  c.say("again");
  c.begin_trial(at_trial(2, "no"));
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(c.messages()[i].content == first[i].content);
  }
}

TEST_CASE("every call of a message is answered when something is said in between") {
  conversation c(texts);
  c.begin_trial(at_trial(1));
  auto two = test::tool_answer("one", "{}", "a");
  two.tool_calls.push_back({"b", "two", "{}"});
  c.heard(two);
  c.say("neither");
  REQUIRE(c.messages().size() == 5);
  CHECK(c.messages()[3].tool_call_id == "a");
  CHECK(c.messages()[4].tool_call_id == "b");
  c.say("now open");
  CHECK(c.messages().back().from == from::user);
}

TEST_CASE("arguments that are no JSON do not poison the history") {
  conversation c(texts);
  c.begin_trial(at_trial(1));
  c.heard(test::tool_answer(probe_tool, R"({"cmds": [)"));
  CHECK(c.messages().back().tool_calls.front().arguments == "{}");
}

TEST_CASE("an empty answer leaves no trace") {
  conversation c(texts);
  c.begin_trial(at_trial(1));
  c.heard(test::text_answer(""));
  CHECK(c.messages().size() == 2);
}

TEST_CASE("tools are offered as schemas; probing only where there is a probe") {
  const auto all = tool_specs(true);
  REQUIRE(all.size() == 3);
  CHECK(all[0].name == "probe_system");
  CHECK(all[0].parameters.at("properties").contains("cmds"));
  CHECK(all[1].parameters.at("required") == json::array({"playbook", "rationale"}));
  CHECK(tool_specs(false).size() == 2);
}
