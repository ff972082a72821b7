// One whole experiment with in-process tools and a model that says what a test wants.
#pragma once

#include "experiments/bench.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace remed::test {

/// Answers the n-th request (from 1) as scripted.
class scripted_model final : public tools::model {
public:
  using script = std::function<result<tools::model_reply>(int n, const tools::model_request&)>;
  explicit scripted_model(script s) : script_(std::move(s)) {}
  std::string name() const override { return "scripted"; }
  std::shared_ptr<void> complete(tools::model_request request,
                                 std::function<void(result<tools::model_reply>)> done) override {
    done(script_(++asked_, request));
    return nullptr;
  }

private:
  script script_;
  int asked_ = 0;
};

inline tools::model_reply calls(const std::string& tool, const std::string& arguments) {
  tools::model_reply reply;
  reply.tool_calls.push_back({"call-1", tool, arguments});
  reply.finish_reason = "tool_calls";
  reply.usage = {100, 10, 0, 0};
  return reply;
}

inline tools::model_reply does_nothing() {
  return calls(
      "submit_playbook",
      R"({"playbook": "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: nothing\n      ansible.builtin.debug:\n        msg: nothing\n", "rationale": "none"})");
}

/// Runs one experiment to its end and keeps its events.
class ring {
public:
  experiments::settings how;
  std::string fault = "cpu-stress@hello-service";
  std::string method = "thinkremed";
  std::vector<event> events;
  std::function<void(experiments::running&)> prepare; ///< before the first step

  ring() {
    how.tools = experiments::tool_kind::inprocess;
    how.t_max = 2;
  }

  experiments::record play(scripted_model::script script) {
    return play_with([script](const std::string&, std::uint64_t) {
      return result<std::unique_ptr<tools::model>>(std::make_unique<scripted_model>(script));
    });
  }

  experiments::record play_policy(const std::string& model) { return play_with({}, model); }

  /// How many events of a type there were.
  int count(const std::string& type) const {
    int n = 0;
    for (const auto& e : events) n += e.type == type;
    return n;
  }

private:
  using maker = decltype(experiments::workshop::make_model);

  experiments::record play_with(maker make, const std::string& model = "noop") {
    auto spec = experiments::plan_one("simple-micro", fault, method, model, 1);
    REQUIRE_MESSAGE(spec.ok(), (spec ? "" : spec.why().what));
    experiments::workshop shop(how, nullptr);
    if (make) shop.make_model = make;
    events.clear();
    const experiments::event_follower follow = [this](const auto&, const event& e) {
      events.push_back(e);
    };
    auto started = experiments::start_experiment(*spec, shop, follow);
    REQUIRE_MESSAGE(started.ok(), (started ? "" : started.why().what));
    auto& running = **started;
    if (prepare) prepare(running);
    for (int step = 0; step < 1'000'000 && !running.over(); ++step) {
      running.step();
      shop.loop.poll();
    }
    REQUIRE(running.over());
    return running.finished();
  }
};

} // namespace remed::test
