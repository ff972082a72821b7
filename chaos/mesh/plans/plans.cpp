#include "chaos/mesh/plans/plans.hpp"

#include "chaos/mesh/action.hpp"
#include "chaos/mesh/go_values.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api_server.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

using env::change;

constexpr std::string_view actor = "chaos-mesh-plans";
constexpr duration latency = std::chrono::milliseconds{20};
/// The part of a schedule's work that its children bring about.
constexpr const char* schedule_children = "schedule-children";

std::string key_text(const std::string& table, const object_key& key) {
  return table + "|" + key.ns + "/" + key.name;
}

using look = std::optional<duration> (*)(env::cluster&, const object_key&);

class controller final : public env::controller {
public:
  std::string_view name() const override { return actor; }

  void observe(env::cluster& c, const change& seen) const override {
    const bool ours = seen.resource.ends_with(".chaos-mesh.org");
    if (!ours && seen.resource != "pods") return;
    if (seen.what != change::type::deleted) {
      for (const auto* table : {schedules, workflows, workflow_nodes, status_checks}) {
        if (seen.resource == table) c.schedule(latency, actor, key_text(table, seen.key));
      }
    }
    for (const auto& owner : at_path(*seen.now, {"metadata", "ownerReferences"})) {
      wake(c, text_at(owner, {"kind"}), {seen.key.ns, text_at(owner, {"name"})});
    }
  }

  void reconcile(env::cluster& c, const std::string& key) const override {
    static const std::pair<const char*, look> all[] = {{schedules, reconcile_schedule},
                                                       {schedule_children, collect_schedule},
                                                       {workflows, reconcile_workflow},
                                                       {workflow_nodes, reconcile_node},
                                                       {status_checks, reconcile_status_check}};
    auto bar = key.find('|'), slash = key.find('/', bar);
    const object_key place{key.substr(bar + 1, slash - bar - 1), key.substr(slash + 1)};
    for (const auto& [table, how] : all) {
      if (key.substr(0, bar) != table) continue;
      if (auto again = how(c, place)) c.schedule(*again, actor, key);
    }
  }

private:
  static void wake(env::cluster& c, const std::string& owner, const object_key& key) {
    if (owner == "Schedule") c.schedule(latency, actor, key_text(schedule_children, key));
    if (owner == "Workflow") c.schedule(latency, actor, key_text(workflows, key));
    if (owner == "WorkflowNode") c.schedule(latency, actor, key_text(workflow_nodes, key));
  }
};

} // namespace

std::shared_ptr<const env::controller> make_plans_controller() {
  return std::make_shared<controller>();
}

result<env::object> create(env::cluster& c, const std::string& resource, json obj) {
  obj = env::prepared(c, resource, std::move(obj));
  env::identity who;
  who.user = "system:serviceaccount:chaos-mesh:chaos-controller-manager";
  for (const auto& hook : c.rules().admissions) {
    if (hook.resource != resource) continue;
    auto reviewed = hook.review({c, who, nullptr}, obj);
    if (!reviewed) {
      return failure{errc::refused, "admission webhook \"" + hook.name +
                                        "\" denied the request: " + reviewed.why().what};
    }
  }
  obj["metadata"]["generation"] = 1;
  return c.put(resource, std::move(obj));
}

std::string table_of_type(const std::string& type) {
  if (type == "Workflow") return workflows;
  if (type == "Schedule") return schedules;
  const auto* kind = kind_named(type);
  return kind ? kind->resource : std::string{};
}

result<spawned> spawn(const json& holder, const std::string& type) {
  const auto* kind = kind_named(type);
  const std::string field = kind ? kind->embedded : lower(type);
  const auto& spec = at_path(holder, {field});
  const auto table = table_of_type(type);
  if (table.empty() || spec.is_null()) {
    return failure{errc::bad_input, "unsupported template type " + type};
  }
  auto obj = json::object();
  obj["apiVersion"] = api_version;
  obj["kind"] = type;
  obj["spec"] = spec;
  return spawned{table, std::move(obj)};
}

std::vector<env::object> labelled(const env::cluster& c, const std::string& resource,
                                  const std::string& ns, const std::string& label,
                                  const std::string& value) {
  std::vector<env::object> out;
  for (const auto& one : c.objects().list(resource, ns)) {
    if (text_at(*one, {"metadata", "labels", label}) == value) out.push_back(one);
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return text_at(*a, {"metadata", "creationTimestamp"}) <
           text_at(*b, {"metadata", "creationTimestamp"});
  });
  return out;
}

bool is_finished(const json& cr, vtime now, std::optional<duration>* until_stop) {
  const bool once = is_one_shot(cr);
  const auto& records = at_path(cr, {"status", "experiment", "containerRecords"});
  bool at_end = records.is_array();
  for (const auto& record : records) {
    at_end = at_end && text_at(record, {"phase"}) == (once ? injected : not_injected);
  }
  if (once || is_deleted(cr)) return at_end;
  const auto lasts = parse_duration(text_at(cr, {"spec", "duration"}));
  const auto created = env::parse_time(text_at(cr, {"metadata", "creationTimestamp"}));
  if (!lasts || !created) return false;
  if (*created + *lasts < now) return at_end;
  if (until_stop) *until_stop = *created + *lasts - now + std::chrono::microseconds{1};
  return false;
}

bool has_condition(const json& obj, const std::string& type, const std::string& status) {
  for (const auto& one : at_path(obj, {"status", "conditions"})) {
    if (text_at(one, {"type"}) == type) return text_at(one, {"status"}) == status;
  }
  return false;
}

void set_condition(json& obj, const std::string& type, bool holds, const std::string& reason) {
  auto& all = obj["status"]["conditions"];
  if (all.is_null()) all = json::array();
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const json& one) { return text_at(one, {"type"}) == type; });
  if (found == all.end()) {
    all.push_back(json::object());
    found = all.end() - 1;
  }
  (*found)["type"] = type;
  (*found)["status"] = holds ? "True" : "False";
  (*found)["reason"] = reason;
}

} // namespace remed::chaos::mesh
