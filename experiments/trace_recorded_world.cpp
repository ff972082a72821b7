// The world of an experiment with real tools, run again without them: roles are real, everything
// outside of them (tools, model, injector, judge, interruptions) answers from the recording.
#include "agents/crew.hpp"
#include "agents/model_door.hpp"
#include "experiments/trace_replay.hpp"
#include "runtime/supervisor.hpp"

#include <cmath>
#include <deque>

namespace remed::experiments {

namespace {

/// When something was recorded, since the beginning of the experiment.
duration moment(const event& e) {
  return duration{std::llround(e.t * 1e6)};
}

/// What the outside has yet to say, in the order of the recording.
class outside_script {
public:
  void at(const event& when, std::function<void()> say) { lines_[when.seq] = {moment(when), say}; }
  bool empty() const { return lines_.empty(); }
  /// Lets time pass until the next line and says it.
  void next(world& w) {
    auto first = lines_.begin();
    w.pass_until(w.options().start + first->second.first);
    // Time may have brought the end of what this line was about.
    if (lines_.empty() || lines_.begin() != first) return;
    auto line = lines_.extract(first);
    line.mapped().second();
  }

private:
  std::map<std::uint64_t, std::pair<duration, std::function<void()>>> lines_;
};

/// Where an end stood right behind its start and took no time, it came from within the call.
bool at_once(const event& start, const event& end) {
  return end.seq == start.seq + 1 && end.t == start.t;
}

struct exchange {
  const event* start = nullptr;
  const event* end = nullptr; ///< none: the recording stops before it
};

/// Starts of one kind and type with their ends, in order.
std::deque<exchange> exchanges(const std::vector<event>& events, std::string_view start_kind,
                               std::string_view end_kind, std::string_view type) {
  std::deque<exchange> out;
  for (const auto& e : events) {
    if (e.kind == start_kind && (type.empty() || e.type == type)) out.push_back({&e, nullptr});
    if (e.kind != end_kind) continue;
    for (auto& x : out)
      if (x.start->seq == e.cause && x.end == nullptr) x.end = &e;
  }
  return out;
}

class scripted_model final : public tools::model {
public:
  scripted_model(const recording& r, outside_script& script)
      : name_(r.spec.model),
        policy_(r.header.value("policy", false)),
        script_(script),
        rest_(exchanges(r.events, "model.request", "model.reply", "")) {
    std::erase_if(rest_, [](const exchange& x) {
      return x.end != nullptr && x.end->body.value("problem_kind", "") == "budget";
    });
  }
  std::string name() const override { return name_; }
  bool is_policy() const override { return policy_; }
  std::shared_ptr<void> complete(tools::model_request,
                                 std::function<void(result<tools::model_reply>)> done) override {
    if (rest_.empty()) {
      done(failure{errc::failed, "the recording holds no further answer"});
      return nullptr;
    }
    const auto x = rest_.front();
    rest_.pop_front();
    if (x.end == nullptr) return nullptr;
    auto say = [done = std::move(done), end = x.end] { done(reply_from(end->body)); };
    if (at_once(*x.start, *x.end))
      say();
    else
      script_.at(*x.end, say);
    return nullptr;
  }

private:
  std::string name_;
  bool policy_;
  outside_script& script_;
  std::deque<exchange> rest_;
};

class scripted_doors final : public agents::doors {
public:
  scripted_doors(world& w, const recording& r, outside_script& script, budget& spent)
      : world_(w), script_(script), budget_(spent), mind_(r, script), model_(w, mind_, spent) {
    for (const char* type : {"command", "playbook", "playbook_check"})
      rest_[type] = exchanges(r.events, "tool.start", "tool.end", type);
    checks_ = r.header.value("early_checks", false);
  }

