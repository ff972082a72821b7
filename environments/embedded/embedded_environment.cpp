#include "environments/embedded/embedded_environment.hpp"

#include "environments/embedded/agent_rights.hpp"
#include "environments/embedded/measurements.hpp"
#include "environments/embedded/metrics.hpp"
#include "environments/embedded/shell/exec.hpp"
#include "environments/embedded/sight.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <utility>

namespace remed::env {

namespace {

std::string make_token(random_source& chance) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += chance.uuid();
  std::erase(out, '-');
  return out;
}

} // namespace

struct embedded_environment::parts {
  parts(const cluster& from, const system_profile& of, std::uint64_t seed)
      : ns(of.name),
        seen(of.name),
        users(of.users),
        load_rps(of.load_rps),
        c(from.fork(seed)),
        api(*c),
        chance(random_source{seed}.split("measurements")) {}

  result<std::shared_ptr<const tools::tls_identity>> tls() {
    if (tls_) return tls_;
    auto made = tools::tls_identity::generate();
    if (made) tls_ = *made;
    return made;
  }

  std::string ns;         ///< of the system
  sight seen;             ///< of its objects
  double users, load_rps; ///< as usual
  std::unique_ptr<cluster> c;
  api_server api;
  identity admin, agent, injector;
  tools::io_loop* loop = nullptr;
  std::shared_ptr<const tools::tls_identity> tls_;
  duration ahead{}; ///< how far the cluster's calendar is ahead of the world's
  random_source chance;
  std::shared_ptr<cluster_door> door; ///< goes before the API server does
};

embedded_environment::embedded_environment(const cluster& template_cluster,
                                           const system_profile& system, std::uint64_t seed,
                                           vtime start, visibility sight, hidden_rules hidden,
                                           tools::io_loop* loop, tools::sandbox_spec::mode sandbox,
                                           std::shared_ptr<const tools::tls_identity> tls)
    : parts_(std::make_unique<parts>(template_cluster, system, seed)) {
  auto& p = *parts_;
  p.loop = loop;
  p.tls_ = std::move(tls);
  if (start >= p.c->now())
    p.c->set_now(start);
  else
    p.ahead = p.c->now() - start;
  auto chance = random_source{seed}.split("identities");
  // What can be reached from outside must not be guessed from a seed, nor one token from another.
  auto token = [&] { return loop ? tools::random_token() : make_token(chance); };
  p.admin = {token(), "kubernetes-admin", {"system:masters"}};
  p.injector = {token(), injector_user, {"system:masters"}};
  p.agent = {token(), agent_user(system.name), {}};
  const bool visible = sight == visibility::visible;
  if (!visible) {
    p.agent.mask_injection = true;
    p.agent.hidden_groups = hidden.api_groups;
    p.agent.masked_annotation_prefix = hidden.annotation_prefix;
    p.agent.masked_annotation_suffixes = hidden.annotation_suffixes;
  }
  grant_agent_rights(*p.c, system.name, visible ? hidden.api_groups : std::vector<std::string>{});
  for (const auto& who : {p.admin, p.injector, p.agent}) p.api.add_identity(who);
  p.api.set_exec(make_exec_backend(loop, sandbox));
  p.api.set_loop(loop);
  p.c->settle();
}

embedded_environment::~embedded_environment() = default;

std::string embedded_environment::name_space() const {
  return parts_->ns;
}
vtime embedded_environment::now() const {
  return parts_->c->now();
}
cluster& embedded_environment::state() {
  return *parts_->c;
}
api_server& embedded_environment::api() {
  return parts_->api;
}
const identity& embedded_environment::administrator() const {
  return parts_->admin;
}
const identity& embedded_environment::agent() const {
  return parts_->agent;
}

void embedded_environment::request(tools::http_request request,
                                   std::function<void(tools::http_response)> done) {
  auto answer = parts_->api.call(parts_->injector, std::move(request));
  parts_->api.pump();
  done(std::move(answer));
}

