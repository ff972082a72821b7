#include "environments/embedded/node/app_log.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/environment.hpp"
#include "environments/embedded/node/logs.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/program.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/systems/calls.hpp"

#include <algorithm>
#include <ctime>

namespace remed::env {

namespace {

constexpr duration between_complaints = std::chrono::seconds{5};
constexpr duration between_requests = std::chrono::seconds{10};
/// No more than what the log keeps is made up.
constexpr std::size_t most_lines = log_line_limit;

struct said {
  vtime at;
  std::string text;
  bool is_error = false;
};

std::string stamp(vtime t, const char* pattern) {
  std::time_t n = std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
  std::tm parts{};
  gmtime_r(&n, &parts);
  char out[64];
  auto size = std::strftime(out, sizeof out, pattern, &parts);
  return {out, size};
}

/// "2026-11-22 02:05:19.482": logging frameworks of the JVM and others.
std::string long_stamp(vtime t) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(t.time_since_epoch()).count();
  auto part = std::to_string(ms % 1000);
  return stamp(t, "%Y-%m-%d %H:%M:%S.") + std::string(3 - part.size(), '0') + part;
}

/// One speaker: its service, and how its runtime words things.
struct speaker {
  const service_profile& profile;
  const json& pod;
  std::string port;

  bool is(const char* runtime) const { return profile.runtime == runtime; }

  std::string line(vtime t, const char* level, const std::string& text) const {
    if (is("jvm")) {
      auto padded =
          std::string(5 - std::min<std::size_t>(5, std::string(level).size()), ' ') + level;
      return long_stamp(t) + "  " + padded + " 1 --- [           main] " + profile.name + " : " +
             text;
    }
    if (is("go") || is("node")) {
      auto out = json::object();
      out["severity"] = std::string(level) == "WARN" ? "warning"
                        : level[0] == 'E'            ? "error"
                                                     : "info";
      out["message"] = text;
      out["timestamp"] = stamp(t, "%Y-%m-%dT%H:%M:%SZ");
      return out.dump();
    }
    if (is("python") || is("nginx")) return std::string(level) + " in app: " + text;
    return long_stamp(t) + " [" + level + "] " + text;
  }

  void start_up(vtime begins, vtime serves, std::vector<said>& out) const {
    auto ip = text_at(pod, {"status", "podIP"});
    if (is("python")) {
      out.push_back({begins, " * Serving Flask app '" + profile.name + "'"});
      out.push_back({begins, " * Debug mode: off"});
      out.push_back({serves, " * Running on all addresses (0.0.0.0)"});
      out.push_back({serves, " * Running on http://127.0.0.1:" + port});
      out.push_back({serves, " * Running on http://" + ip + ":" + port});
      out.push_back({serves, "Press CTRL+C to quit"});
    } else if (is("jvm")) {
      auto took = std::to_string(seconds(serves - begins));
      out.push_back({begins, line(begins, "INFO",
                                  "Starting " + profile.name + " using Java 1.8 with PID 1")});
      out.push_back(
          {serves, line(serves, "INFO", "Tomcat started on port(s): " + port + " (http)")});
      out.push_back({serves, line(serves, "INFO",
                                  "Started Application in " + took.substr(0, took.find('.') + 4) +
                                      " seconds")});
    } else if (is("nginx")) {
      out.push_back(
          {begins, stamp(begins, "%Y/%m/%d %H:%M:%S") + " [notice] 1#1: start worker processes"});
    } else {
      out.push_back({begins, line(begins, "INFO", "starting " + profile.name)});
      out.push_back({serves, line(serves, "INFO", "listening on port " + port)});
    }
  }

  std::string request(vtime t, const std::string& path, int status) const {
    auto code = std::to_string(status);
    if (is("python")) {
      return "10.42.0.1 - - [" + stamp(t, "%d/%b/%Y %H:%M:%S") + "] \"GET " + path +
             " HTTP/1.1\" " + code + " -";
    }
    if (is("nginx")) {
      return "10.42.0.1 - - [" + stamp(t, "%d/%b/%Y:%H:%M:%S +0000") + "] \"GET " + path +
             " HTTP/1.1\" " + code + " 612 \"-\" \"kube-probe/1.31\" \"-\"";
    }
    return line(t, status < 500 ? "INFO" : "ERROR", "GET " + path + " " + code);
  }

