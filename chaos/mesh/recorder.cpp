#include "chaos/mesh/recorder.hpp"

#include <cctype>
#include <cstdio>

namespace remed::chaos::mesh {

void say(env::cluster& c, const json& cr, const std::string& component, const std::string& type,
         const std::string& reason, const std::string& message, const std::string& key,
         const std::map<std::string, std::string>& fields) {
  const auto name = text_at(cr, {"metadata", "name"});
  const auto ns = text_at(cr, {"metadata", "namespace"});
  auto stamp = rfc3339(c.now());
  auto event = json::object();
  event["apiVersion"] = "v1";
  event["kind"] = "Event";
  auto& meta = event["metadata"] = json::object();
  // The recorder counts nanoseconds; the number of the next write keeps two at one instant apart.
  auto nanos = static_cast<unsigned long long>(c.now().time_since_epoch().count()) * 1000 +
               c.objects().revision() % 1000;
  char suffix[20];
  std::snprintf(suffix, sizeof suffix, "%llx", nanos);
  for (meta["name"] = name + "." + suffix; c.objects().get("events", {ns, meta["name"]});) {
    std::snprintf(suffix, sizeof suffix, "%llx", ++nanos);
    meta["name"] = name + "." + suffix;
  }
  meta["namespace"] = ns;
  meta["annotations"]["chaos-mesh.org/type"] = key;
  for (const auto& [field, value] : fields) meta["annotations"]["chaos-mesh.org/" + field] = value;
  auto& about = event["involvedObject"] = json::object();
  for (const auto* field : {"apiVersion", "kind"}) about[field] = text_at(cr, {field});
  for (const auto* field : {"name", "namespace", "uid", "resourceVersion"}) {
    about[field] = text_at(cr, {"metadata", field});
  }
  event["type"] = type;
  event["reason"] = reason;
  event["message"] = message;
  event["source"] = json{{"component", component}};
  event["firstTimestamp"] = event["lastTimestamp"] = stamp;
  event["count"] = 1;
  event["eventTime"] = nullptr;
  event["reportingComponent"] = "";
  event["reportingInstance"] = "";
  c.put("events", std::move(event));
}

std::string kebab(const std::string& name) {
  std::string out;
  for (unsigned char ch : name) {
    if (std::isupper(ch) && !out.empty()) out += '-';
    out += static_cast<char>(std::tolower(ch));
  }
  return out;
}

void say_updated(env::cluster& c, const json& cr, const std::string& component,
                 const std::string& field) {
  say(c, cr, component, "Normal", "Updated", "Successfully update " + field + " of resource",
      "updated", {{"field", field}});
}

void say_failed(env::cluster& c, const json& cr, const std::string& component,
                const std::string& activity, const std::string& error) {
  say(c, cr, component, "Warning", "Failed", "Failed to " + activity + ": " + error, "failed",
      {{"activity", activity}, {"err", error}});
}

} // namespace remed::chaos::mesh
