// IOChaos: a file system laid over a volume of the container, through the pod's PodIOChaos.
#include "chaos/mesh/children.hpp"
#include "chaos/mesh/go_values.hpp"

namespace remed::chaos::mesh {

namespace {

/// IOChaos' actions and the effects they are.
struct io_kind {
  const char *action, *effect;
};
constexpr io_kind io_kinds[] = {{"latency", "io_delay"},
                                {"fault", "io_fault"},
                                {"attrOverride", "io_attr"},
                                {"mistake", "io_mistake"}};

result<share> ask(env::cluster&, const json& cr, const json& record) {
  const auto& spec = at_path(cr, {"spec"});
  auto one = json::object();
  const auto action = text_at(spec, {"action"});
  one["type"] = action;
  one["source"] = share_name(cr);
  one["percent"] = spec.value("percent", 100);
  for (const auto* field : {"path", "methods"}) {
    if (!at_path(spec, {field}).is_null()) one[field] = at_path(spec, {field});
  }
  if (action == "latency") one["latency"] = text_at(spec, {"delay"});
  if (action == "fault") {
    one["faults"] = json::array({json{{"errno", spec.value("errno", 0)}, {"weight", 1}}});
  }
  if (action == "attrOverride") {
    for (const auto& [key, value] : at_path(spec, {"attr"}).items()) one[key] = value;
  }
  if (action == "mistake" && spec.contains("mistake")) one["mistake"] = spec["mistake"];
  share out;
  out.lists["actions"] = json::array({one});
  out.fields["volumeMountPath"] = text_at(spec, {"volumePath"});
  out.fields["container"] = parse_id(text_at(record, {"id"})).container;
  return out;
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

bool is_mount(const json& pod, const std::string& container, const std::string& path) {
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    if (text_at(one, {"name"}) != container) continue;
    for (const auto& mount : at_path(one, {"volumeMounts"})) {
      if (without_slash(text_at(mount, {"mountPath"})) == path) return true;
    }
  }
  return false;
}

json params_of(const json& entry, const std::string& path) {
  auto out = json::object();
  out["path"] = path;
  out["percent"] = entry.value("percent", 100);
  for (const auto* field : {"methods", "mistake"}) {
    if (entry.contains(field)) out[field] = entry[field];
  }
  if (entry.contains("path")) out["glob"] = entry["path"];
  if (entry.contains("latency")) {
    auto latency = parse_duration(text_at(entry, {"latency"}));
    out["ms"] = latency ? seconds(*latency) * 1000 : 0;
  }
  for (const auto& fault : at_path(entry, {"faults"})) out["errno"] = fault["errno"];
  for (const auto* field : {"ino", "size", "blocks", "atime", "mtime", "ctime", "kind", "perm",
                            "nlink", "uid", "gid", "rdev"}) {
    if (entry.contains(field)) out["attr"][field] = entry[field];
  }
  return out;
}

} // namespace

std::shared_ptr<const action> make_io() {
  return through_child(io_child, ask);
}

result<std::vector<env::effect>> io_effects(env::cluster& c, const json& child, const json& pod) {
  const auto& actions = at_path(child, {"spec", "actions"});
  std::vector<env::effect> out;
  if (!actions.is_array() || actions.empty()) return out;
  env::effect on;
  on.ns = text_at(pod, {"metadata", "namespace"});
  on.pod = text_at(pod, {"metadata", "name"});
  on.pod_uid = text_at(pod, {"metadata", "uid"});
  on.container = text_at(child, {"spec", "container"});
  const auto path = without_slash(text_at(child, {"spec", "volumeMountPath"}));
  const auto* runtime = c.node().find(on.pod_uid);
  const auto* container = runtime ? runtime->find(on.container) : nullptr;
  const auto failed =
      "failed to apply for pod " + on.ns + "/" + on.pod + ": rpc error: code = Unknown desc = ";
  if (!container || !container->running()) {
    return failure{errc::failed, failed + "container not found"};
  }
  if (!is_mount(pod, on.container, path)) {
    return failure{errc::failed, failed + "toda startup takes too long or an error occurs: " +
                                     path + " is not a mount point"};
  }
  on.instance = container->instance;
  for (const auto& entry : actions) {
    for (const auto& kind : io_kinds) {
      if (text_at(entry, {"type"}) != kind.action) continue;
      on.kind = kind.effect;
      on.source = "iochaos/" + text_at(entry, {"source"});
      on.params = params_of(entry, path);
      out.push_back(on);
    }
  }
  return out;
}

} // namespace remed::chaos::mesh
