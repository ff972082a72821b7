#include "agents/inprocess_doors.hpp"

#include "agents/command_check.hpp"
#include "agents/early_checks.hpp"
#include "agents/inprocess/kubectl.hpp"
#include "agents/inprocess/playbook.hpp"
#include "runtime/yaml.hpp"

#include <caf/send.hpp>
#include <yaml-cpp/yaml.h>

#include <utility>

namespace remed::agents {

namespace {

constexpr int refused_exit_code = 126;

/// Turns the world's timers into calls, so that a waiting playbook goes on in virtual time.
class hands {
public:
  static constexpr auto name = "hands";
  using handle = station<wake>;
  struct needs {
    std::function<void(const wake&)> woken;
  };

  hands(handle::pointer, needs n) : needs_(std::move(n)) {}
  handle::behavior_type behavior() {
    return {[this](const wake& w) { needs_.woken(w); }};
  }

private:
  needs needs_;
};

} // namespace

/// A playbook on its way. Its operation is dropped when it has to wait, because time stands still
/// as long as outside work is open.
struct inprocess_doors::run {
  turn at;
  inprocess_playbook playbook;
  station<playbook_done> to;
  vtime began{};
  std::shared_ptr<world::operation> work;
};

/// A playbook that was looked at and is parsed.
struct inprocess_doors::checked {
  std::string yaml;
  std::vector<YAML::Node> documents;
};

inprocess_doors::inprocess_doors(inprocess_needs n)
    : needs_(std::move(n)),
      api_(needs_.api, needs_.token, needs_.revision),
      model_(*needs_.where, *needs_.mind, *needs_.spent),
      self_(std::make_shared<inprocess_doors*>(this)) {
  hands_ = needs_.where->spawn<hands>({[self = std::weak_ptr(self_)](const wake& w) {
    if (auto alive = self.lock()) (*alive)->go_on(w.id);
  }});
}

inprocess_doors::~inprocess_doors() = default;

std::uint64_t inprocess_doors::run_command(const turn& at, const std::string& line,
                                           station<command_done> to) {
  json about = json::object();
  about["command"] = line;
  auto work = needs_.where->begin(outside::tool, "command", "probe", std::move(about));
  const auto id = work->id();
  commands_[id] = std::move(work);
  auto done = [this, id, at, to](const kubectl_result& r) {
    const auto open = commands_.extract(id);
    if (open.empty()) return;
    json ended = json::object();
    ended["exit_code"] = r.exit_code;
    ended["output"] = r.output;
    command_done message{at, id, r.exit_code, false, r.output, {}, open.mapped()->seconds()};
    open.mapped()->finish(to, std::move(message), std::move(ended));
  };
  if (const auto refusal = refuse_command(line)) {
    done({refused_exit_code, *refusal});
  } else {
    run_kubectl(api_, line, std::move(done));
  }
  return id;
}

std::uint64_t inprocess_doors::run_playbook(const turn& at, const std::string& yaml,
                                            station<playbook_done> to) {
  json about = json::object();
  about["playbook"] = yaml;
  auto work = needs_.where->begin(outside::tool, "playbook", "execution", std::move(about));
  const auto id = work->id();
  const auto known = std::exchange(checked_, nullptr);
  auto playbook = known && known->yaml == yaml ? inprocess_playbook{known->documents}
                                               : inprocess_playbook{yaml};
  runs_[id] = std::make_unique<run>(
      run{at, std::move(playbook), std::move(to), needs_.where->now(), std::move(work)});
  go_on(id);
  return id;
}

void inprocess_doors::go_on(std::uint64_t id) {
  const auto it = runs_.find(id);
  if (it == runs_.end()) return;
  auto& r = *it->second;
  const auto rest = r.playbook.advance(api_, needs_.where->now());
  if (!rest) return finish(id, r.playbook.ended());
  r.work.reset();
  caf::delayed_anon_send(hands_, *rest, wake{r.at, id});
}

void inprocess_doors::finish(std::uint64_t id, const outcome& ended) {
  const auto r = std::move(runs_.extract(id).mapped());
  playbook_done message{r->at, id, ended};
  message.ended.at = r->at;
  message.ended.seconds = seconds(needs_.where->now() - r->began);
  json about = json::object();
  about["reason"] = ended.reason;
  about["exit_code"] = ended.exit_code;
  about["output"] = ended.output;
  about["tasks"] = ended.tasks;
  if (r->work) return r->work->finish(r->to, std::move(message), std::move(about));
  needs_.where->note("tool.end", "playbook", std::move(about), "world", "execution");
  needs_.where->tell(r->to, std::move(message));
}

std::uint64_t inprocess_doors::check_playbook(const turn& at, const std::string& yaml,
                                              station<playbook_done> to) {
  if (!needs_.early_checks) return 0;
  auto known = std::make_unique<checked>();
  const auto why = objection_to(yaml, default_inventory(), &known->documents);
  if (why) return reject_playbook(*needs_.where, at, yaml, *why, to);
  known->yaml = yaml;
  // Empty: tags and forms that are not read here.
  if (!known->documents.empty()) checked_ = std::move(known);
  return 0;
}

std::uint64_t inprocess_doors::ask_model(const turn& at, tools::model_request request,
                                         station<model_reply> to) {
  return model_.ask(at, std::move(request), std::move(to));
}

} // namespace remed::agents
