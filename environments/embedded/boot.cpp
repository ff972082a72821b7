#include "environments/embedded/boot.hpp"

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/prometheus/endpoint.hpp"
#include "environments/embedded/traffic.hpp"

#include <utility>

namespace remed::env {

namespace {

/// Creates one object as an administrator would, or says why the API refuses.
result<void> apply(const cluster& c, api_server& api, const identity& admin, const json& manifest,
                   const std::string& default_ns) {
  auto version = text_at(manifest, {"apiVersion"}), kind = text_at(manifest, {"kind"});
  auto name = text_at(manifest, {"metadata", "name"});
  auto place = kind + " " + name;
  auto type = find_kind(c.objects(), version, kind);
  if (!type) {
    return failure{errc::bad_input,
                   place + ": no matches for kind \"" + kind + "\" in version \"" + version + "\""};
  }
  tools::http_request request;
  request.method = "POST";
  request.path = (type->group.empty() ? "/api/" : "/apis/") + type->api_version();
  if (type->namespaced) {
    request.path += "/namespaces/" + text_at(manifest, {"metadata", "namespace"}, default_ns);
  }
  request.path += "/" + type->plural;
  request.headers.set("Content-Type", "application/json");
  request.body = manifest.dump();
  auto answer = api.call(admin, std::move(request));
  if (answer.status < 300) return {};
  auto status = json::parse(answer.body, nullptr, false);
  if (answer.status == 409 && text_at(status, {"reason"}) == "AlreadyExists") return {};
  return failure{errc::bad_input, place + ": " + text_at(status, {"message"}, answer.body)};
}

/// Why a workload's containers wait, in words.
std::string waiting_for(const cluster& c, const json& workload) {
  std::string text;
  for (const auto& pod : c.objects().list("pods", text_at(workload, {"metadata", "namespace"}))) {
    if (!selects(at_path(workload, {"spec", "selector"}), at_path(*pod, {"metadata", "labels"})))
      continue;
    for (const auto& one : at_path(*pod, {"status", "containerStatuses"})) {
      auto reason = text_at(one, {"state", "waiting", "reason"});
      if (reason.empty()) continue;
      text += "; container " + text_at(one, {"name"}) + ": " + reason + " " +
              text_at(one, {"state", "waiting", "message"});
    }
  }
  return text;
}

/// How a kind of workload says how many pods it wants and how many serve.
struct workload_kind {
  const char* table;
  const char* word;
  std::vector<const char*> wanted, ready, updated; ///< paths
};

/// The first workload that is not there yet, in words; empty: all are.
std::string not_ready(const cluster& c) {
  static const workload_kind kinds[] = {
      {"deployments.apps",
       "deployment",
       {"spec", "replicas"},
       {"status", "availableReplicas"},
       {"status", "updatedReplicas"}},
      {"statefulsets.apps",
       "statefulset",
       {"spec", "replicas"},
       {"status", "availableReplicas"},
       {"status", "updatedReplicas"}},
      {"daemonsets.apps",
       "daemonset",
       {"status", "desiredNumberScheduled"},
       {"status", "numberAvailable"},
       {"status", "updatedNumberScheduled"}},
  };
  for (const auto& kind : kinds) {
    for (const auto& d : c.objects().list(kind.table)) {
      auto number = [&](const std::vector<const char*>& path, std::int64_t otherwise) {
        return int_at(*d, {path[0], path[1]}, otherwise);
      };
      auto wanted = number(kind.wanted, 1), have = number(kind.ready, 0);
      bool seen =
          int_at(*d, {"status", "observedGeneration"}) >= int_at(*d, {"metadata", "generation"}, 1);
      if (seen && have >= wanted && number(kind.updated, 0) >= wanted) continue;
      return std::string(kind.word) + " " + text_at(*d, {"metadata", "name"}) + ": " +
             std::to_string(have) + " of " + std::to_string(wanted) + " available" +
             waiting_for(c, *d);
    }
  }
  return {};
}

} // namespace

result<std::unique_ptr<cluster>> boot(const system_profile& system, cluster_rules rules,
                                      boot_options options) {
  auto c = std::make_unique<cluster>(std::make_shared<const cluster_rules>(std::move(rules)),
                                     options.machine, options.start, options.seed);
  install_basics(*c);
  set_system(*c, system);
  api_server api(*c);
  identity admin{"", "kubernetes-admin", {"system:masters"}, false};
  for (const auto& manifest : system.manifests) {
    if (auto done = apply(*c, api, admin, manifest, system.name); !done) {
      return done.why().in("system " + system.name);
    }
    c->settle();
  }
  for (const auto& manifest : prometheus::service_manifests()) {
    if (auto done = apply(*c, api, admin, manifest, ""); !done) return done.why();
  }
  auto limit = c->now() + options.ready_limit;
  for (auto missing = not_ready(*c); !missing.empty(); missing = not_ready(*c)) {
    auto next = c->next_event();
    if (!next || *next > limit) {
      return failure{errc::timed_out,
                     "system " + system.name + " is not ready after " +
                         std::to_string(static_cast<long>(seconds(options.ready_limit))) +
                         " s: " + missing};
    }
    c->advance_to(*next);
  }
  // Whoever measured while it started forgets that, and so does the audit log.
  c->audit().clear();
  return c;
}

} // namespace remed::env
