// Health checks as the kubelet makes them, through the same model as requests.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/traffic_pages.hpp"
#include "environments/embedded/traffic_requests.hpp"
#include "runtime/json.hpp"

#include <algorithm>

namespace remed::env {

namespace {

/// A small compiled program that starts and asks once. Services measured under CPU stress, with
/// such checks and a limit of one second, were not restarted for it.
constexpr double exec_probe_cpu_ms = 6;
/// What the container runtime needs to start it, outside the container's cgroup.
constexpr double exec_start_ms = 30;

/// One draw of the time that a program started in the container needs beside what runs there.
double exec_cpu_ms(const cluster& c, const json& pod, flow_container around,
                   const service_profile* profile, random_source& chance) {
  const auto u = std::clamp(chance.unit(), 0.01, 0.99);
  if (!profile) return cpu_draw_ms(around, exec_probe_cpu_ms, 0, u);
  const auto rho = utilisation(around, pod_rps(c, profile, pod), profile->cpu_ms, profile->threads);
  if (profile->threads == 0) return cpu_draw_ms(around, exec_probe_cpu_ms, rho, u);
  // However much it has to do, a program of few threads is no more than so many competitors.
  around.hog_threads += profile->threads * std::min(1.0, rho);
  return cpu_draw_ms(around, exec_probe_cpu_ms, 0, u);
}

std::string deadline_text(const std::string& url) {
  return "Get \"" + url +
         "\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
}

probe_outcome probe_network(const cluster& c, const json& pod, const std::string& container,
                            const json& spec, double limit, random_source& chance) {
  auto http = spec.contains("httpGet");
  auto grpc = spec.contains("grpc");
  const auto& how = http ? spec["httpGet"] : grpc ? spec["grpc"] : spec["tcpSocket"];
  auto port = port_number(at_path(how, {"port"}), pod, container);
  auto host = text_at(how, {"host"}, text_at(pod, {"status", "podIP"}));
  auto address = host + ":" + std::to_string(port);
  auto scheme = text_at(how, {"scheme"}) == "HTTPS" ? "https://" : "http://";
  auto path = text_at(how, {"path"}, "/");
  if (path.empty() || path[0] != '/') path = "/" + path;
  auto url = scheme + address + path;
  const known_pod known(c.objects(), pod);
  const container_view by(c, known, container);
  const auto around = surroundings(by);
  auto connect = 0.3 + connect_extra_ms(around, chance.unit());
  probe_outcome out;
  if (connect / 1000 > limit) {
    out = {false, limit, http ? deadline_text(url) : "dial tcp " + address + ": i/o timeout"};
    if (grpc)
      out.message = "timeout: failed to connect service \"" + address + "\" within " +
                    json(static_cast<int>(limit)).dump() + "s: context deadline exceeded";
    return out;
  }
  if (!is_accepting(c, pod, port)) {
    auto dial = "dial tcp " + address + ": connect: connection refused";
    if (http) return {false, connect / 1000, "Get \"" + url + "\": " + dial};
    if (!grpc) return {false, connect / 1000, dial};
    return {false, limit,
            "timeout: failed to connect service \"" + address + "\" within " +
                json(static_cast<int>(limit)).dump() + "s: context deadline exceeded"};
  }
  // The kernel accepts by itself; only a request needs the application.
  if (!http && !grpc) return {true, connect / 1000, ""};
  proxied proxy;
  proxy.path = path;
  proxy.port = static_cast<int>(port);
  if (http) {
    proxy_request(c, pod, proxy);
    proxy_response(c, pod, 200, proxy);
  }
  if (proxy.broken) {
    return {false, connect / 1000,
            "Get \"" + url + "\": dial tcp " + address + ": connect: connection refused"};
  }
  if (proxy.aborted) return {false, connect / 1000, "Get \"" + url + "\": EOF"};
  auto took = (connect + serve_ms(by.profile, pod_rps(c, by.profile, pod), around, chance) +
               proxy.delay_ms) /
              1000;
  if (took <= limit && proxy.status.value_or(200) >= 400) {
    return {false, took, "HTTP probe failed with statuscode: " + std::to_string(*proxy.status)};
  }
  if (took > limit) return {false, limit, http ? deadline_text(url) : "service unhealthy: timeout"};
  int status = 200;
  if (auto pages = pages_of(by); http && !pages.empty()) page(pages, path, status);
  if (status >= 400) {
    return {false, took, "HTTP probe failed with statuscode: " + std::to_string(status)};
  }
  return {true, took, ""};
}

/// What a command prints when nobody listens: a kubelet reports that as it is.
std::string said_by_check(const json& argv) {
  if (argv.empty() || !argv[0].get<std::string>().ends_with("grpc_health_probe")) return {};
  std::string address;
  for (const auto& word : argv) {
    const auto text = word.get<std::string>();
    if (text.starts_with("-addr=")) address = text.substr(6);
  }
  return "timeout: failed to connect service \"" + address + "\" within 1s";
}

} // namespace

probe_outcome probe(const cluster& c, const json& pod, const std::string& container,
                    const json& probe_spec) {
  auto limit =
      static_cast<double>(std::max<std::int64_t>(1, int_at(probe_spec, {"timeoutSeconds"}, 1)));
  auto chance = chance_for(c, &pod, "probe|" + container + "|" + probe_spec.dump());
  if (!probe_spec.contains("exec")) {
    if (!probe_spec.contains("httpGet") && !probe_spec.contains("tcpSocket") &&
        !probe_spec.contains("grpc")) {
      return {true, 0, ""};
    }
    return probe_network(c, pod, container, probe_spec, limit, chance);
  }
  auto argv = at_path(probe_spec, {"exec", "command"});
  std::string line;
  for (const auto& word : argv) line += (line.empty() ? "" : " ") + word.get<std::string>();
  auto around = surroundings(c, pod, container);
  const auto* profile = profile_of(c, pod, container);
  auto took = (exec_start_ms + exec_cpu_ms(c, pod, around, profile, chance)) / 1000;
  if (took > limit) return {false, limit, "command \"" + line + "\" timed out"};
  // A command that asks the application fails until it listens.
  if (profile && !around.listening) return {false, took, said_by_check(argv)};
  return {true, took, ""};
}

} // namespace remed::env
