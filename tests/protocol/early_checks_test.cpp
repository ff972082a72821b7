// A broken playbook goes back to the model before a trial is spent; switched off, it costs one.
#include "tests/protocol/ring.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::test;

namespace {

tools::model_reply hands_in(const std::string& playbook) {
  json arguments = json::object();
  arguments["playbook"] = playbook;
  arguments["rationale"] = "a guess";
  return calls("submit_playbook", arguments.dump());
}

const std::string for_nobody =
    "- hosts: k8s_master\n  gather_facts: false\n  tasks:\n    - command: kubectl get pods\n";

/// First a playbook for a group that is not there, then nothing of use.
result<tools::model_reply> corrects_itself(int n, const tools::model_request&) {
  return n == 1 ? hands_in(for_nobody) : does_nothing();
}

} // namespace

TEST_CASE("a rejected playbook costs no trial, is recorded, and the model is told why") {
  ring the;
  the.how.t_max = 1;
  std::string told;
  const auto r = the.play([&](int n, const tools::model_request& request) {
    if (n == 2) told = request.messages.back().content;
    return corrects_itself(n, request);
  });
  CHECK_EQ(r.trials, 1);
  CHECK_EQ(the.count("playbook_check"), 2); // its start and its end
  int rejected = 0;
  for (const auto& e : the.events) {
    if (e.kind == "tool.end" && e.type == "playbook_check")
      rejected += e.body["reason"] == "rejected_before_run";
  }
  CHECK_EQ(rejected, 1);
  CHECK(told.find("line 1: hosts: k8s_master matches no host") != std::string::npos);
  int run = 0; // of those handed in only the second was run
  for (const auto& e : the.events) run += e.kind == "tool.start" && e.type == "playbook";
  CHECK_EQ(run, 1);
}

TEST_CASE("switched off, as in MicroRemed, nothing is looked at before the run") {
  ring the;
  the.how.t_max = 2;
  the.how.early_checks = false;
  the.play(corrects_itself);
  CHECK_EQ(the.count("playbook_check"), 0);
  int run = 0;
  for (const auto& e : the.events) run += e.kind == "tool.start" && e.type == "playbook";
  CHECK_EQ(run, 2);
}

TEST_CASE("after three rejections in one trial the playbook is run as it is") {
  ring the;
  the.how.t_max = 1;
  const auto r = the.play([](int, const tools::model_request&) -> result<tools::model_reply> {
    return hands_in(for_nobody);
  });
  CHECK_EQ(r.trials, 1);
  int rejected = 0, run = 0;
  for (const auto& e : the.events) {
    rejected += e.kind == "tool.end" && e.type == "playbook_check";
    run += e.kind == "tool.start" && e.type == "playbook";
  }
  CHECK_EQ(rejected, 4);
  CHECK_EQ(run, 1);
}
