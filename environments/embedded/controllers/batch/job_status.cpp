#include "environments/embedded/controllers/batch/job_status.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr const char* index_key = "batch.kubernetes.io/job-completion-index";

/// The exit code of a container that the rule is about, or none.
std::optional<std::pair<std::string, std::int64_t>> matching_exit(const json& rule,
                                                                  const json& pod) {
  const auto& wanted = at_path(rule, {"onExitCodes"});
  auto only = text_at(wanted, {"containerName"});
  const auto& values = at_path(wanted, {"values"});
  for (const char* list : {"containerStatuses", "initContainerStatuses"}) {
    for (const auto& one : at_path(pod, {"status", list})) {
      const auto& ended = at_path(one, {"state", "terminated"});
      if (ended.is_null()) continue;
      auto name = text_at(one, {"name"});
      if (!only.empty() && only != name) continue;
      auto code = int_at(ended, {"exitCode"});
      if (code == 0) continue;
      bool in = std::find(values.begin(), values.end(), json(code)) != values.end();
      if (in == (text_at(wanted, {"operator"}) == "In")) return std::pair{name, code};
    }
  }
  return std::nullopt;
}

std::string matching_condition(const json& rule, const json& pod) {
  for (const auto& pattern : at_path(rule, {"onPodConditions"})) {
    auto type = text_at(pattern, {"type"});
    const auto& found = condition_of(pod, type);
    if (text_at(found, {"status"}) == text_at(pattern, {"status"}, "True")) return type;
  }
  return {};
}

} // namespace

std::string index_text(const std::set<std::int64_t>& indexes) {
  std::vector<std::string> parts;
  for (auto at = indexes.begin(); at != indexes.end();) {
    auto from = *at, to = from;
    while (++at != indexes.end() && *at == to + 1) ++to;
    parts.push_back(from == to
                        ? std::to_string(from)
                        : std::to_string(from) + (to == from + 1 ? "," : "-") + std::to_string(to));
  }
  return join(parts, ",");
}

std::set<std::int64_t> parse_indexes(const std::string& text) {
  std::set<std::int64_t> out;
  if (text.empty()) return out;
  for (const auto& part : split(text, ',')) {
    auto dash = part.find('-');
    auto from = std::strtoll(part.c_str(), nullptr, 10);
    auto to = dash == std::string::npos ? from : std::strtoll(part.c_str() + dash + 1, nullptr, 10);
    for (auto i = from; i <= to; ++i) out.insert(i);
  }
  return out;
}

std::optional<std::int64_t> index_of(const json& pod) {
  auto text = text_at(pod, {"metadata", "annotations", index_key});
  if (text.empty()) return std::nullopt;
  return std::strtoll(text.c_str(), nullptr, 10);
}

failure_verdict judge_failure(const json& job, const json& pod) {
  using enum failure_verdict::action;
  int at = -1;
  auto id = text_at(pod, {"metadata", "namespace"}) + "/" + text_at(pod, {"metadata", "name"});
  for (const auto& rule : at_path(job, {"spec", "podFailurePolicy", "rules"})) {
    ++at;
    auto action = text_at(rule, {"action"});
    std::string text;
    if (rule.contains("onExitCodes")) {
      auto exit = matching_exit(rule, pod);
      if (!exit) continue;
      text = "Container " + exit->first + " for pod " + id + " failed with exit code " +
             std::to_string(exit->second);
    } else {
      auto condition = matching_condition(rule, pod);
      if (condition.empty()) continue;
      text = "Pod " + id + " has condition " + condition;
    }
    if (action == "Ignore") return {ignore, {}};
    if (action == "FailJob") {
      return {fail_job, text + " matching FailJob rule at index " + std::to_string(at)};
    }
    return {};
  }
  return {};
}

vtime finish_time(const json& pod, vtime otherwise) {
  std::optional<vtime> latest;
  for (const auto& one : at_path(pod, {"status", "containerStatuses"})) {
    auto t = parse_time(text_at(one, {"state", "terminated", "finishedAt"}));
    if (t && (!latest || *t > *latest)) latest = t;
  }
  if (latest) return *latest;
  auto deleted = parse_time(text_at(pod, {"metadata", "deletionTimestamp"}));
  return deleted ? std::min(*deleted, otherwise) : otherwise;
}

bool has_true(const json& job, const std::string& type) {
  return text_at(condition_of(job, type), {"status"}) == "True";
}

bool job_is_finished(const json& job) {
  return has_true(job, "Complete") || has_true(job, "Failed");
}

bool set_job_condition(json& status, const std::string& type, bool value, const std::string& reason,
                       const std::string& message, vtime now) {
  auto& all = status["conditions"];
  if (!all.is_array()) all = json::array();
  auto one = json::object();
  one["type"] = type;
  one["status"] = value ? "True" : "False";
  one["reason"] = reason;
  one["message"] = message;
  one["lastProbeTime"] = one["lastTransitionTime"] = rfc3339(now);
  for (auto& old : all) {
    if (text_at(old, {"type"}) != type) continue;
    if (old["status"] == one["status"] && text_at(old, {"reason"}) == reason) return false;
    old = std::move(one);
    return true;
  }
  all.push_back(std::move(one));
  return true;
}

} // namespace remed::env