  std::string complaint(vtime t, const service_profile::call& call, bool refused) const {
    auto limit = std::to_string(static_cast<int>(call.timeout_s));
    if (is("python")) {
      auto why = refused ? "Failed to establish a new connection: [Errno 111] Connection refused"
                         : "Read timed out. (read timeout=" + limit + ")";
      return line(
          t, "ERROR",
          "call to " + call.to + " failed: HTTPConnectionPool(host='" + call.to + "'): " + why);
    }
    if (is("jvm")) {
      auto why = refused ? "java.net.ConnectException: Connection refused (Connection refused)"
                         : "java.net.SocketTimeoutException: Read timed out";
      return line(t, "ERROR", "I/O error on GET request for \"http://" + call.to + "\": " + why);
    }
    auto why = refused ? "connection refused" : "context deadline exceeded (" + limit + "s)";
    return line(t, "ERROR", "request to " + call.to + " failed: " + why);
  }
};

/// The first callee that does not do what it should, by the present state.
const service_profile::call* culprit(const app_traffic& app, const service_profile& profile,
                                     bool& refused) {
  static const flow_input nothing;
  const auto& input = app.input ? *app.input : nothing;
  const service_profile::call* found = nullptr;
  each_call(profile, [&](const auto& call) {
    auto now = input.find(call.to);
    bool nobody = now != input.end() &&
                  std::none_of(now->second.endpoints.begin(), now->second.endpoints.end(),
                               [](const auto& one) { return one.listening; });
    const auto is_slow = [&] {
      const auto* flow = app.flow().service(call.to);
      return flow && (flow->success < 0.99 || flow->p95_ms > call.timeout_s * 1000);
    };
    refused = nobody;
    if (nobody || is_slow()) found = &call;
    return found != nullptr;
  });
  return found;
}

/// Complaints for each stretch of time in which users saw failures.
void complain_of(const cluster& c, const speaker& who, vtime from, vtime to,
                 std::vector<said>& out) {
  auto app = c.traffic().apps.find(text_at(who.pod, {"metadata", "namespace"}));
  if (app == c.traffic().apps.end()) return;
  const auto& past = app->second.past;
  const service_profile::call* call = nullptr;
  bool refused = false;
  for (std::size_t i = 0; i < past.size(); ++i) {
    auto begins = past[i].from;
    auto ends = i + 1 < past.size() ? past[i + 1].from : to;
    if (ends <= from) continue;
    if (past[i].flow->users().success >= 0.99) continue;
    if (!call) call = culprit(app->second, who.profile, refused);
    if (!call) return;
    for (auto t = begins + between_complaints; t <= std::min(ends, to); t += between_complaints) {
      if (t > from) out.push_back({t, who.complaint(t, *call, refused), true});
    }
  }
}

/// A line for each health check and now and then one for a user's request.
void serve_lines(const speaker& who, const json& spec, vtime serves, vtime from, vtime to,
                 std::vector<said>& out) {
  auto every = [&](duration period, const std::string& path, duration offset) {
    auto newest = static_cast<std::int64_t>(most_lines / 2);
    auto first = std::max<std::int64_t>(0, (from - serves - offset) / period);
    auto last = (to - serves - offset) / period;
    for (auto n = std::max(first, last - newest); n <= last; ++n) {
      auto t = serves + offset + n * period;
      if (t > from && t <= to) out.push_back({t, who.request(t, path, 200)});
    }
  };
  const auto& probe_spec = at_path(spec, {"readinessProbe"});
  if (probe_spec.contains("httpGet")) {
    every(
        std::chrono::seconds{std::max<std::int64_t>(1, int_at(probe_spec, {"periodSeconds"}, 10))},
        text_at(probe_spec, {"httpGet", "path"}, "/"), std::chrono::milliseconds{300});
  }
  every(between_requests, "/", std::chrono::milliseconds{1700});
}

std::string port_text(const json& spec) {
  for (const auto& p : at_path(spec, {"ports"}))
    return std::to_string(int_at(p, {"containerPort"}));
  return "8080";
}

} // namespace

void bring_log_up_to_date(cluster& c, const std::string& pod_uid, const std::string& container) {
  const auto* rt = c.node().find(pod_uid);
  const auto* runs = rt ? rt->find(container) : nullptr;
  auto pod = rt ? c.objects().get("pods", {rt->ns, rt->name}) : object{};
  if (!pod || !runs || runs->started_at == vtime{} || runs->said_until >= c.now()) return;
  const auto* profile = profile_of(c, *pod, container);
  auto until = runs->ended ? runs->ended->finished : c.now();
  auto from = std::max(runs->said_until, runs->started_at - duration{1});
  if (until <= from) return;
  const auto& spec = container_spec(*pod, container);
  if (!profile || !runs->serves) {
    const auto started = runs->started_at;
    for (auto& one : lines_spoken(spec, resolve_environment(c, *pod, spec))) {
      const auto at = started + one.after;
      if (at > from && at <= until)
        append_log_at(c, pod_uid, container, at, std::move(one.text), one.is_error);
    }
    c.node().edit(pod_uid)->find(container)->said_until = until;
    return;
  }
  speaker who{*profile, *pod, port_text(spec)};
  std::vector<said> lines;
  who.start_up(runs->started_at, runs->serving_at, lines);
  std::erase_if(lines, [&](const auto& one) { return one.at <= from || one.at > until; });
  if (runs->serving_at < until) {
    serve_lines(who, spec, runs->serving_at, from, until, lines);
    complain_of(c, who, std::max(from, runs->serving_at), until, lines);
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  if (lines.size() > most_lines) {
    lines.erase(lines.begin(), lines.end() - static_cast<long>(most_lines));
  }
  for (auto& one : lines) {
    append_log_at(c, pod_uid, container, one.at, std::move(one.text), one.is_error);
  }
  c.node().edit(pod_uid)->find(container)->said_until = until;
}

} // namespace remed::env
