// StatusCheck: asks a URL again and again until enough answers agree.
#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/plans/plans.hpp"
#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/traffic.hpp"

namespace remed::chaos::mesh {

namespace {

constexpr const char* step = "statuscheck";

struct url_parts {
  std::string host, path = "/";
  int port = 80;
};

url_parts parts_of(std::string url) {
  url_parts out;
  if (const auto scheme = url.find("://"); scheme != std::string::npos) {
    if (url.rfind("https", 0) == 0) out.port = 443;
    url = url.substr(scheme + 3);
  }
  const auto slash = url.find('/');
  if (slash != std::string::npos) out.path = url.substr(slash);
  url = url.substr(0, slash);
  const auto colon = url.rfind(':');
  if (colon != std::string::npos) {
    if (auto port = parse_int(url.substr(colon + 1))) out.port = static_cast<int>(*port);
  }
  out.host = url.substr(0, colon);
  return out;
}

bool fits(int status, const std::string& wanted) {
  const auto dash = wanted.find('-');
  auto first = parse_int(wanted.substr(0, dash));
  auto last = dash == std::string::npos ? first : parse_int(wanted.substr(dash + 1));
  return first && last && status >= *first && status <= *last;
}

/// Empty when the answer is as wanted; else what is wrong with it.
std::string ask(const env::cluster& c, const json& check) {
  const auto& http = at_path(check, {"spec", "http"});
  const auto url = text_at(http, {"url"});
  const auto to = parts_of(url);
  const auto timeout = static_cast<double>(env::int_at(check, {"spec", "timeoutSeconds"}, 1));
  const auto got = env::send_request(c, nullptr, to.host, to.port, to.path, timeout, "statuscheck");
  using kind = env::request_outcome::kind;
  const auto method = text_at(http, {"method"}, "GET");
  const auto verb = method == "POST" ? "Post" : "Get";
  const auto request = "do http request: " + std::string(verb) + " \"" + url + "\": ";
  if (got.what == kind::no_name) {
    return request + "dial tcp: lookup " + to.host + ": no such host";
  }
  if (got.what == kind::refused) {
    return request + "dial tcp " + got.address + ": connect: connection refused";
  }
  if (got.what != kind::answered) {
    return request + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  }
  if (fits(got.status, text_at(http, {"criteria", "statusCode"}))) return {};
  return "unexpected status code: " + std::to_string(got.status);
}

/// The last records are all of this outcome.
bool enough(const json& check, const char* outcome, std::int64_t threshold) {
  const auto& records = at_path(check, {"status", "records"});
  std::int64_t n = 0;
  for (auto at = records.rbegin(); at != records.rend() && n < threshold; ++at, ++n) {
    if (text_at(*at, {"outcome"}) != outcome) return false;
  }
  return n >= threshold;
}

void note(json& check, const std::string& type, bool holds, const std::string& reason, vtime now) {
  const bool was = has_condition(check, type);
  bool known = false;
  for (const auto& one : at_path(check, {"status", "conditions"})) {
    known = known || text_at(one, {"type"}) == type;
  }
  set_condition(check, type, holds, reason);
  for (auto& one : check["status"]["conditions"]) {
    if (one["type"] != type) continue;
    one["lastProbeTime"] = rfc3339(now);
    if (!known || was != holds) one["lastTransitionTime"] = rfc3339(now);
  }
}

/// Sets the conditions; the reason why the check is over, or empty.
std::string conclude(json& check, bool out_of_time, vtime now) {
  const bool failed = enough(check, "Failure", env::int_at(check, {"spec", "failureThreshold"}, 3));
  const bool passed = enough(check, "Success", env::int_at(check, {"spec", "successThreshold"}, 1));
  const bool synchronous = text_at(check, {"spec", "mode"}, "Synchronous") != "Continuous";
  note(check, "DurationExceed", out_of_time, "", now);
  note(check, "FailureThresholdExceed", failed, "", now);
  note(check, "SuccessThresholdExceed", passed, "", now);
  std::string why;
  if (out_of_time) {
    why = "StatusCheckDurationExceed";
  } else if (failed) {
    why = "StatusCheckFailureThresholdExceed";
  } else if (synchronous && passed) {
    why = "StatusCheckSuccessThresholdExceed";
  }
  note(check, "Completed", !why.empty(), why, now);
  return why;
}

void tell_end(env::cluster& c, const json& check, const std::string& why) {
  if (why == "StatusCheckDurationExceed") {
    say(c, check, step, "Warning", why, "duration exceed", "status-check-duration-exceed");
  } else if (why == "StatusCheckFailureThresholdExceed") {
    say(c, check, step, "Warning", why, "failure threshold exceed",
        "status-check-failure-threshold-exceed");
  } else {
    say(c, check, step, "Normal", why, "success threshold exceed",
        "status-check-success-threshold-exceed");
  }
  say(c, check, step, "Normal", "StatusCheckCompleted", "status check completed: " + why,
      "status-check-completed", {{"msg", why}});
}

void record(env::cluster& c, json& check, const std::string& problem) {
  if (!problem.empty()) {
    say(c, check, step, "Warning", "StatusCheckExecutionFailed",
        "HTTP execution of status check failed: " + problem, "status-check-execution-failed",
        {{"executor-type", "HTTP"}, {"msg", problem}});
  }
  auto& status = check["status"];
  auto& all = status["records"];
  if (all.is_null()) all = json::array();
  all.push_back(
      {{"startTime", rfc3339(c.now())}, {"outcome", problem.empty() ? "Success" : "Failure"}});
  const auto most =
      static_cast<std::size_t>(env::int_at(check, {"spec", "recordsHistoryLimit"}, 100));
  while (all.size() > most) all.erase(all.begin());
  status["count"] = status.value("count", 0) + 1;
}

} // namespace

std::optional<duration> reconcile_status_check(env::cluster& c, const object_key& key) {
  auto found = c.objects().get(status_checks, key);
  if (!found || is_deleted(*found) || has_condition(*found, "Completed")) return std::nullopt;
  auto check = *found;
  const duration interval =
      std::chrono::seconds{env::int_at(check, {"spec", "intervalSeconds"}, 10)};
  const auto started = env::parse_time(text_at(check, {"status", "startTime"}));
  if (!started) {
    check["status"]["startTime"] = rfc3339(c.now());
    conclude(check, false, c.now());
    write(c, status_checks, std::move(check), false);
    return std::nullopt; // the write brings about the next look
  }
  const auto done = env::int_at(check, {"status", "count"});
  const auto due = *started + interval * (done + 1);
  const auto lasts = parse_duration(text_at(check, {"spec", "duration"}));
  const auto ends = lasts ? std::optional{*started + *lasts} : std::nullopt;
  const bool out_of_time = ends && *ends < c.now();
  if (c.now() < due && !out_of_time) {
    const auto until = due - c.now();
    return ends ? std::min(until, *ends - c.now() + std::chrono::microseconds{1}) : until;
  }
  if (!out_of_time) record(c, check, ask(c, check));
  const auto why = conclude(check, out_of_time, c.now());
  if (!why.empty()) {
    check["status"]["completionTime"] = rfc3339(c.now());
    tell_end(c, check, why);
  }
  write(c, status_checks, std::move(check), false);
  return std::nullopt;
}

} // namespace remed::chaos::mesh
