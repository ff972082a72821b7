#include "chaos/mesh/recorder.hpp"

#include <cctype>
#include <cstdio>

namespace remed::chaos::mesh {

void say(env::cluster& c, const json& cr, const std::string& component, const std::string& type,
         const std::string& reason, const std::string& message, const std::string& key,
         const std::map<std::string, std::string>& fields) {
  const auto name = text_at(cr, {"metadata", "name"});
  const auto ns = text_at(cr, {"metadata", "namespace"});
  // The recorder counts nanoseconds; the number of the next write keeps two at one instant apart.
  auto nanos = static_cast<unsigned long long>(c.now().time_since_epoch().count()) * 1000 +
               c.objects().revision() % 1000;
  object_key place{ns, {}};
  do {
    char suffix[20];
    std::snprintf(suffix, sizeof suffix, ".%llx", nanos++);
    place.name = name + suffix;
  } while (c.objects().get("events", place));
  json::object_t annotations, meta, about, source, event;
  annotations.emplace("chaos-mesh.org/type", key);
  for (const auto& [field, value] : fields) annotations.emplace("chaos-mesh.org/" + field, value);
  meta.emplace("name", std::move(place.name));
  meta.emplace("namespace", ns);
  meta.emplace("annotations", std::move(annotations));
  for (const auto* field : {"apiVersion", "kind"}) about.emplace(field, text_at(cr, {field}));
  for (const auto* field : {"name", "namespace", "uid", "resourceVersion"})
    about.emplace(field, text_at(cr, {"metadata", field}));
  source.emplace("component", component);
  const auto stamp = rfc3339(c.now());
  event.emplace("apiVersion", "v1");
  event.emplace("kind", "Event");
  event.emplace("metadata", std::move(meta));
  event.emplace("involvedObject", std::move(about));
  event.emplace("type", type);
  event.emplace("reason", reason);
  event.emplace("message", message);
  event.emplace("source", std::move(source));
  event.emplace("firstTimestamp", stamp);
  event.emplace("lastTimestamp", stamp);
  event.emplace("count", 1);
  event.emplace("eventTime", nullptr);
  event.emplace("reportingComponent", "");
  event.emplace("reportingInstance", "");
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