  std::uint64_t run_command(const turn& at, const std::string& line,
                            station<command_done> to) override {
    return begin("command", "probe", "command", line,
                 [at, to](world::operation& op, const event& end) {
                   command_done done{at, op.id()};
                   done.exit_code = end.body.value("exit_code", 0);
                   done.truncated = end.body.value("truncated", false);
                   done.output = end.body.value("output", "");
                   done.problem = end.body.value("problem", "");
                   // Who is refused is answered before any time is measured.
                   if (end.body.contains("refused"))
                     done.output = end.body["refused"];
                   else
                     done.seconds = op.seconds();
                   op.finish(to, std::move(done), end.body);
                 });
  }
  std::uint64_t run_playbook(const turn& at, const std::string& yaml,
                             station<playbook_done> to) override {
    return begin("playbook", "execution", "playbook", yaml, ended(at, to));
  }
  std::uint64_t check_playbook(const turn& at, const std::string& yaml,
                               station<playbook_done> to) override {
    return checks_ ? begin("playbook_check", "execution", "playbook", yaml, ended(at, to)) : 0;
  }
  std::uint64_t ask_model(const turn& at, tools::model_request request,
                          station<model_reply> to) override {
    return model_.ask(at, std::move(request), std::move(to));
  }
  budget& spending() override { return budget_; }

private:
  using finisher = std::function<void(world::operation&, const event& end)>;

  static finisher ended(const turn& at, const station<playbook_done>& to) {
    return [at, to](world::operation& op, const event& end) {
      playbook_done done{at, op.id(), end.body.get<outcome>()};
      done.ended.at = at;
      done.ended.seconds = op.seconds();
      op.finish(to, std::move(done), end.body);
    };
  }

  std::uint64_t begin(const char* type, const char* role, const char* field,
                      const std::string& text, finisher finish) {
    json about = json::object();
    about[field] = text;
    const auto op = world_.begin(outside::tool, type, role, std::move(about));
    open_[op->id()] = op;
    auto& rest = rest_[type];
    if (rest.empty()) return op->id(); // nothing more is known: the comparison will say so
    const auto x = rest.front();
    rest.pop_front();
    if (x.end == nullptr) return op->id();
    auto say = [this, id = op->id(), finish = std::move(finish), end = x.end] {
      auto known = open_.extract(id);
      if (!known.empty()) finish(*known.mapped(), *end);
    };
    if (at_once(*x.start, *x.end))
      say();
    else
      script_.at(*x.end, std::move(say));
    return op->id();
  }

  world& world_;
  outside_script& script_;
  budget& budget_;
  scripted_model mind_;
  agents::model_door model_;
  bool checks_ = false;
  std::map<std::string, std::deque<exchange>> rest_;
  std::map<std::uint64_t, std::shared_ptr<world::operation>> open_;
};

/// Messages that `from` sent, of the given types, in order.
std::deque<const event*> sent_by(const std::vector<event>& events, std::string_view from,
                                 std::initializer_list<std::string_view> types) {
  std::deque<const event*> out;
  for (const auto& e : events) {
    if (e.kind == "msg" && e.from == from &&
        std::find(types.begin(), types.end(), e.type) != types.end())
      out.push_back(&e);
  }
  return out;
}

class scripted_injector {
public:
  static constexpr auto name = "injector";
  using handle = station<trial, clear, wake>;
  struct needs {
    const recording* from = nullptr;
    world* where = nullptr;
    std::function<station<incident>()> coordinator;
    std::function<station<not_injected, cleared>()> supervisor;
  };

  scripted_injector(handle::pointer self, needs n)
      : self_(self),
        needs_(std::move(n)),
        afflicts_(sent_by(needs_.from->events, name, {"incident", "not_injected"})),
        clears_(sent_by(needs_.from->events, name, {"cleared"})) {}

  handle::behavior_type behavior() {
    return {
        [this](const trial&) { say_next(afflicts_); },
        [this](const clear&) { say_next(clears_); },
        [this](const wake&) { say(); },
    };
  }

private:
  void say_next(std::deque<const event*>& from) {
    next_ = nullptr;
    if (from.empty()) return;
    next_ = from.front();
    from.pop_front();
    const auto rest = moment(*next_) - needs_.where->elapsed();
    if (rest.count() <= 0) return say();
    self_->delayed_send(self_, rest, wake{needs_.where->here(), 0});
  }

  void say() {
    const auto* e = std::exchange(next_, nullptr);
    if (e == nullptr) return;
    if (e->type == "incident") self_->send(needs_.coordinator(), e->body.get<incident>());
    if (e->type == "not_injected") self_->send(needs_.supervisor(), e->body.get<not_injected>());
    if (e->type == "cleared") self_->send(needs_.supervisor(), e->body.get<cleared>());
  }

  handle::pointer self_;
  needs needs_;
  std::deque<const event*> afflicts_, clears_;
  const event* next_ = nullptr;
};

class scripted_examiner final : public agents::examiner {
public:
  scripted_examiner(const recording& r, world& w)
      : world_(w), rest_(sent_by(r.events, "verification", {"verdict", "infra_failed"})) {}

