// Single requests and health checks through the same model as the flow of users.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/prometheus/endpoint.hpp"
#include "environments/embedded/prometheus/metrics_source.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/embedded/traffic_pods.hpp"
#include "runtime/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace remed::env {

namespace {

/// A small compiled program that starts and asks once. Services measured under CPU stress, with
/// such checks and a limit of one second, were not restarted for it.
constexpr double exec_probe_cpu_ms = 6;
/// What the container runtime needs to start it, outside the container's cgroup.
constexpr double exec_start_ms = 30;
constexpr int deepest_call = 8;

std::string main_container(const json& pod) {
  const auto& all = at_path(pod, {"spec", "containers"});
  return all.is_array() && !all.empty() ? text_at(all[0], {"name"}) : std::string{};
}

/// The container of the pod that declares the port, or serves on it without saying so.
std::string container_of_port(const cluster& c, const json& pod, std::int64_t port) {
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    const auto& ports = at_path(one, {"ports"});
    if (!ports.is_array()) continue;
    for (const auto& p : ports) {
      if (int_at(p, {"containerPort"}) == port) return text_at(one, {"name"});
    }
  }
  const auto* runs = c.node().find(text_at(pod, {"metadata", "uid"}));
  if (!runs) return {};
  auto silent = std::find_if(runs->containers.begin(), runs->containers.end(),
                             [&](const auto& one) { return one.serves && one.own_port == port; });
  return silent == runs->containers.end() ? std::string{} : silent->name;
}

bool accepts(const cluster& c, const json& pod, std::int64_t port) {
  auto name = container_of_port(c, pod, port);
  if (name.empty()) return false;
  return surroundings(c, pod, name).listening;
}

/// A probe's or a service's port, by number or name.
std::int64_t port_number(const json& value, const json& pod, const std::string& container) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return 0;
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    if (!container.empty() && text_at(one, {"name"}) != container) continue;
    const auto& ports = at_path(one, {"ports"});
    if (!ports.is_array()) continue;
    for (const auto& p : ports) {
      if (text_at(p, {"name"}) == value.get<std::string>()) return int_at(p, {"containerPort"});
    }
  }
  return 0;
}

double pod_rps(const cluster& c, const service_profile& profile, const json& spec) {
  if (profile.cpu_ms <= 0) return 0;
  const auto& flow = flow_in(c, text_at(spec, {"metadata", "namespace"}));
  return flow.busy_cores(profile.name, text_at(spec, {"metadata", "name"})) * 1000 / profile.cpu_ms;
}

/// Time one request over a standing connection needs in a container and on its way back, without
/// callees; ms.
double serve_ms(const cluster& c, const json& pod, const service_profile* profile,
                const flow_container& around, random_source& chance, bool loopback = false) {
  auto answer = answer_extra_ms(loopback ? flow_container{} : around, chance.unit());
  if (!profile) return 1 + answer;
  auto rho = utilisation(around, pod_rps(c, *profile, pod), profile->cpu_ms, profile->threads);
  if (rho > 1 && chance.unit() > 1 / rho) return std::numeric_limits<double>::infinity();
  auto u = std::clamp(chance.unit(), 0.01, 0.99);
  return std::max(0.3, profile->latency_ms - profile->cpu_ms) + around.io_delay_ms + answer +
         service_draw_ms(around, *profile, rho, u, std::clamp(chance.unit(), 0.01, 0.99));
}

random_source chance_for(const cluster& c, const json* client, std::string_view what) {
  auto who = client ? text_at(*client, {"metadata", "uid"}) : std::string("node");
  return c.traffic().chance.split(who + "|" + std::string(what) + "|" +
                                  std::to_string(c.now().time_since_epoch().count()));
}

request_outcome ask(const cluster& c, const json* client, const std::string& host, int port,
                    const std::string& path, double timeout_s, random_source chance, int depth);

/// "nginx", "httpd" when that is what the container runs without being part of the system.
std::string pages_of(const container_view& of) {
  const auto* runs = of.runs;
  if (!runs || runs->processes.empty() || (of.profile && !of.profile->inferred)) return {};
  const auto& program = runs->processes.front().comm;
  return program == "nginx" || program == "httpd" ? program : std::string{};
}

