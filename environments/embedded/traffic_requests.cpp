// Single requests and health checks through the same model as the flow of users.
#include "environments/embedded/traffic_requests.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/prometheus/endpoint.hpp"
#include "environments/embedded/prometheus/metrics_source.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/embedded/traffic_pages.hpp"
#include "environments/embedded/traffic_pods.hpp"
#include "runtime/json.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace remed::env {

namespace {

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

/// What a request is asked for.
struct asked {
  std::string path;
  double timeout_s;
  int depth = 0;      ///< how many requests it is made for, one behind the other
  bool brief = false; ///< nobody reads the answer: how it ends and when is enough
};

/// The container of a pod that answers at a port.
struct request_end {
  request_end(const cluster& c, object at, std::int64_t to_port);
  /// Users' requests per second; told at the first question.
  double rps() const;
  /// What its readiness probe asks for.
  std::string health_path() const;

  object pod;
  std::int64_t port;
  known_pod known;
  container_view by;
  flow_container around;

private:
  mutable std::optional<double> rps_;
};

/// How requests of one client get to one host and port at this instant: found once for all.
class request_way {
public:
  request_way(const cluster& c, const json* client, const std::string& host, int port);
  request_outcome ask(const asked& what, random_source chance);

private:
  const request_end& end(std::size_t n);