  void begin(const outcome&, answer then) override {
    if (rest_.empty()) return;
    const auto left = moment(*rest_.front()) - world_.elapsed();
    if (left.count() > 0) return then(pause{left});
    look(std::move(then));
  }
  void look(answer then) override {
    if (rest_.empty()) return;
    const auto& e = *rest_.front();
    rest_.pop_front();
    if (e.type == "infra_failed") return then(failure{errc::failed, e.body.value("what", "")});
    auto v = e.body.get<verdict>();
    // The role writes the first half itself, and is to be compared in it.
    const std::string seam = "\nWhat the check found afterwards: ";
    if (const auto at = v.feedback.rfind(seam); !v.recovered && at != std::string::npos)
      v.feedback.erase(0, at + seam.size());
    then(std::move(v));
  }

private:
  world& world_;
  std::deque<const event*> rest_;
};

world_options options_of(const recording& r, const limits& most) {
  world_options o;
  o.experiment = r.spec.id;
  o.mailbox = static_cast<std::size_t>(most.mailbox);
  return o;
}

class recorded_episode {
public:
  recorded_episode(const recording& r, agents::method method)
      : recording_(r),
        method_(std::move(method)),
        budget_(method_.limits),
        world_(options_of(r, method_.limits), keep_events()),
        doors_(world_, r, script_, budget_) {}
  ~recorded_episode() { world_.end(); }
  recorded_episode(const recorded_episode&) = delete;
  recorded_episode& operator=(const recorded_episode&) = delete;

  result<std::vector<event>> run() {
    world_.note("note", "experiment", recording_.header);
    if (auto wired = wire(); !wired) return wired.why();
    for (const auto& e : recording_.events) interruption(e);
    world_.tell(boss_, trial{world_.here(), {}});
    while (!over_) {
      if (world_.step()) continue;
      if (script_.empty()) break; // the comparison shows what is missing
      script_.next(world_);
    }
    return std::move(events_);
  }

private:
  event_log keep_events() {
    event_log log{event_log::line_sink{}};
    log.on_event([this](const event& e) { events_.push_back(e); });
    return log;
  }

  /// What came to the supervisor from outside of all roles: a cancellation, the end of wall time.
  void interruption(const event& e) {
    if (e.kind != "msg" || e.to != "supervisor" || e.from != "world") return;
    if (e.type == "cancel") script_.at(e, [this, &e] { world_.tell(boss_, e.body.get<cancel>()); });
    if (e.type == "limit_reached")
      script_.at(e, [this, &e] { world_.tell(boss_, e.body.get<limit_reached>()); });
  }

  result<void> wire() {
    auto n = supervisor::over(world_, budget_, method_.limits);
    n.injector = [this] { return injector_; };
    n.done = [this](const episode_result& ended) {
      world_.note("note", "episode_result", json(ended), "supervisor");
      over_ = true;
    };
    boss_ = world_.spawn<supervisor>(std::move(n));
    world_.on_role_failed([this](const role_failed& f) { world_.tell(boss_, f); });
    agents::crew_needs given;
    given.supervisor = boss_;
    given.outside = &doors_;
    given.judge = std::make_shared<scripted_examiner>(recording_, world_);
    auto crew = agents::start_crew(agents::ground(world_), method_, given);
    if (!crew) return crew.why();
    scripted_injector::needs injecting;
    injecting.from = &recording_;
    injecting.where = &world_;
    injecting.coordinator = [entry = crew->entry] { return entry; };
    injecting.supervisor = [this] { return boss_; };
    injector_ = world_.spawn<scripted_injector>(std::move(injecting));
    return {};
  }

  const recording& recording_;
  agents::method method_;
  std::vector<event> events_;
  outside_script script_;
  budget budget_;
  world world_;
  scripted_doors doors_;
  supervisor::handle boss_;
  station<trial, clear, wake> injector_;
  bool over_ = false;
};

} // namespace

result<std::vector<event>> replay_recorded_world(const recording& r) {
  auto method = agents::load_method(r.spec.method);
  if (!method) return method.why();
  try {
    if (r.header.contains("limits")) method->limits = r.header.at("limits").get<limits>();
    recorded_episode episode(r, std::move(*method));
    return episode.run();
  } catch (const std::exception& e) {
    return failure{errc::bad_input, r.folder.string() + ": " + e.what()};
  }
}

} // namespace remed::experiments
