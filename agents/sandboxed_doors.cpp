#include "agents/sandboxed_doors.hpp"

#include "agents/command_check.hpp"
#include "agents/early_checks.hpp"
#include "tools/kubectl.hpp"

#include <algorithm>

namespace remed::agents {

namespace {

constexpr int refused_exit_code = 126; // what shells say of a command that must not be run

double as_seconds(std::chrono::microseconds t) {
  return std::chrono::duration<double>(t).count();
}

/// Standard output, then standard error: as a terminal would hold both.
std::string both(std::string out, const std::string& err) {
  if (!out.empty() && !err.empty() && out.back() != '\n') out += '\n';
  return out + err;
}

run_reason to_reason(tools::playbook_result::reason why) {
  using from = tools::playbook_result::reason;
  switch (why) {
    case from::ok:
      return run_reason::ok;
    case from::parse_error:
      return run_reason::parse_error;
    case from::no_hosts:
      return run_reason::no_hosts;
    case from::unreachable:
      return run_reason::unreachable;
    case from::task_failed:
      return run_reason::task_failed;
    case from::timed_out:
      return run_reason::timed_out;
    case from::limit:
      return run_reason::limit;
    case from::infra_error:
      return run_reason::infra_error;
  }
  return run_reason::infra_error;
}

std::string stopped(const std::string& limit) {
  return "\n[stopped: " + limit + "]";
}

json one_field(const char* name, const std::string& value) {
  json about = json::object();
  about[name] = value;
  return about;
}

} // namespace

/// What one child process holds while it is wanted. Its operation owns it, so that it is gone when
/// the operation ends or the world does.
struct sandboxed_doors::job {
  std::shared_ptr<void> place_in_line;
  process_slots::ticket slot;
  std::shared_ptr<void> server; ///< the API behind the sandbox's door
  std::shared_ptr<void> child;
  world* paused = nullptr; ///< its time does not flow while it stands in line

  job() = default;
  job(const job&) = delete;
  job& operator=(const job&) = delete;
  ~job() { go_on(); }

