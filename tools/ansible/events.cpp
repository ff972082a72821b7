#include "tools/ansible/events.hpp"

#include <algorithm>

namespace remed::tools {

namespace {

using reason = playbook_result::reason;

std::string text_at(const json& j, const char* key) {
  const auto found = j.find(key);
  if (found == j.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

/// Why a task failed: Ansible's message, and what the program said when there is more to it.
std::string message_of(const json& task_result) {
  if (!task_result.is_object()) return {};
  auto message = text_at(task_result, "msg");
  const auto err = text_at(task_result, "stderr");
  if (message.empty() || message == "non-zero return code") {
    if (!err.empty()) message += (message.empty() ? "" : ": ") + err;
  }
  return message;
}

bool tells_of_failure(std::string_view kind) {
  return kind == "failed" || kind == "unreachable" || kind == "ignored" || kind == "item_failed" ||
         kind == "retry";
}

} // namespace

const char* to_string(reason r) {
  switch (r) {
    case reason::ok:
      return "ok";
    case reason::parse_error:
      return "parse_error";
    case reason::no_hosts:
      return "no_hosts";
    case reason::unreachable:
      return "unreachable";
    case reason::task_failed:
      return "task_failed";
    case reason::timed_out:
      return "timed_out";
    case reason::limit:
      return "limit";
    case reason::infra_error:
      return "infra_error";
  }
  return "infra_error";
}

void event_collector::append(std::string_view data) {
  taken_ += data.size();
  if (taken_ > limit_) {
    truncated_ = true;
    partial_.clear();
    return;
  }
  partial_ += data;
  std::size_t from = 0;
  for (std::size_t to = 0; (to = partial_.find('\n', from)) != std::string::npos; from = to + 1) {
    add_line(std::string_view(partial_).substr(from, to - from));
  }
  partial_.erase(0, from);
}

void event_collector::add_line(std::string_view line) {
  const auto j = json::parse(line, nullptr, false);
  if (!j.is_object()) return;
  task_event event;
  event.kind = text_at(j, "kind");
  event.play = text_at(j, "play");
  event.task = text_at(j, "task");
  event.host = text_at(j, "host");
  if (const auto r = j.find("result"); r != j.end()) event.result = *r;
  if (tells_of_failure(event.kind)) event.message = message_of(event.result);
  if (const auto ms = j.find("ms"); ms != j.end() && ms->is_number()) event.ms = *ms;
  events_.push_back(std::move(event));
}

reason reason_of(int exit_code, const std::vector<task_event>& events) {
  const auto seen = [&](std::string_view kind) {
    return std::any_of(events.begin(), events.end(),
                       [&](const task_event& e) { return e.kind == kind; });
  };
  const bool nothing_ran = std::none_of(events.begin(), events.end(), [](const task_event& e) {
    return e.kind == "stats" && e.result.is_object() && !e.result.empty();
  });
  if (exit_code == 0)
    return nothing_ran && seen("no_hosts_matched") ? reason::no_hosts : reason::ok;
  if (exit_code >= 128 && exit_code != 250) return reason::limit;
  if (seen("unreachable")) return reason::unreachable;
  if (exit_code == 2 || seen("failed")) return reason::task_failed;
  if (exit_code == 250) return reason::infra_error;
  // Ansible refused the text: at once, or where a play included something it could not load.
  if (exit_code == 4 || exit_code == 5 || !seen("task_start")) return reason::parse_error;
  return reason::task_failed;
}

reason ending_of(const playbook_result& r, bool timed_out) {
  if (!r.limit.empty()) return reason::limit;
  return timed_out ? reason::timed_out : reason_of(r.exit_code, r.tasks);
}

} // namespace remed::tools