  const cluster& c_;
  int port_;
  destination where_;
  std::string address_;
  flow_container own_; ///< the client's
  bool loopback_;
  bool open_ = true; ///< the Service has the port
  object service_;
  std::vector<object> pods_;
  std::vector<std::unique_ptr<request_end>> ends_; ///< by pod; those that were met
};

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

/// What the application calls itself.
std::string server_of(const container_view& by) {
  auto pages = pages_of(by);
  return pages.empty() ? server_name(by.profile) : pages;
}

/// Words the application's own answer. `missing`: a service it needed that gave none.
void say(const container_view& by, const std::string& path, const std::string& missing,
         request_outcome& out) {
  out.server = server_of(by);
  const auto pages = pages_of(by);
  if (!pages.empty()) {
    out.body = page(pages, path.empty() ? "/" : path, out.status);
    return;
  }
  auto body = json::object();
  body["service"] = by.profile ? by.profile->name : by.name;
  body["status"] = out.status == 500 ? "error" : "ok";
  if (!missing.empty()) body["error"] = "no answer from " + missing;
  out.body = dump(body);
}

/// What the pod answers after asking those it needs; without a path it needs nobody. Adds their
/// time.
request_outcome serve(const request_end& at, const asked& what, random_source chance,
                      bool loopback) {
  const auto& [c, known, container, profile, runs, common] = at.by;
  const auto& pod = *at.pod;
  const auto& around = at.around;
  const auto& path = what.path;
  request_outcome out;
  proxied proxy;
  if (!path.empty()) proxy.path = path;
  proxy.port = static_cast<int>(at.port);
  if (!loopback) proxy_request(c, pod, proxy);
  if (proxy.broken || proxy.aborted) {
    out.what = proxy.broken ? request_outcome::kind::refused : request_outcome::kind::reset;
    out.seconds = proxy.delay_ms / 1000 + 0.001;
    return out;
  }
  // What is wrong with the pod's link does not touch its loopback.
  auto ms = connect_extra_ms(loopback ? flow_container{} : around, chance.unit()) +
            serve_ms(profile, at.rps(), around, chance, loopback);
  if (profile && path == "/metrics") {
    out.seconds = ms / 1000;
    if (what.brief) return out;
    out.server = server_of(at.by);
    out.body = prometheus::exposition_of(c, pod, profile->service_name());
    return out;
  }
  std::string missing; // who did not answer
  // A health path answers for itself; any other needs the callees.
  const bool alone = path.empty() || path == at.health_path();
  for (const auto* call : alone ? no_calls : calls_of(profile, path, chance)) {
    if (what.depth >= deepest_call) break;
    // The same call made again takes as long again; it is followed once.
    auto often = std::floor(call->per_request + chance.unit());
    if (often < 1) continue;
    auto [host, callee_port] = address_of(c, pod, call->to);
    request_outcome theirs;
    bool fine = false;
    for (int attempt = 0; attempt <= call->retries && !fine; ++attempt) {
      theirs = request_way(c, &pod, host, callee_port)
                   .ask({"/", call->timeout_s, what.depth + 1, true},
                        chance.split(call->to + std::to_string(attempt)));
      ms += theirs.seconds * 1000 * often;
      fine = theirs.what == request_outcome::kind::answered && theirs.status < 500;
    }
    if (fine || !call->required) continue;
    out.status = 500;
    missing = call->to;
    break;
  }
  if (around.failure > 0 && chance.unit() < around.failure) out.status = 500;
  if (!what.brief) say(at.by, path, missing, out);
  if (!loopback) proxy_response(c, pod, out.status, proxy);
  if (proxy.aborted) out.what = request_outcome::kind::reset;
  out.status = proxy.status.value_or(out.status);
  out.seconds = (ms + around.app_ms + proxy.delay_ms) / 1000;
  if (what.brief) return out;
  out.body = proxy.body.value_or(out.body);
  for (const auto& patch : proxy.body_patches) {
    auto now = json::parse(out.body, nullptr, false), change = json::parse(patch, nullptr, false);
    if (now.is_discarded() || change.is_discarded()) continue;
    now.merge_patch(change);
    out.body = now.dump();
  }
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

request_end::request_end(const cluster& c, object at, std::int64_t to_port)
    : pod(std::move(at)),
      port(to_port),
      known(pod),
      by(c, known, container_of_port(c, *pod, to_port)),
      around(surroundings(by)) {}

double request_end::rps() const {
  if (!rps_) rps_ = pod_rps(by.c, by.profile, *pod);
  return *rps_;
}

std::string request_end::health_path() const {
  for (const auto& one : at_path(*pod, {"spec", "containers"})) {
    if (text_at(one, {"name"}) == by.name)
      return text_at(one, {"readinessProbe", "httpGet", "path"});
  }
  return {};
}

request_way::request_way(const cluster& c, const json* client, const std::string& host, int port)
    : c_(c),
      port_(port),
      where_(resolve(c, client, host)),
      loopback_(where_.address == "127.0.0.1") {
  address_ = where_.address + ":" + std::to_string(port);
  if (client && !loopback_) own_ = surroundings(c, *client, main_container(*client));
  if (where_.service.empty()) {
    if (where_.pod) pods_.push_back(where_.pod);
  } else {
    service_ = c.objects().get("services", {where_.ns, where_.service});
    open_ = service_ && has_port(*service_, port);
    if (open_) pods_ = endpoint_pods(c, where_.ns, where_.service);
  }
  ends_.resize(pods_.size());
}

const request_end& request_way::end(std::size_t n) {
  auto& out = ends_[n];
  if (!out) {
    const auto to = service_ ? target_port(*service_, port_, *pods_[n]) : port_;
    out = std::make_unique<request_end>(c_, pods_[n], to);
  }
  return *out;
}

request_outcome request_way::ask(const asked& what, random_source chance) {
  using kind = request_outcome::kind;
  const auto limit = what.timeout_s;
  if (!where_.known) return failed(kind::no_name, 0.002, "");
  if (where_.external || own_.partitioned) return failed(kind::timed_out, limit, address_);
  if (where_.ns == prometheus::service_namespace && where_.service == prometheus::service_name &&
      port_ == prometheus::service_port)
    return ask_prometheus(c_, own_, what.path, limit, address_, chance);
  if (!open_) return failed(kind::timed_out, limit, address_);
  if (service_ && pods_.empty()) return failed(kind::refused, 0.001, address_);
  if (pods_.empty()) return failed(kind::timed_out, limit, address_);
  const auto& to = end(service_ ? chance.below(pods_.size()) : 0);
  if (to.port == prometheus::service_port && prometheus::is_server(*to.pod) &&
      accepts(c_, *to.pod, to.port))
    return ask_prometheus(c_, own_, what.path, limit, address_, chance);
  // A headless service's name is its pods' addresses.
  const auto address = where_.address != "None"
                           ? address_
                           : text_at(*to.pod, {"status", "podIP"}) + ":" + std::to_string(to.port);
  auto link = connect_extra_ms(own_, chance.unit()) + answer_extra_ms(own_, chance.unit());
  if (!loopback_) link += filters_ms(own_, to.around, chance.unit());
  if (!std::isfinite(link)) return failed(kind::timed_out, limit, address);
  if (to.by.name.empty() || !to.around.listening) {
    auto s = link / 1000 + 0.001;
    return s > limit ? failed(kind::timed_out, limit, address) : failed(kind::refused, s, address);
  }
  auto asks = what;
  asks.path.resize(std::min(asks.path.size(), asks.path.find('?')));
  auto out = serve(to, asks, chance.split("serve"), loopback_);
  out.seconds += link / 1000;
  out.address = address;
  if (out.seconds > limit) return failed(kind::timed_out, limit, address);
  return out;
}

} // namespace

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

double pod_rps(const cluster& c, const service_profile* profile, const json& spec) {
  if (!profile || profile->cpu_ms <= 0) return 0;
  const auto& flow = flow_in(c, text_at(spec, {"metadata", "namespace"}));
  return flow.busy_cores(profile->name, text_at(spec, {"metadata", "name"})) * 1000 /
         profile->cpu_ms;
}

double serve_ms(const service_profile* profile, double rps, const flow_container& around,
                random_source& chance, bool loopback) {
  auto answer = answer_extra_ms(loopback ? flow_container{} : around, chance.unit());
  if (!profile) return 1 + answer;
  auto rho = utilisation(around, rps, profile->cpu_ms, profile->threads);
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

static std::string request_name(const std::string& host, int port, const std::string& path,
                                std::string_view key) {
  return host + ":" + std::to_string(port) + path + "|" + std::string(key);
}

request_outcome send_request(const cluster& c, const json* client, const std::string& host,
                             int port, const std::string& path, double timeout_s,
                             std::string_view key) {
  return request_way(c, client, host, port)
      .ask({path, timeout_s}, chance_for(c, client, request_name(host, port, path, key)));
}

std::vector<request_outcome> time_requests(const cluster& c, const json* client,
                                           const std::string& host, int port,
                                           const std::string& path, double timeout_s,
                                           const std::vector<std::string>& keys) {
  std::vector<request_outcome> out;
  request_way way(c, client, host, port);
  for (const auto& key : keys) {
    out.push_back(way.ask({path, timeout_s, 0, true},
                          chance_for(c, client, request_name(host, port, path, key))));
  }
  return out;
}

bool is_accepting(const cluster& c, const json& pod, std::int64_t port) {
  return accepts(c, pod, port);
}

} // namespace remed::env
