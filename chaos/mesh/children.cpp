#include "chaos/mesh/children.hpp"

#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/node/processes.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

failure refused(std::string what) {
  return {errc::refused, std::move(what)};
}

json new_child(const child_info& kind, const json& pod) {
  auto out = json::object();
  out["apiVersion"] = api_version;
  out["kind"] = kind.kind;
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

/// Puts an experiment's share into the child of a pod, in place of what it asked before. Returns
/// the child's generation.
result<std::int64_t> commit(env::cluster& c, const child_info& kind, const object_key& pod_key,
                            const std::string& source, const share& asked) {
  auto pod = c.objects().get("pods", pod_key);
  if (!pod) return refused("pod not found");
  auto found = c.objects().get(kind.resource, pod_key);
  if (found && !belongs(*found, *pod)) found = nullptr; // of a pod of the same name before
  if (!found && text_at(*pod, {"status", "phase"}) != "Running") return refused("pod not running");
  auto child = found ? *found : new_child(kind, *pod);
  for (const auto& list : kind.lists) {
    auto kept = json::array();
    for (const auto& entry : at_path(child, {"spec", list})) {
      if (asked.adds || text_at(entry, {"source"}) != source) kept.push_back(entry);
    }
    auto mine = asked.lists.find(list);
    if (mine != asked.lists.end()) {
      for (const auto& entry : mine->second) kept.push_back(entry);
    }
    if (!kept.empty() || child["spec"].contains(list)) child["spec"][list] = std::move(kept);
  }
  for (const auto& [key, value] : asked.fields.items()) child["spec"][key] = value;
  auto written = write(c, kind.resource, std::move(child), false);
  return at_path(*written, {"metadata", "generation"}).get<std::int64_t>();
}

/// Where an experiment stands that waits for the child of a record's pod.
progress wait_for(const env::cluster& c, const child_info& kind, const json& cr, const json& record,
                  const char* waiting, const char* reached) {
  const auto id = text_at(record, {"id"});
  const auto where = parse_id(id);
  auto child = c.objects().get(kind.resource, {where.ns, where.pod});
  if (!child) return {not_injected, {}};
  const auto problem = text_at(*child, {"status", "failedMessage"});
  if (!problem.empty()) return {waiting, problem};
  const auto& seen = at_path(*child, {"status", "observedGeneration"});
  const auto& wanted = at_path(cr, {"status", "instances", id});
  const bool done = seen.is_number() && (!wanted.is_number() || seen >= wanted);
  return {done ? reached : waiting, {}};
}

class waiting_action final : public action {
public:
  waiting_action(std::string child, share_maker make) : child_(std::move(child)), make_(make) {}

  progress apply(env::cluster& c, json& cr, const json& record) const override {
    const auto& kind = *child_of(child_);
    if (text_at(record, {"phase"}) == not_injected_wait) {
      return wait_for(c, kind, cr, record, not_injected_wait, injected);
    }
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    if (!c.objects().get("pods", {where.ns, where.pod})) {
      return {not_injected, "pods \"" + where.pod + "\" not found"};
    }
    auto asked = make_(c, cr, record);
    if (!asked) return {not_injected, asked.why().what};
    if (asked->nothing) return {injected, {}};
    auto generation = commit(c, kind, {where.ns, where.pod}, share_name(cr), *asked);
    if (!generation) return {not_injected, generation.why().what};
    cr["status"]["instances"][id] = *generation;
    return {not_injected_wait, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    const auto& kind = *child_of(child_);
    if (text_at(record, {"phase"}) == injected_wait) {
      return wait_for(c, kind, cr, record, injected_wait, not_injected);
    }
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto generation = commit(c, kind, {where.ns, where.pod}, share_name(cr), {});
    if (!generation) return {not_injected, {}}; // the pod is gone, and all of it
    cr["status"]["instances"][id] = *generation;
    return {injected_wait, {}};
  }

private:
  std::string child_;
  share_maker make_;
};

/// Ends those effects of a pod that are no longer wanted and begins those that are new.
void match(env::cluster& c, const std::string& pod_uid, const child_info& kind,
           std::vector<env::effect> wanted) {
  std::vector<std::uint64_t> over;
  const auto source = kind.parents.substr(0, kind.parents.find('.')) + "/";
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid != pod_uid || e.kind.rfind(kind.prefix, 0) != 0) continue;
    if (e.source.rfind(source, 0) != 0) continue;
    auto same = std::find_if(wanted.begin(), wanted.end(), [&e = e](const env::effect& w) {
      return w.kind == e.kind && w.params == e.params && w.source == e.source &&
             w.instance == e.instance;
    });
    if (same == wanted.end())
      over.push_back(id);
    else
      wanted.erase(same);
  }
  drop_effects(c, over, "undone");
  for (auto& e : wanted) begin_effect(c, std::move(e));
}