std::string server_name(const service_profile* profile) {
  static const std::map<std::string, std::string> names{{"python", "Werkzeug/3.0.1 Python/3.9.18"},
                                                        {"nginx", "nginx"},
                                                        {"node", "Express"},
                                                        {"dotnet", "Kestrel"}};
  auto found = profile ? names.find(profile->runtime) : names.end();
  return found == names.end() ? std::string{} : found->second;
}

/// A web server that nobody gave any content.
std::string page(const std::string& server, const std::string& path, int& status) {
  if (server == "httpd" && path == "/") return "<html><body><h1>It works!</h1></body></html>\n";
  if (path == "/" || path == "/index.html") {
    return "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n"
           "<h1>Welcome to nginx!</h1>\n<p>If you see this page, the nginx web server is "
           "successfully installed and\nworking. Further configuration is required.</p>\n"
           "</body>\n</html>\n";
  }
  status = 404;
  return "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not "
         "Found</h1></center>\r\n<hr><center>" +
         server + "</center>\r\n</body>\r\n</html>\r\n";
}

using call_list = std::vector<const service_profile::call*>;
const call_list no_calls;

/// The calls of one request: each request's, and those of the route its path names; a path that
/// names none takes any.
call_list calls_of(const service_profile* profile, const std::string& path, random_source& chance) {
  call_list out;
  if (!profile) return out;
  for (const auto& call : profile->calls) out.push_back(&call);
  const service_profile::route* taken = nullptr;
  double total = 0;
  for (const auto& route : profile->routes) {
    total += route.share;
    auto named = path.rfind(route.path, 0) == 0 && route.path.size() > 1;
    if (path == route.path || (named && (!taken || taken->path.size() < route.path.size())))
      taken = &route;
  }
  auto u = chance.unit() * total;
  for (const auto& route : profile->routes) {
    if (taken) break;
    u -= route.share;
    if (u < 0) taken = &route;
  }
  for (std::size_t i = 0; taken && i < taken->calls.size(); ++i) out.push_back(&taken->calls[i]);
  return out;
}

/// The Service, and its first port, of a workload that the pod calls.
std::pair<std::string, int> address_of(const cluster& c, const json& pod, const std::string& to) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  auto app = c.traffic().apps.find(ns);
  auto host = to;
  if (app != c.traffic().apps.end()) {
    auto callee = app->second.profile->services.find(to);
    if (callee != app->second.profile->services.end()) host = callee->second.service_name();
  }
  auto service = c.objects().get("services", {ns, host});
  if (!service) return {host, 80};
  const auto& ports = at_path(*service, {"spec", "ports"});
  auto known = ports.is_array() && !ports.empty();
  return {host, known ? static_cast<int>(int_at(ports[0], {"port"})) : 80};
}

/// How far the clock of a container's application is off.
duration clock_offset(const cluster& c, const json& pod, const std::string& container) {
  duration out{};
  for (const auto& [id, e] : c.effects()) {
    if (e.kind != "time_skew" || e.container != container) continue;
    if (e.pod_uid != text_at(pod, {"metadata", "uid"})) continue;
    const auto& clocks = at_path(e.params, {"clocks"});
    const bool real = !clocks.is_array() ||
                      std::find(clocks.begin(), clocks.end(), "CLOCK_REALTIME") != clocks.end();
    if (real) out += duration{e.params.value("offset_us", std::int64_t{0})};
  }
  return out;
}

