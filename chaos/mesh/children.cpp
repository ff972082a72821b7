#include "chaos/mesh/children.hpp"

#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/node/state.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

failure refused(std::string what) {
  return {errc::refused, std::move(what)};
}

json new_child(const std::string& resource, const json& pod) {
  auto out = json::object();
  out["apiVersion"] = api_version;
  out["kind"] = resource == network_child ? "PodNetworkChaos" : "PodIOChaos";
  auto& meta = out["metadata"] = json::object();
  meta["name"] = text_at(pod, {"metadata", "name"});
  meta["namespace"] = text_at(pod, {"metadata", "namespace"});
  auto owner = json::object();
  owner["apiVersion"] = "v1";
  owner["kind"] = "Pod";
  owner["name"] = meta["name"];
  owner["uid"] = text_at(pod, {"metadata", "uid"});
  meta["ownerReferences"] = json::array({owner});
  out["spec"] = json::object();
  return out;
}

bool belongs(const json& child, const json& pod) {
  for (const auto& owner : at_path(child, {"metadata", "ownerReferences"})) {
    if (owner.value("uid", "") == text_at(pod, {"metadata", "uid"})) return true;
  }
  return false;
}

/// Ends those effects of a pod that are no longer wanted and begins those that are new.
void match(env::cluster& c, const std::string& pod_uid, const std::string& prefix,
           std::vector<env::effect> wanted) {
  std::vector<std::uint64_t> over;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid != pod_uid || e.kind.rfind(prefix, 0) != 0) continue;
    auto same = std::find_if(wanted.begin(), wanted.end(), [&e = e](const env::effect& w) {
      return w.kind == e.kind && w.params == e.params && w.source == e.source &&
             w.instance == e.instance;
    });
    if (same == wanted.end())
      over.push_back(id);
    else
      wanted.erase(same);
  }
  for (auto id : over) {
    const auto pod = c.effects().at(id).pod, ns = c.effects().at(id).ns;
    c.end_effect(id, "undone");
    notice(c, ns, pod);
  }
  for (auto& e : wanted) begin_effect(c, std::move(e));
}

double share(const json& from, std::initializer_list<std::string_view> path) {
  return
      [](const result<double>& r) { return r ? *r : 0.0; }(parse_float(text_at(from, path, "0")));
}

double millis(const std::string& text) {
  auto parsed = parse_duration(text);
  return parsed ? seconds(*parsed) * 1000 : 0;
}

void finish(env::cluster& c, const std::string& resource, json child, const std::string& problem) {
  auto& status = child["status"];
  if (status.is_null()) status = json::object();
  status["observedGeneration"] = at_path(child, {"metadata", "generation"});
  if (problem.empty())
    status.erase("failedMessage");
  else
    status["failedMessage"] = problem;
  if (!problem.empty()) say(c, child, "podchaos", "Warning", "Failed", problem, "failed");
  write(c, resource, std::move(child), false);
}

/// The child and its pod when there is something to do.
struct work {
  env::object child, pod;
};
work open(env::cluster& c, const std::string& resource, const object_key& key) {
  work out;
  out.child = c.objects().get(resource, key);
  if (!out.child) return {};
  const auto& seen = at_path(*out.child, {"status", "observedGeneration"});
  if (seen == at_path(*out.child, {"metadata", "generation"})) return {};
  out.pod = c.objects().get("pods", key);
  if (!out.pod || !belongs(*out.child, *out.pod)) return {};
  return out;
}

bool is_mount(const json& pod, const std::string& container, const std::string& path) {
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    if (text_at(one, {"name"}) != container) continue;
    for (const auto& mount : at_path(one, {"volumeMounts"})) {
      auto place = text_at(mount, {"mountPath"});
      while (place.size() > 1 && place.ends_with('/')) place.pop_back();
      if (place == path) return true;
    }
  }
  return false;
}

} // namespace

result<std::int64_t> commit(env::cluster& c, const std::string& resource, const std::string& field,
                            const object_key& pod_key, const std::string& source,
                            const json& entries, const json& extra) {
  auto pod = c.objects().get("pods", pod_key);
  if (!pod) return refused("pod not found");
  auto found = c.objects().get(resource, pod_key);
  if (found && !belongs(*found, *pod)) found = nullptr; // of a pod of the same name before
  if (!found && text_at(*pod, {"status", "phase"}) != "Running") return refused("pod not running");
  auto child = found ? *found : new_child(resource, *pod);
  auto kept = json::array();
  for (const auto& entry : at_path(child, {"spec", field.c_str()})) {
    if (text_at(entry, {"source"}) != source) kept.push_back(entry);
  }
  for (const auto& entry : entries) kept.push_back(entry);
  child["spec"][field] = std::move(kept);
  for (const auto& [key, value] : extra.items()) child["spec"][key] = value;
  auto written = write(c, resource, std::move(child), false);
  return at_path(*written, {"metadata", "generation"}).get<std::int64_t>();
}

