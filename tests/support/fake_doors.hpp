// Doors that lead to a script: what the model says, what commands print, how playbooks end. For
// tests of roles in a sealed world.
#pragma once

#include "agents/doors.hpp"
#include "runtime/world.hpp"

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace remed::test {

class fake_doors final : public agents::doors {
public:
  explicit fake_doors(world& w, limits most = {}) : world_(&w), budget_(most) {}

  /// Next answers of the model, in order; when they run out nothing is answered.
  std::deque<model_reply> answers;
  /// What a command prints.
  std::function<command_done(const std::string& line)> on_command = [](const std::string& line) {
    command_done done;
    done.output = "output of " + line;
    return done;
  };
  std::function<outcome(const std::string& yaml)> on_playbook = [](const std::string&) {
    return outcome{};
  };
  /// Keeps everything to itself until `release` is called.
  bool hold_back = false;

  std::vector<tools::model_request> requests;
  std::vector<std::string> commands, playbooks;

  std::uint64_t run_command(const turn& at, const std::string& line,
                            station<command_done> to) override {
    commands.push_back(line);
    auto done = on_command(line);
    done.at = at;
    done.id = ++last_id_;
    deliver([this, to, done] { world_->tell(to, done); });
    return last_id_;
  }
  std::uint64_t run_playbook(const turn& at, const std::string& yaml,
                             station<playbook_done> to) override {
    playbooks.push_back(yaml);
    playbook_done done{at, ++last_id_, on_playbook(yaml)};
    deliver([this, to, done] { world_->tell(to, done); });
    return last_id_;
  }
  std::uint64_t ask_model(const turn& at, tools::model_request request,
                          station<model_reply> to) override {
    requests.push_back(std::move(request));
    ++last_id_;
    if (answers.empty()) return last_id_;
    auto reply = answers.front();
    answers.pop_front();
    reply.at = at;
    reply.id = last_id_;
    deliver([this, to, reply] { world_->tell(to, reply); });
    return last_id_;
  }
  budget& spending() override { return budget_; }

  /// Delivers what was held back, oldest first.
  void release() {
    for (auto& late : std::exchange(held_, {})) late();
  }

private:
  void deliver(std::function<void()> now) {
    if (hold_back)
      held_.push_back(std::move(now));
    else
      now();
  }

  world* world_;
  budget budget_;
  std::uint64_t last_id_ = 100;
  std::vector<std::function<void()>> held_;
};

/// An answer of a model that calls one tool.
inline model_reply tool_answer(const std::string& name, const std::string& arguments,
                               const std::string& id = "call_1") {
  model_reply reply;
  reply.tool_calls.push_back({id, name, arguments});
  reply.finish_reason = "tool_calls";
  return reply;
}

/// An answer of a model that only talks.
inline model_reply text_answer(const std::string& text) {
  model_reply reply;
  reply.text = text;
  reply.finish_reason = "stop";
  return reply;
}

} // namespace remed::test