/// What the pod answers after asking those it needs; without a path it needs nobody. Adds their
/// time.
request_outcome serve(const container_view& by, const flow_container& around,
                      const std::string& path, int port, random_source chance, int depth,
                      bool loopback) {
  const auto& c = by.c;
  const auto& pod = by.pod.as_json();
  const auto& container = by.name;
  const auto* profile = by.profile;
  request_outcome out;
  proxied proxy;
  if (!path.empty()) proxy.path = path;
  proxy.port = port;
  if (!loopback) proxy_request(c, pod, proxy);
  if (proxy.broken || proxy.aborted) {
    out.what = proxy.broken ? request_outcome::kind::refused : request_outcome::kind::reset;
    out.seconds = proxy.delay_ms / 1000 + 0.001;
    return out;
  }
  // What is wrong with the pod's link does not touch its loopback.
  auto ms = connect_extra_ms(loopback ? flow_container{} : around, chance.unit()) +
            serve_ms(c, pod, profile, around, chance, loopback);
  auto body = json::object();
  body["service"] = profile ? profile->name : container;
  body["status"] = "ok";
  auto static_pages = pages_of(by);
  out.server = static_pages.empty() ? server_name(profile) : static_pages;
  if (profile && path == "/metrics") {
    out.seconds = ms / 1000;
    out.body = prometheus::exposition_of(c, pod, profile->service_name());
    return out;
  }
  // A health path answers for itself; any other needs the callees.
  std::string health;
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    if (text_at(one, {"name"}) == container)
      health = text_at(one, {"readinessProbe", "httpGet", "path"});
  }
  for (const auto* call :
       path.empty() || path == health ? no_calls : calls_of(profile, path, chance)) {
    if (depth >= deepest_call) break;
    // The same call made again takes as long again; it is followed once.
    auto often = std::floor(call->per_request + chance.unit());
    if (often < 1) continue;
    auto [host, callee_port] = address_of(c, pod, call->to);
    request_outcome theirs;
    bool fine = false;
    for (int attempt = 0; attempt <= call->retries && !fine; ++attempt) {
      theirs = ask(c, &pod, host, callee_port, "/", call->timeout_s,
                   chance.split(call->to + std::to_string(attempt)), depth + 1);
      ms += theirs.seconds * 1000 * often;
      fine = theirs.what == request_outcome::kind::answered && theirs.status < 500;
    }
    if (fine || !call->required) continue;
    out.status = 500;
    body["status"] = "error";
    body["error"] = "no answer from " + call->to;
    break;
  }
  if (around.failure > 0 && chance.unit() < around.failure) {
    out.status = 500;
    body["status"] = "error";
  }
  out.body =
      static_pages.empty() ? dump(body) : page(static_pages, path.empty() ? "/" : path, out.status);
  if (!loopback) proxy_response(c, pod, out.status, proxy);
  if (proxy.aborted) out.what = request_outcome::kind::reset;
  out.status = proxy.status.value_or(out.status);
  out.body = proxy.body.value_or(out.body);
  for (const auto& patch : proxy.body_patches) {
    auto now = json::parse(out.body, nullptr, false), change = json::parse(patch, nullptr, false);
    if (now.is_discarded() || change.is_discarded()) continue;
    now.merge_patch(change);
    out.body = now.dump();
  }
  out.seconds = (ms + around.app_ms + proxy.delay_ms) / 1000;
  out.date = rfc3339(c.now() + clock_offset(c, pod, container));
  return out;
}

/// The endpoint's port a service's port leads to; 0 when the service has no such port.
std::int64_t target_port(const json& service, int port, const json& pod) {
  const auto& ports = at_path(service, {"spec", "ports"});
  if (!ports.is_array()) return 0;
  for (const auto& p : ports) {
    if (int_at(p, {"port"}) != port) continue;
    const auto& target = at_path(p, {"targetPort"});
    return target.is_null() ? port : port_number(target, pod, "");
  }
  return 0;
}

bool has_port(const json& service, int port) {
  const auto& ports = at_path(service, {"spec", "ports"});
  if (!ports.is_array()) return false;
  return std::any_of(ports.begin(), ports.end(),
                     [&](const json& p) { return int_at(p, {"port"}) == port; });
}

request_outcome failed(request_outcome::kind what, double s, std::string address) {
  request_outcome out;
  out.what = what;
  out.status = 0;
  out.seconds = s;
  out.address = std::move(address);
  return out;
}

request_outcome ask_prometheus(const cluster& c, const flow_container& own, const std::string& path,
                               double timeout_s, const std::string& address,
                               random_source& chance) {
  auto link = connect_extra_ms(own, chance.unit()) + answer_extra_ms(own, chance.unit());
  request_outcome out;
  out.seconds = 0.004 + link / 1000;
  if (out.seconds > timeout_s) return failed(request_outcome::kind::timed_out, timeout_s, address);
  auto said = prometheus::respond(c, path);
  out.status = said.status;
  out.body = std::move(said.body);
  out.address = address;
  return out;
}

/// What filters between two pods add to a request, both ways; ms.
double filters_ms(const flow_container& from, const flow_container& to, double u) {
  if (from.filters.empty() && to.filters.empty()) return 0;
  double out = 0;
  for (const auto& link : {filtered_link(from, to.address), filtered_link(to, from.address)}) {
    out += connect_extra_ms(link, u) + answer_extra_ms(link, 1 - u);
  }
  return out;
}