/// The daemon's own process in the container, when it has one there.
const env::process_info* helper_of(const std::vector<env::process_info>& all) {
  for (const auto& p : all) {
    if (p.foreign() && (p.comm == "toda" || p.comm == "tproxy")) return &p;
  }
  return nullptr;
}

void finish(env::cluster& c, const child_info& kind, json child, const json& pod,
            const std::string& problem) {
  auto& status = child["status"];
  if (status.is_null()) status = json::object();
  status["observedGeneration"] = at_path(child, {"metadata", "generation"});
  if (problem.empty())
    status.erase("failedMessage");
  else
    status["failedMessage"] = problem;
  if (!problem.empty()) say(c, child, lower(kind.kind), "Warning", "Failed", problem, "failed");
  if (kind.has_process) {
    status.erase("pid");
    status.erase("startTime");
    const auto uid = text_at(pod, {"metadata", "uid"});
    for (const auto& one : at_path(pod, {"spec", "containers"})) {
      const auto seen = env::visible_processes(c, uid, text_at(one, {"name"}));
      const auto* p = helper_of(seen);
      if (!p || !problem.empty()) continue;
      status["pid"] = p->pid;
      status["startTime"] = p->started.time_since_epoch().count() / 1000;
    }
  }
  write(c, kind.resource, std::move(child), false);
}

} // namespace

const std::vector<child_info>& children() {
  static const std::vector<child_info> all = {
      {"PodNetworkChaos",
       network_child,
       "networkchaos.chaos-mesh.org",
       "net_",
       {"ipsets", "iptables", "tcs"},
       network_effects,
       false},
      {"PodIOChaos", io_child, "iochaos.chaos-mesh.org", "io_", {"actions"}, io_effects, true},
      {"PodHttpChaos",
       http_child,
       "httpchaos.chaos-mesh.org",
       "http_",
       {"rules"},
       http_effects,
       true},
  };
  return all;
}

const child_info* child_of(const std::string& resource) {
  for (const auto& one : children()) {
    if (one.resource == resource) return &one;
  }
  return nullptr;
}

std::shared_ptr<const action> through_child(const std::string& child, share_maker make) {
  return std::make_shared<waiting_action>(child, make);
}

std::string share_name(const json& cr) {
  return text_at(cr, {"metadata", "namespace"}) + "/" + text_at(cr, {"metadata", "name"});
}

void sync_child(env::cluster& c, const child_info& kind, const object_key& key) {
  auto child = c.objects().get(kind.resource, key);
  if (!child) return;
  const auto& seen = at_path(*child, {"status", "observedGeneration"});
  if (seen == at_path(*child, {"metadata", "generation"})) return;
  auto pod = c.objects().get("pods", key);
  if (!pod || !belongs(*child, *pod)) return;
  auto wanted = kind.daemon(c, *child, *pod);
  if (!wanted) return finish(c, kind, *child, *pod, wanted.why().what);
  match(c, text_at(*pod, {"metadata", "uid"}), kind, std::move(*wanted));
  finish(c, kind, *child, *pod, {});
}

} // namespace remed::chaos::mesh