void embedded_environment::observe(look at, std::function<void(result<observation>)> done) {
  const auto& c = *parts_->c;
  const auto& ns = parts_->ns;
  observation out;
  out.now = c.now();
  out.objects = parts_->seen.look(c.objects());
  out.pod_metrics = pod_metrics(c, ns, at.metrics_of.empty() ? "" : at.metrics_of + "-");
  out.effects.emplace();
  for (const auto& [id, e] : c.effects()) out.effects->push_back(e);
  out.ended = c.ended_effects();
  const auto to = std::min(at.window_to.value_or(c.now()), c.now());
  const auto from = std::min(at.window_from, to);
  out.slo = slo(c, from, to);
  out.downtime_s = harm_seconds(seen_by_users(c.traffic(), from, to), from, to, at.tolerated);
  const auto& audit = c.audit();
  out.audit_size = audit.size();
  for (auto i = at.audit_from; i < audit.size(); ++i) out.audit.push_back(audit[i]);
  done(std::move(out));
}

void embedded_environment::probe_network(const std::string& service, int count,
                                         std::function<void(result<transactions>)> done) {
  done(transactions_with(*parts_->c, name_space(), service, count, parts_->chance));
}

void embedded_environment::probe_disk(const std::string& service, const std::string& path,
                                      int count, std::function<void(result<double>)> done) {
  done(synced_write_ms(*parts_->c, name_space(), service, path, count, parts_->chance));
}

result<void> embedded_environment::set_load(double factor) {
  auto& traffic = parts_->c->traffic();
  auto changed = [&](const system_profile& from) {
    auto out = std::make_shared<system_profile>(from);
    out->users = parts_->users * factor;
    out->load_rps = parts_->load_rps * factor;
    return out;
  };
  if (traffic.system) traffic.system = changed(*traffic.system);
  auto app = traffic.apps.find(parts_->ns);
  if (app == traffic.apps.end()) return failure{errc::failed, "nobody uses this system"};
  app->second.profile = changed(*app->second.profile);
  app->second.input = nullptr; // what was seen of it was seen under another load
  traffic_touched(*parts_->c);
  parts_->c->settle();
  return {};
}

void embedded_environment::advance_to(vtime t) {
  parts_->c->advance_to(t + parts_->ahead);
  parts_->api.pump();
}

std::optional<vtime> embedded_environment::next_event() const {
  auto next = parts_->c->next_event();
  if (next) *next -= parts_->ahead;
  return next;
}

namespace {

std::string authority_of(result<std::shared_ptr<const tools::tls_identity>> tls) {
  return tls ? (*tls)->ca_pem : std::string{};
}

} // namespace

std::string embedded_environment::agent_kubeconfig(const std::string& url) const {
  return kubeconfig_yaml(url, url.rfind("https", 0) == 0 ? authority_of(parts_->tls()) : "",
                         parts_->agent, name_space());
}

std::string embedded_environment::admin_kubeconfig(const std::string& url) const {
  return kubeconfig_yaml(url, url.rfind("https", 0) == 0 ? authority_of(parts_->tls()) : "",
                         parts_->admin, name_space());
}

std::shared_ptr<tools::http_server> embedded_environment::serve_listener(int fd) {
  auto tls = parts_->tls();
  if (!parts_->loop || !tls) return nullptr;
  auto server = std::make_shared<tools::http_server>(
      *parts_->loop, [api = &parts_->api](const tools::http_request& r) { return api->handle(r); },
      listener_options(*tls));
  return server->adopt_listener(fd) ? server : nullptr;
}

result<std::pair<std::shared_ptr<tools::http_server>, std::uint16_t>>
embedded_environment::serve_port(std::uint16_t port) {
  auto tls = parts_->tls();
  if (!tls) return tls.why();
  if (!parts_->loop) return failure{errc::failed, "this environment has no event loop to serve on"};
  auto server = std::make_shared<tools::http_server>(
      *parts_->loop, [api = &parts_->api](const tools::http_request& r) { return api->handle(r); },
      listener_options(*tls));
  auto bound = server->listen(port);
  if (!bound) return bound.why();
  return std::pair{server, *bound};
}

result<std::string> embedded_environment::serve_behind(cluster_front& front,
                                                       const std::string& id) {
  auto door = front.open(id, parts_->api);
  if (!door) return door.why();
  parts_->door = std::move(*door);
  return front.url(id);
}

} // namespace remed::env
