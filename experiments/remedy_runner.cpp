#include "experiments/remedy_runner.hpp"

#include "chaos/api_path.hpp"
#include "chaos/workload_view.hpp"

#include <algorithm>
#include <cstdlib>

namespace remed::experiments {

namespace {

using chaos::api_path;
using chaos::filled;
using chaos::inject_step;
using chaos::remedy_step;

constexpr auto as_json = "application/json";
constexpr auto as_merge = "application/merge-patch+json";
constexpr auto as_strategic = "application/strategic-merge-patch+json";
constexpr auto as_patch = "application/json-patch+json";

std::string complaint(const agents::api_answer& answer) {
  return answer.ok() ? "" : std::to_string(answer.status) + " " + answer.message();
}

std::string selector_of(const json& workload) {
  std::string out;
  const auto labels = workload.value("/spec/selector/matchLabels"_json_pointer, json::object());
  for (const auto& [key, value] : labels.items()) {
    out += (out.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  }
  return "?labelSelector=" + tools::percent_encode(out);
}

class runner {
public:
  explicit runner(const operating_room& room)
      : room_(room), known_(chaos::words_of(room.about, {})) {}

  std::string step(const remedy_step& s) {
    std::vector<chaos::words> each = {known_};
    if (s.each == remedy_step::repeat::pods) each = for_pods();
    if (s.each == remedy_step::repeat::objects) each = for_objects();
    for (const auto& w : each) {
      auto refused = once(s, w);
      if (!refused.empty()) return refused;
    }
    return {};
  }

  void name(const std::string& object) { known_["name"] = object; }

private:
  std::vector<chaos::words> for_pods() const {
    std::vector<chaos::words> out;
    const auto& target = room_.about.where.target;
    const auto workload =
        room_.api.get(api_path(known_.at("workloads"), room_.about.ns, target)).value();
    const auto pods =
        room_.api.get(api_path("pods", room_.about.ns) + selector_of(workload)).value();
    for (const auto& pod : pods.value("items", json::array())) {
      out.push_back(known_);
      out.back()["pod"] = pod.at("metadata").value("name", "");
    }
    return out;
  }

  std::vector<chaos::words> for_objects() const {
    std::vector<chaos::words> out;
    for (const auto& made : room_.objects) {
      const auto slash = made.find('/'), last = made.rfind('/');
      if (slash == std::string::npos || made.find(' ') != std::string::npos) continue;
      out.push_back(known_);
      out.back()["resource"] = made.substr(0, slash);
      out.back()["object"] = made.substr(last + 1);
    }
    return out;
  }

  std::string once(const remedy_step& s, const chaos::words& w) {
    switch (s.what) {
      case remedy_step::kind::act:
        return act(s.act, w);
      case remedy_step::kind::rollback:
        return roll_back(filled(s.name, w));
      case remedy_step::kind::manifest:
        return apply(filled(s.resource, w), filled(s.name, w));
      case remedy_step::kind::exec:
        return exec(s.command, w);
      case remedy_step::kind::wait:
        room_.let_pass(from_seconds(s.seconds));
        return {};
    }
    return {};
  }

  std::string act(const inject_step& s, const chaos::words& w) {
    if (s.what == inject_step::kind::create) {
      const auto object = filled(s.body, w);
      return complaint(
          room_.api.call("POST", api_path(chaos::table_of(object), room_.about.ns), object.dump()));
    }
    const auto path = api_path(filled(s.resource, w), room_.about.ns, filled(s.name, w));
    if (s.what == inject_step::kind::remove) return complaint(room_.api.call("DELETE", path));
    const auto body = filled(s.body, w).dump();
    auto answer = room_.api.call("PATCH", path, body, as_strategic);
    if (answer.status == 415) answer = room_.api.call("PATCH", path, body, as_merge);
    return complaint(answer);
  }

  /// As `kubectl rollout undo`.
  std::string roll_back(const std::string& name) {
    const auto at = "/metadata/annotations/deployment.kubernetes.io~1revision"_json_pointer;
    const auto path = api_path("deployments.apps", room_.about.ns, name);
    const auto now = room_.api.get(path);
    if (!now.ok()) return complaint(now);
    const auto sets =
        room_.api.get(api_path("replicasets.apps", room_.about.ns) + selector_of(now.value()));
    const auto revision = [&](const json& o) { return std::atoi(o.value(at, "0").c_str()); };
    const auto newest = revision(now.value());
    json before;
    for (const auto& set : sets.value().value("items", json::array())) {
      const bool older = revision(set) < newest;
      if (older && (before.is_null() || revision(set) > revision(before))) before = set;
    }
    if (before.is_null()) return "there is no revision before " + std::to_string(newest);
    auto kept = before.at("spec").at("template");
    kept["metadata"]["labels"].erase("pod-template-hash");
    json replace = json::object();
    replace["op"] = "replace";
    replace["path"] = "/spec/template";
    replace["value"] = std::move(kept);
    return complaint(room_.api.call("PATCH", path, json::array({replace}).dump(), as_patch));
  }

  std::string apply(const std::string& resource, const std::string& name) {
    const bool service = resource == "services";
    const auto& system = room_.about.system;
    const auto& declared =
        service ? chaos::declared_service(system, name) : chaos::declared_workload(system, name);
    if (!declared.is_object()) return "no manifest declares " + resource + "/" + name;
    const auto path = api_path(resource, room_.about.ns, name);
    const auto now = room_.api.get(path);
    if (!now.ok()) return complaint(now);
    auto object = now.value();
    auto spec = declared.at("spec");
    // What the server gave the object once stays its own.
    for (const auto* kept : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      if (service && !spec.contains(kept) && object["spec"].contains(kept))
        spec[kept] = object["spec"][kept];
    }
    object["spec"] = std::move(spec);
    return complaint(room_.api.call("PUT", path, object.dump(), as_json));
  }

  std::string exec(const std::vector<std::string>& command, const chaos::words& w) {
    // Its end is not asked for: who ends the container ends the command as well.
    room_.api.exec(room_.about.ns, w.at("pod"), w.at("container"), command,
                   [](int, const std::string&) {});
    return {};
  }

  const operating_room& room_;
  chaos::words known_;
};

} // namespace

std::string carry_out(const chaos::remedy& what, const operating_room& where) {
  runner r(where);
  if (!where.objects.empty()) {
    const auto& made = where.objects.front();
    r.name(made.substr(made.rfind('/') + 1));
  }
  for (const auto& step : what.steps) {
    auto refused = r.step(step);
    if (!refused.empty()) return refused;
  }
  return {};
}

} // namespace remed::experiments
