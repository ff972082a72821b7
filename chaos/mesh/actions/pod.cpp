// PodChaos: pod-failure swaps the images of the pod itself; pod-kill and container-kill end things
// once.
#include "chaos/mesh/action.hpp"
#include "environments/embedded/node/processes.hpp"

namespace remed::chaos::mesh {

namespace {

void swap_images(const std::string& cr_name, json& pod, const char* list, bool init) {
  auto& spec = pod["spec"];
  if (!spec.contains(list)) return;
  for (auto& container : spec[list]) {
    const auto key = image_annotation(cr_name, container.value("name", ""), init);
    auto& annotations = pod["metadata"]["annotations"];
    if (annotations.is_null()) annotations = json::object();
    // Another experiment's image is no original.
    if (annotations.contains(key)) continue;
    annotations[key] = container.value("image", "");
    container["image"] = pause_image;
  }
}

bool restore_images(const std::string& cr_name, json& pod, const char* list, bool init) {
  auto& spec = pod["spec"];
  if (!spec.contains(list)) return false;
  bool any = false;
  for (auto& container : spec[list]) {
    const auto key = image_annotation(cr_name, container.value("name", ""), init);
    const auto original = text_at(pod, {"metadata", "annotations", key.c_str()});
    if (original.empty()) continue;
    container["image"] = original;
    pod["metadata"]["annotations"].erase(key);
    any = true;
  }
  if (pod["metadata"].contains("annotations") && pod["metadata"]["annotations"].empty()) {
    pod["metadata"].erase("annotations");
  }
  return any;
}

class pod_chaos final : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    const auto what = text_at(cr, {"spec", "action"});
    const auto where = parse_id(text_at(record, {"id"}));
    auto found = c.objects().get("pods", {where.ns, where.pod});
    if (!found) return {not_injected, "pods \"" + where.pod + "\" not found"};
    if (what == "pod-kill") return kill(c, cr, *found);
    if (what == "container-kill") {
      auto at = find_spot(c, record);
      if (!at) return {not_injected, at.why().what};
      env::kill_container(c, at->uid, where.container);
      return {injected, {}};
    }
    const auto name = text_at(cr, {"metadata", "name"});
    auto pod = *found;
    swap_images(name, pod, "initContainers", true);
    swap_images(name, pod, "containers", false);
    env::effect e;
    e.kind = "image_override";
    e.params = json{{"image", pause_image}};
    e.lives_in = env::lifetime::pod;
    e.ns = where.ns;
    e.pod = where.pod;
    e.pod_uid = text_at(pod, {"metadata", "uid"});
    e.source = source(cr);
    c.put("pods", std::move(pod));
    begin_effect(c, std::move(e));
    return {injected, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    const auto where = parse_id(text_at(record, {"id"}));
    auto found = c.objects().get("pods", {where.ns, where.pod});
    if (!found || text_at(cr, {"spec", "action"}) != "pod-failure") return {not_injected, {}};
    const auto name = text_at(cr, {"metadata", "name"});
    auto pod = *found;
    const bool first = restore_images(name, pod, "initContainers", true);
    const bool second = restore_images(name, pod, "containers", false);
    if (first || second) c.put("pods", std::move(pod));
    end_effects(c, source(cr), text_at(*found, {"metadata", "uid"}), {});
    return {not_injected, {}};
  }

private:
  static std::string source(const json& cr) {
    return source_of(*kind_named("PodChaos"), env::key_of(cr));
  }

  static progress kill(env::cluster& c, const json& cr, const json& found) {
    const auto& asked = at_path(cr, {"spec", "gracePeriod"});
    const auto grace = asked.is_number() ? asked.get<std::int64_t>() : 0;
    if (grace <= 0) {
      c.erase("pods", env::key_of(found));
    } else if (!is_deleted(found)) {
      auto pod = found;
      pod["metadata"]["deletionTimestamp"] = rfc3339(c.now() + std::chrono::seconds{grace});
      pod["metadata"]["deletionGracePeriodSeconds"] = grace;
      c.put("pods", std::move(pod));
    }
    return {injected, {}};
  }
};

} // namespace

std::string image_annotation(const std::string& cr_name, const std::string& container, bool init) {
  const auto kept = container + (init ? "-init" : "-normal");
  auto full = "chaos-mesh-" + cr_name + "-pod-failure-" + kept + "-image";
  return full.size() > 63 ? kept : full;
}

std::shared_ptr<const action> make_pod() {
  return std::make_shared<pod_chaos>();
}

} // namespace remed::chaos::mesh