progress wait_for(const env::cluster& c, const std::string& resource, const json& cr,
                  const json& record, const char* waiting, const char* reached) {
  const auto id = text_at(record, {"id"});
  const auto where = parse_id(id);
  auto child = c.objects().get(resource, {where.ns, where.pod});
  if (!child) return {not_injected, {}};
  const auto problem = text_at(*child, {"status", "failedMessage"});
  if (!problem.empty()) return {waiting, problem};
  const auto& seen = at_path(*child, {"status", "observedGeneration"});
  const auto& wanted = at_path(cr, {"status", "instances", id.c_str()});
  const bool done = seen.is_number() && (!wanted.is_number() || seen >= wanted);
  return {done ? reached : waiting, {}};
}

void sync_network(env::cluster& c, const object_key& key) {
  auto job = open(c, network_child, key);
  if (!job.pod) return;
  const auto uid = text_at(*job.pod, {"metadata", "uid"});
  const auto full = key.ns + "/" + key.name;
  const auto* runtime = c.node().find(uid);
  if (at_path(*job.pod, {"spec", "hostNetwork"}) == true) {
    return finish(
        c, network_child, *job.child,
        "It's dangerous to inject network chaos on a pod(" + full + ") with `hostNetwork`");
  }
  if (!runtime || !runtime->sandbox_up) {
    return finish(c, network_child, *job.child,
                  "pod " + full + " has empty container status: container not found");
  }
  std::vector<env::effect> wanted;
  for (const auto& tc : at_path(*job.child, {"spec", "tcs"})) {
    env::effect e;
    e.lives_in = env::lifetime::sandbox;
    e.ns = key.ns;
    e.pod = key.name;
    e.pod_uid = uid;
    e.instance = runtime->sandbox;
    e.source = "networkchaos/" + text_at(tc, {"source"});
    if (at_path(tc, {"delay"}).is_null() && at_path(tc, {"loss"}).is_null()) {
      return finish(c, network_child, *job.child,
                    "invalid spec for netem action, at least one is required from delay, loss, "
                    "duplicate, corrupt");
    }
    if (!at_path(tc, {"delay"}).is_null()) {
      e.kind = "net_delay";
      e.params = json{{"ms", millis(text_at(tc, {"delay", "latency"}))},
                      {"jitter_ms", millis(text_at(tc, {"delay", "jitter"}, "0ms"))},
                      {"correlation", share(tc, {"delay", "correlation"})}};
      wanted.push_back(e);
    }
    if (!at_path(tc, {"loss"}).is_null()) {
      e.kind = "net_loss";
      e.params = json{{"percent", share(tc, {"loss", "loss"})}};
      if (e.params["percent"] > 100) {
        return finish(c, network_child, *job.child,
                      "rpc error: code = Unknown desc = Illegal \"loss\": exit status 1");
      }
      wanted.push_back(e);
    }
  }
  match(c, uid, "net_", std::move(wanted));
  finish(c, network_child, *job.child, {});
}

void sync_io(env::cluster& c, const object_key& key) {
  auto job = open(c, io_child, key);
  if (!job.pod) return;
  const auto uid = text_at(*job.pod, {"metadata", "uid"});
  const auto name = text_at(*job.child, {"spec", "container"});
  auto path = text_at(*job.child, {"spec", "volumeMountPath"});
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto* runtime = c.node().find(uid);
  const auto* container = runtime ? runtime->find(name) : nullptr;
  const auto& actions = at_path(*job.child, {"spec", "actions"});
  const bool any = actions.is_array() && !actions.empty();
  const auto failed = "failed to apply for pod " + key.ns + "/" + key.name + ": rpc error: code = ";
  if (any && (!container || !container->running())) {
    return finish(c, io_child, *job.child, failed + "Unknown desc = container not found");
  }
  if (any && !is_mount(*job.pod, name, path)) {
    return finish(c, io_child, *job.child,
                  failed + "Unknown desc = toda startup takes too long or an error occurs: " +
                      path + " is not a mount point");
  }
  std::vector<env::effect> wanted;
  for (const auto& one : actions) {
    env::effect e;
    e.kind = "io_delay";
    e.ns = key.ns;
    e.pod = key.name;
    e.pod_uid = uid;
    e.container = name;
    e.instance = container ? container->instance : 0;
    e.source = "iochaos/" + text_at(one, {"source"});
    e.params = json{{"path", path},
                    {"ms", millis(text_at(one, {"latency"}))},
                    {"percent", one.value("percent", 100)}};
    wanted.push_back(std::move(e));
  }
  match(c, uid, "io_", std::move(wanted));
  finish(c, io_child, *job.child, {});
}

} // namespace remed::chaos::mesh