request_outcome ask(const cluster& c, const json* client, const std::string& host, int port,
                    const std::string& path, double timeout_s, random_source chance, int depth) {
  using kind = request_outcome::kind;
  auto own = client ? surroundings(c, *client, main_container(*client)) : flow_container{};
  auto where = resolve(c, client, host);
  if (!where.known) return failed(kind::no_name, 0.002, "");
  auto address = where.address + ":" + std::to_string(port);
  bool loopback = where.address == "127.0.0.1";
  if (loopback) own = {};
  if (where.external || own.partitioned) return failed(kind::timed_out, timeout_s, address);
  if (where.ns == prometheus::service_namespace && where.service == prometheus::service_name &&
      port == prometheus::service_port)
    return ask_prometheus(c, own, path, timeout_s, address, chance);
  object pod = where.pod;
  std::int64_t to_port = port;
  if (!where.service.empty()) {
    auto service = c.objects().get("services", {where.ns, where.service});
    if (!service || !has_port(*service, port)) return failed(kind::timed_out, timeout_s, address);
    auto pods = endpoint_pods(c, where.ns, where.service);
    if (pods.empty()) return failed(kind::refused, 0.001, address);
    pod = pods[chance.below(pods.size())];
    to_port = target_port(*service, port, *pod);
  }
  if (!pod) return failed(kind::timed_out, timeout_s, address);
  if (to_port == prometheus::service_port && prometheus::is_server(*pod) &&
      accepts(c, *pod, to_port))
    return ask_prometheus(c, own, path, timeout_s, address, chance);
  // A headless service's name is its pods' addresses.
  if (where.address == "None")
    address = text_at(*pod, {"status", "podIP"}) + ":" + std::to_string(to_port);
  auto link = connect_extra_ms(own, chance.unit()) + answer_extra_ms(own, chance.unit());
  const known_pod known(pod);
  const container_view by(c, known, container_of_port(c, *pod, to_port));
  const auto around = surroundings(by);
  if (!loopback) link += filters_ms(own, around, chance.unit());
  if (!std::isfinite(link)) return failed(kind::timed_out, timeout_s, address);
  if (by.name.empty() || !around.listening) {
    auto s = link / 1000 + 0.001;
    return s > timeout_s ? failed(kind::timed_out, timeout_s, address)
                         : failed(kind::refused, s, address);
  }
  auto out = serve(by, around, path.substr(0, path.find('?')), static_cast<int>(to_port),
                   chance.split("serve"), depth, loopback);
  out.seconds += link / 1000;
  out.address = address;
  if (out.seconds > timeout_s) return failed(kind::timed_out, timeout_s, address);
  return out;
}

/// One draw of the time that a program started in the container needs beside what runs there.
double exec_cpu_ms(const cluster& c, const json& pod, flow_container around,
                   const service_profile* profile, random_source& chance) {
  const auto u = std::clamp(chance.unit(), 0.01, 0.99);
  if (!profile) return cpu_draw_ms(around, exec_probe_cpu_ms, 0, u);
  const auto rho =
      utilisation(around, pod_rps(c, *profile, pod), profile->cpu_ms, profile->threads);
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
  if (!accepts(c, pod, port)) {
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
  auto took = (connect + serve_ms(c, pod, by.profile, around, chance) + proxy.delay_ms) / 1000;
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

} // namespace

request_outcome send_request(const cluster& c, const json* client, const std::string& host,
                             int port, const std::string& path, double timeout_s,
                             std::string_view key) {
  auto what = host + ":" + std::to_string(port) + path + "|" + std::string(key);
  return ask(c, client, host, port, path, timeout_s, chance_for(c, client, what), 0);
}

bool is_accepting(const cluster& c, const json& pod, std::int64_t port) {
  return accepts(c, pod, port);
}

/// What a command prints when nobody listens: a kubelet reports that as it is.
static std::string said_by_check(const json& argv) {
  if (argv.empty() || !argv[0].get<std::string>().ends_with("grpc_health_probe")) return {};
  std::string address;
  for (const auto& word : argv) {
    const auto text = word.get<std::string>();
    if (text.starts_with("-addr=")) address = text.substr(6);
  }
  return "timeout: failed to connect service \"" + address + "\" within 1s";
}

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
