#include "chaos/oracle.hpp"

#include "chaos/predicates.hpp"
#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/quantity.hpp"

#include <algorithm>

namespace remed::chaos {

namespace {

bool equal_values(const json& a, const json& b) {
  if (a == b) return true;
  auto number = [](const json& v) -> std::optional<double> {
    if (v.is_number()) return v.get<double>();
    if (v.is_string()) return env::parse_quantity(v.get_ref<const std::string&>());
    return std::nullopt;
  };
  auto x = number(a), y = number(b);
  return x && y && *x == *y;
}

/// Whether everything a strategic merge patch sets is so in the object; list items go by name where
/// they have one.
bool in_place(const json& patch, const json& object) {
  if (patch.is_object()) {
    if (!object.is_object()) return false;
    for (const auto& [key, value] : patch.items()) {
      if (key.rfind('$', 0) == 0) continue; // says how to merge
      auto found = object.find(key);
      if (found == object.end() || !in_place(value, *found)) return false;
    }
    return true;
  }
  if (!patch.is_array()) return equal_values(patch, object);
  if (!object.is_array()) return false;
  for (const auto& item : patch) {
    const auto named = item.is_object() && item.contains("name");
    const bool found = std::any_of(object.begin(), object.end(), [&](const json& theirs) {
      const bool other = named && (!theirs.is_object() || theirs.value("name", "") != item["name"]);
      return !other && in_place(item, theirs);
    });
    if (!found) return false;
  }
  return true;
}

bool patch_in_place(const inject_step& step, const facts& f, const setting& s) {
  const auto known = words_of(s, {});
  const auto name = filled(step.name, known);
  const auto patch = filled(step.body, known);
  for (const auto& object : f.seen.objects.of(step.resource)) {
    if (name_of(object) == name) return in_place(patch, *object);
  }
  return false;
}

/// The table a declared workload is in; Deployments when there is none.
std::string table_of_workload(const json& workload) {
  const auto kind = workload.is_object() ? workload.value("kind", "") : std::string{};
  if (kind == "StatefulSet") return "statefulsets.apps";
  return kind == "DaemonSet" ? "daemonsets.apps" : "deployments.apps";
}

/// A service of the system beside the target: the next one in the list of targets.
std::string neighbour(const setting& s) {
  const auto& all = s.system->targets;
  auto at = std::find(all.begin(), all.end(), s.where.target);
  if (at == all.end()) return all.empty() ? std::string{} : all.front();
  const auto& next = at + 1 == all.end() ? all.front() : *(at + 1);
  return next == s.where.target ? std::string{} : next;
}

} // namespace

const json& declared_workload(const setting& s) {
  const auto named = [&](const json& manifest) {
    return env::text_at(manifest, {"metadata", "name"}) == s.where.target;
  };
  if (!s.declared || !named(*s.declared))
    s.declared = &declared_workload(*s.system, s.where.target);
  return *s.declared;
}

const workload_view& view_of(const env::observation& seen, const setting& s) {
  auto& last = s.viewed;
  if (!last || !same_movables(seen.objects, last->of))
    last = target_view{seen.objects, view_of(seen, s.where.target)};
  return last->view;
}

words words_of(const setting& s, const std::string& object_name) {
  const auto& workload = declared_workload(s);
  const auto& containers = containers_of(workload);
  auto first = containers.empty() ? s.where.target : containers[0].value("name", s.where.target);
  words out = {{"namespace", s.ns},        {"system", s.system->name},
               {"target", s.where.target}, {"workloads", table_of_workload(workload)},
               {"other", neighbour(s)},    {"container", first},
               {"name", object_name}};
  if (!containers.empty()) out["image"] = containers[0].value("image", "");
  auto put_port = [&out](const char* word, const json& ports, const char* field) {
    if (!ports.is_array() || ports.empty()) return;
    out[word] = std::to_string(env::int_at(ports[0], {field}));
  };
  if (!containers.empty())
    put_port("port", env::at_path(containers[0], {"ports"}), "containerPort");
  const auto& service = declared_service(s.system, s.where.target);
  put_port("service_port", env::at_path(service, {"spec", "ports"}), "port");
  return out;
}

const std::map<std::string, predicate_kind>& predicate_kinds() {
  using namespace predicates;
  static const std::map<std::string, std::string> ratio = {{"at_least", "number"},
                                                           {"below", "number"}};
  static const std::map<std::string, predicate_kind> all = {
      {"effect", {effect, {{"present", "flag"}}, "ledger"}},
      {"cpu_of_limit", {cpu_of_limit, ratio, "probe:cpu"}},
      {"memory_of_limit", {memory_of_limit, ratio, "probe:memory"}},
      {"pods_ready", {pods_ready, {{"ready", "flag"}}, "probe:pods"}},
      {"images", {images, {{"match", "flag"}}, "probe:images"}},
      {"replicas", {replicas, ratio, "probe:replicas"}},
      {"ended_by", {ended_by, {{"reason", "text"}}, "probe:restarts"}},
      {"resources_of_manifest", {resources_of_manifest, ratio, "probe:resources"}},
      {"network",
       {network,
        {{"healthy", "flag"}, {"slower_than_ms", "number"}},
        "probe:network",
        true,
        false}},
      {"disk",
       {disk,
        {{"path", "text"}, {"at_least_ms", "number"}, {"below_ms", "number"}},
        "probe:disk",
        false,
        true}},
      {"slo", {slo, {{"met", "flag"}}, "slo"}},
      {"any", {any, {{"of", "predicates"}}, "probe:any"}},
  };
  return all;
}

finding evaluate(const predicate& p, const facts& f, const setting& s) {
  auto kind = predicate_kinds().find(p.name);
  if (kind == predicate_kinds().end()) return {truth::unknown, "no check named " + p.name};
  return kind->second.check(f, s, p.with);
}

findings evaluate(const std::vector<predicate>& checks, const facts& f, const setting& s) {
  findings out;
  for (const auto& check : checks) {
    auto kind = predicate_kinds().find(check.name);
    auto name = kind == predicate_kinds().end() ? check.name : kind->second.evidence;
    out.all.push_back({name, evaluate(check, f, s)});
  }
  return out;
}

bool findings::hold() const {
  for (const auto& one : all) {
    if (one.found.holds != truth::yes) return false;
  }
  return true;
}

std::string findings::failing() const {
  std::string out;
  for (const auto& one : all) {
    if (one.found.holds == truth::yes) continue;
    out += (out.empty() ? "" : "; ") + one.evidence + ": " + one.found.detail;
  }
  return out;
}

bool patches_in_place(const facts& f, const setting& s) {
  return std::any_of(s.what.inject.begin(), s.what.inject.end(), [&](const inject_step& step) {
    return step.what == inject_step::kind::patch && patch_in_place(step, f, s);
  });
}

std::optional<bool> in_effect(const facts& f, const setting& s) {
  bool patches = false, creates = false;
  for (const auto& step : s.what.inject) {
    creates = creates || step.what == inject_step::kind::create;
    patches = patches || step.what == inject_step::kind::patch;
  }
  const bool patched = patches_in_place(f, s);
  if (!f.seen.effects) return patches && !creates ? std::optional<bool>(patched) : std::nullopt;
  for (const auto& e : *f.seen.effects) {
    if (e.ns == s.ns) return true;
  }
  return patched;
}

} // namespace remed::chaos
