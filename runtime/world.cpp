#include "runtime/world.hpp"

#include "runtime/catalogue.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <type_traits>

namespace remed {

namespace {

caf::actor_clock::time_point clock_zero() {
  // CAF's test clock takes 0 for "unset", so it starts an hour later.
  return caf::actor_clock::time_point{std::chrono::hours{1}};
}

/// What the actor systems of all worlds are made by: they only read it, and each would keep tens of
/// options of its own.
struct shared_config : caf::actor_system_config {
  shared_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.verbosity", caf::atom("quiet"));
  }
};

} // namespace

world::world(world_options options, event_log log)
    : options_(std::move(options)),
      log_(std::move(log)),
      now_(options_.start),
      clock_start_(clock_zero()) {
  static shared_config config;
  system_ = std::make_unique<caf::actor_system>(config);
  system_->await_actors_before_shutdown(false);
  scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
  scheduler_->clock().current_time = clock_start_;
  wall_start_ = last_flow_ = std::chrono::steady_clock::now();
}

world::~world() {
  end();
  // Ending the system ships what timers still hold, through the tap: its books must be there yet.
  system_.reset();
}

void world::end() {
  if (ended_) return;
  ended_ = true;
  for (auto& [id, op] : operations_) op->open_ = false;
  auto open = std::move(operations_);
  operations_.clear();
  for (auto& [id, op] : open) op->running_.reset();
  for (auto& actor : actors_) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  actors_.clear();
  scheduler_->run();
}

std::uint64_t world::note(std::string kind, std::string type, json body, std::string from,
                          std::string to) {
  event e;
  e.cause = cause_;
  e.kind = std::move(kind);
  e.type = std::move(type);
  e.from = std::move(from);
  e.to = std::move(to);
  e.trial = trial_;
  e.t = seconds(elapsed());
  e.wall = wall();
  e.body = std::move(body);
  return log_.append(std::move(e));
}

double world::wall() const {
  if (options_.stepped) return seconds(elapsed());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_start_).count();
}

// -- outside work

world::operation::operation(world& w, outside kind, std::string type, std::string role)
    : world_(&w), kind_(kind), type_(std::move(type)), role_(std::move(role)), began_(w.now()) {}

world::operation::~operation() {
  // Whoever drops an operation without a word has been cancelled: time must not wait for it.
  if (!open_) return;
  world_->operations_.erase(start_seq_);
  world_->say_ready();
}

double world::operation::seconds() const {
  return open_ ? remed::seconds(world_->now() - began_) : 0;
}

bool world::operation::close(json about) {
  if (!open_) return false;
  open_ = false;
  world_->operations_.erase(start_seq_);
  const auto before = world_->cause_;
  world_->cause_ = start_seq_;
  end_seq_ = world_->note(kind_ == outside::tool ? "tool.end" : "model.reply", type_,
                          std::move(about), "world", role_);
  world_->cause_ = before;
  running_.reset();
  return true;
}

std::shared_ptr<world::operation> world::begin(outside kind, std::string type, std::string role,
                                               json about) {
  auto op = std::make_shared<operation>(*this, kind, type, role);
  op->start_seq_ = note(kind == outside::tool ? "tool.start" : "model.request", std::move(type),
                        std::move(about), std::move(role), "world");
  if (all_paused()) last_flow_ = std::chrono::steady_clock::now();
  operations_[op->start_seq_] = op.get();
  return op;
}

void world::pause_flow(bool paused) {
  // What passed while all stood in line was never looked at.
  if (all_paused()) last_flow_ = std::chrono::steady_clock::now();
  paused_ += paused ? 1 : -1;
  say_ready();
}

