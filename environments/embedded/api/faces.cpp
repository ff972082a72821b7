#include "environments/embedded/api/faces.hpp"

#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

void rename(json& obj, const char* from, const char* to) {
  auto found = obj.find(from);
  if (found == obj.end()) return;
  auto value = std::move(*found);
  obj.erase(from);
  obj[to] = std::move(value);
}

constexpr std::pair<const char*, const char*> event_names[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
    {"reportingComponent", "reportingController"}};

/// events.k8s.io: other names, and eventTime is always there since python's client demands it.
json new_event(json e) {
  auto first = e.value("firstTimestamp", json());
  for (const auto& [core, other] : event_names) rename(e, core, other);
  if (at_path(e, {"eventTime"}).is_null() && first.is_string()) {
    auto t = parse_time(first.get<std::string>());
    if (t) e["eventTime"] = rfc3339_micro(*t);
  }
  return e;
}

json old_autoscaler(json h) {
  json target, current;
  for (const auto& m : at_path(h, {"spec", "metrics"})) {
    const auto& percent = at_path(m, {"resource", "target", "averageUtilization"});
    if (text_at(m, {"resource", "name"}) == "cpu" && percent.is_number()) target = percent;
  }
  if (h.contains("spec")) h["spec"].erase("metrics");
  if (!target.is_null()) h["spec"]["targetCPUUtilizationPercentage"] = target;
  for (const auto& m : at_path(h, {"status", "currentMetrics"})) {
    const auto& percent = at_path(m, {"resource", "current", "averageUtilization"});
    if (percent.is_number()) current = percent;
  }
  if (!current.is_null()) h["status"]["currentCPUUtilizationPercentage"] = current;
  if (h.contains("status")) {
    h["status"].erase("currentMetrics");
    h["status"].erase("conditions");
  }
  return h;
}

json new_autoscaler(json h) {
  auto& spec = h["spec"];
  auto percent = spec.value("targetCPUUtilizationPercentage", 80);
  spec.erase("targetCPUUtilizationPercentage");
  auto target = json::object();
  target["type"] = "Utilization";
  target["averageUtilization"] = percent;
  auto metric = json::object();
  metric["type"] = "Resource";
  metric["resource"] = {{"name", "cpu"}, {"target", target}};
  spec["metrics"] = json::array();
  spec["metrics"].push_back(metric);
  return h;
}

} // namespace

bool is_stored_face(const resource_type& type) {
  const bool beats = type.plural == "nodes" || type.plural == "leases"; // made up when looked at
  return !beats && type.group != "events.k8s.io" &&
         !(type.group == "autoscaling" && type.version == "v1");
}

json face_of(const resource_type& type, const json& stored) {
  auto out = stored;
  if (type.group == "events.k8s.io") out = new_event(std::move(out));
  if (type.group == "autoscaling" && type.version == "v1") out = old_autoscaler(std::move(out));
  out["apiVersion"] = type.api_version();
  return out;
}

json stored_form(const resource_type& type, json sent) {
  if (type.group == "events.k8s.io") {
    for (const auto& [core, other] : event_names) rename(sent, other, core);
    sent["apiVersion"] = "v1";
  }
  if (type.group == "autoscaling" && type.version == "v1") {
    sent = new_autoscaler(std::move(sent));
    sent["apiVersion"] = "autoscaling/v2";
  }
  return sent;
}

} // namespace remed::env
