#include "chaos/mesh/admission/webhooks.hpp"

#include "chaos/mesh/admission/checks.hpp"
#include "chaos/mesh/admission/rights.hpp"

#include <string>

namespace remed::chaos::mesh {

namespace {

void set_missing(json& spec, const char* field, const json& value) {
  const auto& there = at_path(spec, {field});
  if (there.is_null() || there == "") spec[field] = value;
}

/// Selectors without namespaces mean the object's own.
void default_namespaces(json& holder, const std::string& ns) {
  if (!holder.is_object() || !at_path(holder, {"selector"}).is_object()) return;
  auto& selector = holder["selector"];
  const auto& namespaces = at_path(selector, {"namespaces"});
  if (!namespaces.is_array() || namespaces.empty()) selector["namespaces"] = json::array({ns});
}

void default_network(json& spec) {
  set_missing(spec, "direction", "to");
  for (const auto* block : {"delay", "loss", "duplicate", "corrupt"}) {
    if (at_path(spec, {block}).is_object()) set_missing(spec[block], "correlation", "0");
  }
  if (!at_path(spec, {"delay"}).is_object()) return;
  set_missing(spec["delay"], "jitter", "0ms");
  if (at_path(spec, {"delay", "reorder"}).is_object()) {
    set_missing(spec["delay"]["reorder"], "correlation", "0");
  }
}

void default_machine(json& spec, const std::string& object_uid) {
  if (text_at(spec, {"uid"}).empty()) spec["uid"] = random_source{}.split(object_uid).uuid();
  if (!at_path(spec, {"address"}).is_array()) return;
  for (auto& one : spec["address"]) {
    const auto text = one.get<std::string>();
    if (text.rfind("http", 0) != 0) one = "http://" + text;
  }
}

void default_jvm(const env::cluster& c, json& spec) {
  if (text_at(spec, {"name"}).empty()) {
    const auto stamp = c.now().time_since_epoch().count() / 1'000'000;
    spec["name"] = text_at(spec, {"class"}) + "-" + text_at(spec, {"method"}) + "-" +
                   text_at(spec, {"action"}) + "-" + std::to_string(stamp);
  }
  if (spec.value("port", 0) == 0) spec["port"] = 9277;
}

void default_spec(const env::cluster& c, const std::string& kind, json& spec,
                  const std::string& ns) {
  if (!spec.is_object()) return;
  if (kind != "PhysicalMachineChaos") default_namespaces(spec, ns);
  if (spec.contains("target")) default_namespaces(spec["target"], ns);
  if (kind == "NetworkChaos") default_network(spec);
  if (kind == "IOChaos") set_missing(spec, "percent", 100);
  if (kind == "TimeChaos") set_missing(spec, "clockIds", json::array({"CLOCK_REALTIME"}));
  if (kind == "JVMChaos") default_jvm(c, spec);
}

/// Experiments inside a schedule or a workflow's template are completed like any other.
void default_embedded(const env::cluster& c, json& holder, const std::string& ns) {
  for (const auto& kind : kinds()) {
    if (at_path(holder, {kind.embedded}).is_object()) {
      default_spec(c, kind.kind, holder[kind.embedded], ns);
    }
  }
}

result<void> refused(const findings_list& all) {
  if (all.empty()) return {};
  return failure{errc::refused, joined(all)};
}

result<void> check(const std::string& kind, const json* before, const json& now) {
  const auto& spec = at_path(now, {"spec"});
  const bool changed = before && at_path(*before, {"spec"}) != spec;
  const bool fixed = kind_named(kind) || kind == "StatusCheck";
  if (changed && fixed) return failure{errc::refused, "Cannot update chaos spec"};
  if (kind == "Schedule") return refused(check_schedule(spec, "Spec"));
  if (kind == "Workflow") return refused(check_workflow(spec));
  if (kind == "StatusCheck") return refused(check_status_check(spec, "Spec"));
  return refused(check_experiment(kind, spec, "Spec"));
}

using review = std::function<result<void>(const env::admission_request&, json&)>;

env::admission hook(char which, const std::string& kind, const std::string& resource, review what) {
  return {which + lower(kind) + ".kb.io", resource, std::move(what)};
}

} // namespace

std::vector<env::admission> admissions() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& one : kinds()) all.emplace_back(one.kind, one.resource);
  all.emplace_back("Schedule", "schedules.chaos-mesh.org");
  all.emplace_back("Workflow", "workflows.chaos-mesh.org");
  all.emplace_back("StatusCheck", "statuschecks.chaos-mesh.org");
  std::vector<env::admission> out;
  for (const auto& [kind, resource] : all) {
    out.push_back(
        hook('m', kind, resource,
             [kind = kind](const env::admission_request& asked, json& now) -> result<void> {
               if (asked.before || !now.contains("spec")) return {};
               const auto& c = asked.c;
               const auto ns = text_at(now, {"metadata", "namespace"});
               auto& spec = now["spec"];
               if (kind_named(kind)) default_spec(c, kind, spec, ns);
               if (kind == "PhysicalMachineChaos") {
                 default_machine(spec, text_at(now, {"metadata", "uid"}));
               }
               if (kind == "Schedule") default_embedded(c, spec, ns);
               if (kind == "Workflow" && spec.contains("templates")) {
                 for (auto& one : spec["templates"]) default_embedded(c, one, ns);
               }
               if (kind == "StatusCheck") set_missing(spec, "mode", "Synchronous");
               return {};
             }));
  }
  for (const auto& [kind, resource] : all) {
    out.push_back(
        hook('v', kind, resource, [kind = kind](const env::admission_request& asked, json& now) {
          return check(kind, asked.before, now);
        }));
  }
  for (const auto& [kind, resource] : all) {
    if (kind == "StatusCheck") continue; // as upstream: no rights are asked for it
    out.push_back(
        {"vauth.kb.io", resource, [kind = kind](const env::admission_request& asked, json& now) {
           return check_rights(asked, kind, at_path(now, {"spec"}));
         }});
  }
  return out;
}

} // namespace remed::chaos::mesh