std::chrono::milliseconds world::patience() const {
  using std::chrono::milliseconds;
  // A clock that stands still needs nobody but for the experiment's limit of real time, and ten
  // thousand may stand still; one that flows while only a model thinks is looked at by no one
  // outside; while a tool runs it is what the tool's requests are answered by.
  if (options_.stepped) return milliseconds{10'000};
  bool tool = false;
  for (const auto& [id, op] : operations_) tool = tool || op->kind_ == outside::tool;
  return milliseconds{tool && !all_paused() ? 2 : 50};
}

// -- time

void world::set_time(vtime t) {
  if (t > now_) now_ = t;
  if (follow_) follow_(now_);
  const auto target = clock_start_ + std::chrono::nanoseconds{elapsed()};
  const auto step = target - scheduler_->clock().current_time;
  // A step of zero matters: it fires what is due at this very instant.
  if (step.count() >= 0) scheduler_->advance_time(step);
}

std::optional<vtime> world::next_timer() const {
  const auto& schedule = scheduler_->clock().schedule();
  if (schedule.empty()) return std::nullopt;
  const auto since = schedule.begin()->first - clock_start_;
  return options_.start + std::chrono::ceil<duration>(since);
}

std::optional<vtime> world::next_due() const {
  auto due = next_timer();
  if (next_) {
    if (const auto theirs = next_(); theirs && (!due || *theirs < *due)) due = theirs;
  }
  return due;
}

bool world::run_actors() {
  bool any = false;
  while (scheduler_->try_run_once()) any = true;
  return any;
}

bool world::step() {
  if (ended_) return false;
  if (run_actors()) return true;
  if (!operations_.empty()) {
    if (flow()) return true;
    log_.flush();
    return false;
  }
  // Only timers of roles make a jump worthwhile: a cluster alone would go on for ever.
  const auto timer = next_timer();
  if (!timer) return false;
  set_time(std::min(*timer, next_due().value_or(*timer)));
  return true;
}

bool world::flow() {
  const auto wall_now = std::chrono::steady_clock::now();
  const auto passed = std::chrono::duration<double>(wall_now - last_flow_).count();
  last_flow_ = wall_now;
  if (options_.stepped || all_paused()) return false;
  double scale = options_.model_scale;
  for (const auto& [id, op] : operations_) {
    if (op->kind_ == outside::tool) scale = options_.tool_scale;
  }
  return pass_until(now_ + from_seconds(passed * scale));
}

bool world::pass_until(vtime until) {
  while (!ended_) {
    const auto due = next_due();
    if (!due || *due >= until) break;
    set_time(*due);
    run_actors();
  }
  if (!ended_) set_time(until);
  return run_actors();
}

// -- the tap

std::string world::name_of(const caf::strong_actor_ptr& who) const {
  if (!who) return "world";
  const auto it = names_.find(who->id());
  return it == names_.end() ? "world" : it->second;
}

bool world::sent(const caf::mailbox_element& message, const char* role) {
  auto& waiting = waiting_[role];
  if (waiting >= options_.mailbox) {
    failed(role, "its mailbox is full (" + std::to_string(waiting) + " messages wait)");
    return false;
  }
  ++waiting;
  causes_[&message] = cause_;
  say_ready();
  return true;
}

bool world::begins(const caf::mailbox_element& message, const char* role) {
  auto& waiting = waiting_[role];
  if (waiting > 0) --waiting;
  const auto known = causes_.find(&message);
  const auto cause = known == causes_.end() ? 0 : known->second;
  if (known != causes_.end()) causes_.erase(known);
  auto content = describe(message.content());
  if (!content) return true; // CAF's own exit and down messages
  if (filter_ && !filter_(++handled_, role)) return false;
  cause_ = cause;
  const auto kind = std::string_view(content->type) == "command_done" ||
                            content->type == "model_reply" || content->type == "playbook_done"
                        ? "io"
                        : "msg";
  // What I/O brought was logged in full when it ended; here only that it was taken.
  json body = std::string_view(kind) == "io" ? json::object() : std::move(content->body);
  cause_ = note(kind, content->type, std::move(body), name_of(message.sender), role);
  if (std::string_view(role) != "supervisor") holder_ = role;
  return true;
}

void world::ends(const char*) {
  cause_ = 0;
}

void world::failed(const char* role, const std::string& what) {
  role_failed report{here(), role, what};
  note("note", "role_failed", json(report), role);
  if (role_failed_) role_failed_(report);
}

} // namespace remed