  void go_on() {
    if (paused != nullptr) paused->pause_flow(false);
    paused = nullptr;
  }
};

outcome to_outcome(const turn& at, tools::playbook_result ended, double seconds) {
  outcome o;
  o.at = at;
  o.reason = to_reason(ended.why);
  o.exit_code = ended.exit_code;
  o.output = both(std::move(ended.out), ended.err);
  if (!ended.limit.empty()) o.output += stopped(ended.limit);
  o.seconds = seconds;
  for (auto& t : ended.tasks) {
    if (t.host.empty() || t.task.empty()) continue; // events of plays and of the whole run
    o.tasks.push_back(
        {std::move(t.task), std::move(t.host), std::move(t.kind), std::move(t.message)});
  }
  return o;
}

sandboxed_doors::sandboxed_doors(sandboxed_needs n)
    : needs_(std::move(n)), model_(*needs_.where, *needs_.mind, *needs_.spent) {
  if (needs_.inventory.empty()) needs_.inventory = default_inventory();
}

std::uint64_t sandboxed_doors::begin(std::string type, std::string role, json about) {
  auto work =
      needs_.where->begin(outside::tool, std::move(type), std::move(role), std::move(about));
  const auto id = work->id();
  open_[id] = std::move(work);
  return id;
}

std::shared_ptr<world::operation> sandboxed_doors::close(std::uint64_t id) {
  auto open = open_.extract(id);
  return open.empty() ? nullptr : std::move(open.mapped());
}

void sandboxed_doors::when_free(std::uint64_t id, std::function<void(job&)> start) {
  auto j = std::make_shared<job>();
  j->paused = needs_.where;
  needs_.where->pause_flow(true);
  open_.at(id)->hold(j);
  auto place = needs_.slots->acquire(
      [weak = std::weak_ptr<job>(j), start = std::move(start)](process_slots::ticket slot) {
        auto mine = weak.lock();
        if (!mine) return;
        mine->go_on();
        mine->slot = std::move(slot);
        start(*mine);
      });
  j->place_in_line = std::move(place);
}

std::function<void(int)> sandboxed_doors::server_for(std::uint64_t id, job& j) {
  // The child is part of the job, so a listener never comes after the job is gone; the operation is
  // looked up because it may have ended.
  return [this, id, &j](int fd) {
    if (open_.contains(id)) j.server = needs_.serve(fd);
  };
}

std::uint64_t sandboxed_doors::run_command(const turn& at, const std::string& line,
                                           station<command_done> to) {
  const auto id = begin("command", "probe", one_field("command", line));
  if (const auto refusal = refuse_command(line)) {
    command_done done{at, id, refused_exit_code, false, *refusal, {}, 0};
    auto about = one_field("refused", *refusal);
    about["exit_code"] = refused_exit_code;
    close(id)->finish(to, std::move(done), std::move(about));
    return id;
  }
  when_free(id, [this, id, at, line, to](job& j) { start_command(id, j, at, line, to); });
  return id;
}

void sandboxed_doors::start_command(std::uint64_t id, job& j, const turn& at,
                                    const std::string& line, const station<command_done>& to) {
  tools::sandbox_spec spec;
  spec.kind = needs_.sandbox;
  for (const char* path : {"/root/.kube/config", "/etc/rancher/k3s/k3s.yaml"}) {
    spec.files.push_back({path, needs_.kubeconfig, false});
  }
  if (!needs_.kubectl.empty()) spec.binds[tools::kubectl_inside] = needs_.kubectl;
  spec.total_memory_bytes = needs_.most.memory_bytes;
  spec.processes = needs_.most.processes;
  spec.cpu_limit = cpu_left();
  tools::command cmd;
  cmd.argv = {"sh", "-c", line};
  cmd.time_limit = needs_.command_limit;
  cmd.output_limit = needs_.output_limit;
  tools::process_callbacks callbacks;
  callbacks.done = [this, id, at, to](result<tools::process_result> ended) {
    command_ended(id, at, to, std::move(ended));
  };
  j.child = tools::start_sandboxed(*needs_.loop, spec, std::move(cmd), server_for(id, j),
                                   std::move(callbacks));
}

void sandboxed_doors::command_ended(std::uint64_t id, const turn& at,
                                    const station<command_done>& to,
                                    result<tools::process_result> ended) {
  const auto work = close(id);
  if (!work) return;
  command_done done;
  done.at = at;
  done.id = id;
  done.seconds = work->seconds();
  json about = json::object();
  if (ended) {
    done.exit_code = ended->exit_code;
    done.truncated = ended->truncated;
    done.output = both(std::move(ended->out), ended->err);
    cpu_used_ += ended->cpu;
    if (!ended->limit.empty()) {
      done.output += stopped(ended->limit);
      about["limit"] = ended->limit;
    } else if (ended->timed_out) {
      done.output += "\n[stopped: it ran longer than " +
                     std::to_string(needs_.command_limit.count() / 1000) + " s]";
    }
    about["cpu_s"] = as_seconds(ended->cpu);
    about["wall_s"] = as_seconds(ended->wall);
    about["truncated"] = done.truncated;
  } else {
    done.exit_code = refused_exit_code;
    done.problem = ended.why().what;
    about["problem"] = done.problem;
  }
  about["exit_code"] = done.exit_code;
  about["output"] = done.output;
  work->finish(to, std::move(done), std::move(about));
}

tools::playbook_run sandboxed_doors::prepared(const std::string& yaml) const {
  tools::playbook_run run;
  run.yaml = yaml;
  run.inventory = needs_.inventory;
  run.kubeconfig = needs_.kubeconfig;
  run.kubectl = needs_.kubectl;
  run.time_limit = needs_.playbook_limit;
  run.output_limit = needs_.output_limit;
  run.total_memory_bytes = needs_.most.memory_bytes;
  run.processes = needs_.most.processes;
  run.cpu_limit = cpu_left();
  return run;
}

std::chrono::seconds sandboxed_doors::cpu_left() const {
  const auto left = needs_.most.cpu - std::chrono::floor<std::chrono::seconds>(cpu_used_);
  return std::max(std::chrono::seconds{1}, left);
}

std::uint64_t sandboxed_doors::run_playbook(const turn& at, const std::string& yaml,
                                            station<playbook_done> to) {
  const auto id = begin("playbook", "execution", one_field("playbook", yaml));
  when_free(id, [this, id, at, yaml, to](job& j) { start_playbook(id, j, at, yaml, to); });
  return id;
}

void sandboxed_doors::start_playbook(std::uint64_t id, job& j, const turn& at,
                                     const std::string& yaml, const station<playbook_done>& to) {
  j.child = needs_.ansible->run(prepared(yaml), server_for(id, j),
                                [this, id, at, to](result<tools::playbook_result> ended) {
                                  playbook_ended(id, at, to, std::move(ended));
                                });
}

void sandboxed_doors::playbook_ended(std::uint64_t id, const turn& at,
                                     const station<playbook_done>& to,
                                     result<tools::playbook_result> ended) {
  const auto work = close(id);
  if (!work) return;
  playbook_done done;
  done.at = at;
  done.id = id;
  json about = json::object();
  if (ended) {
    cpu_used_ += ended->cpu;
    about["cpu_s"] = as_seconds(ended->cpu);
    about["wall_s"] = as_seconds(ended->wall);
    if (!ended->limit.empty()) about["limit"] = ended->limit;
    done.ended = to_outcome(at, std::move(*ended), work->seconds());
  } else {
    done.ended.at = at;
    done.ended.reason = run_reason::infra_error;
    done.ended.exit_code = -1;
    done.ended.output = ended.why().what;
  }
  about["reason"] = done.ended.reason;
  about["exit_code"] = done.ended.exit_code;
  about["output"] = done.ended.output;
  about["tasks"] = done.ended.tasks;
  work->finish(to, std::move(done), std::move(about));
}

std::uint64_t sandboxed_doors::check_playbook(const turn& at, const std::string& yaml,
                                              station<playbook_done> to) {
  if (!needs_.early_checks) return 0;
  if (const auto why = objection_to(yaml, needs_.inventory))
    return reject_playbook(*needs_.where, at, yaml, *why, to);
  const auto id = begin("playbook_check", "execution", one_field("playbook", yaml));
  when_free(id, [this, id, at, yaml, to](job& j) { start_check(id, j, at, yaml, to); });
  return id;
}

void sandboxed_doors::start_check(std::uint64_t id, job& j, const turn& at, const std::string& yaml,
                                  const station<playbook_done>& to) {
  auto run = prepared(yaml);
  run.check_only = true;
  j.child = needs_.ansible->run(std::move(run), {},
                                [this, id, at, to](result<tools::playbook_result> ended) {
                                  check_ended(id, at, to, std::move(ended));
                                });
}

void sandboxed_doors::check_ended(std::uint64_t id, const turn& at,
                                  const station<playbook_done>& to,
                                  result<tools::playbook_result> ended) {
  const auto work = close(id);
  if (!work) return;
  playbook_done done{at, id, {}};
  json about = json::object();
  // A check that cannot be made objects to nothing: the run itself will tell.
  if (ended) {
    cpu_used_ += ended->cpu;
    about["cpu_s"] = as_seconds(ended->cpu);
    if (ended->why == tools::playbook_result::reason::parse_error) {
      done.ended.reason = run_reason::rejected_before_run;
      done.ended.exit_code = ended->exit_code;
      done.ended.output = complaint_of(ended->err.empty() ? ended->out : ended->err);
    }
  }
  about["reason"] = done.ended.reason;
  about["output"] = done.ended.output;
  work->finish(to, std::move(done), std::move(about));
}

std::uint64_t sandboxed_doors::ask_model(const turn& at, tools::model_request request,
                                         station<model_reply> to) {
  return model_.ask(at, std::move(request), std::move(to));
}

} // namespace remed::agents
