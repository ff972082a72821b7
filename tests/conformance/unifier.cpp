#include "tests/conformance/unifier.hpp"

#include <algorithm>
#include <regex>
#include <set>

namespace remed::conformance {

namespace {

/// Where the recording was cut off: what follows is unknown.
const std::string cut = "…";

bool is_cut(const json& value) {
  if (value.is_object()) return value.contains(cut);
  return value.is_array() && !value.empty() && value.back() == cut;
}

bool fits(const std::string& text, const char* pattern) {
  return std::regex_match(text, std::regex(pattern));
}

bool is_time(const std::string& text) {
  return fits(text, R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)");
}
bool is_age(const std::string& text) {
  return fits(text, R"((\d+[smhdy]){1,2}( ago| \(.*\))?|<unknown>|<invalid>)");
}
bool is_address(const std::string& text) {
  return fits(text, R"(\d+\.\d+\.\d+\.\d+(:\d+)?)");
}

/// "web" of "web-c95c46468-fhzzc", "kube-api-access" of "kube-api-access-x7k2p".
std::string stem(std::string text) {
  while (!text.empty() && text.back() == '-') text.pop_back(); // a generateName
  static const std::regex generated(
      "(.*?)-?([bcdf-hj-np-tv-z2-9]{5,10}(-[bcdf-hj-np-tv-z2-9]{5})?|[0-9a-f]{16})");
  std::smatch parts;
  return std::regex_match(text, parts, generated) ? parts[1].str() : text;
}

/// The machine below the cluster is another one.
bool is_particular(const std::string& key) {
  static const std::set<std::string> keys = {"containerID",
                                             "imageID",
                                             "nodeInfo",
                                             "images",
                                             "capacity",
                                             "allocatable",
                                             "addresses",
                                             "daemonEndpoints",
                                             "continue",
                                             "hostIP",
                                             "hostIPs",
                                             "gitVersion",
                                             "minor",
                                             "usage",
                                             "window",
                                             "gitCommit",
                                             "storageVersionHash",
                                             "goVersion",
                                             "buildDate"};
  return keys.count(key) > 0;
}

/// What came to Kubernetes after the version that the embedded cluster reports.
bool is_newer(const std::string& path) {
  static const std::regex all(
      R"((.*\.emulationM(aj|in)or|.*\.minCompatibilityM(aj|in)or|.*\.terminatingReplicas)"
      R"(|.*\.f:terminatingReplicas|.*\.status.*\.observedGeneration)"
      R"(|.*\.metadata\.generation|.*endpoints\.kubernetes\.io/managed-by))");
  return std::regex_match(path, all);
}

std::string name_of(const json& item) {
  const auto& holder = item.is_object() && item.contains("object") ? item["object"] : item;
  if (!holder.is_object() || !holder.contains("metadata")) return {};
  return holder["metadata"].value("name", "");
}

} // namespace

std::vector<std::string> unifier::differences(const json& recorded, const json& ours) {
  found_.clear();
  compare(recorded, ours, "", "");
  return found_;
}

std::string unifier::translated(std::string text) const {
  std::vector<const std::pair<const std::string, std::string>*> all;
  for (const auto& entry : names_) all.push_back(&entry);
  std::sort(all.begin(), all.end(),
            [](auto* a, auto* b) { return a->first.size() > b->first.size(); });
  for (const auto* entry : all) {
    for (std::size_t at = 0; (at = text.find(entry->first, at)) != std::string::npos;
         at += entry->second.size()) {
      text.replace(at, entry->first.size(), entry->second);
    }
  }
  return text;
}

std::string unifier::version(const std::string& recorded) const {
  auto found = versions_.find(recorded);
  return found == versions_.end() ? std::string{} : found->second;
}

json unifier::translated(const json& body) const {
  if (body.is_string()) {
    auto text = body.get<std::string>();
    auto known = version(text);
    return known.empty() ? translated(text) : known;
  }
  auto out = body;
  if (out.is_structured()) {
    for (auto& member : out) member = translated(member);
  }
  return out;
}

void unifier::differ(const std::string& path, const json& recorded, const json& ours) {
  auto brief = [](const json& value) {
    auto text = value.is_discarded() ? "nothing" : value.dump();
    return text.size() > 160 ? text.substr(0, 160) + cut : text;
  };
  found_.push_back(path + ": recorded " + brief(recorded) + ", ours " + brief(ours));
}

bool unifier::same_text(const std::string& recorded, const std::string& ours,
                        const std::string& key) {
  if (recorded == ours || translated(recorded) == ours) return true;
  if (key == "resourceVersion") {
    versions_[recorded] = ours;
    return true;
  }
  if (key == "uid" || key == "UID") return names_.emplace(recorded, ours).second;
  if (is_time(recorded) && is_time(ours)) return true;
  if (is_age(recorded) && is_age(ours)) return true;
  if (is_address(recorded) && is_address(ours)) return names_.emplace(recorded, ours).second;
  auto comma = recorded.find(','), our_comma = ours.find(',');
  if (comma != std::string::npos && our_comma != std::string::npos) {
    return same_text(recorded.substr(0, comma), ours.substr(0, our_comma), key) &&
           same_text(recorded.substr(comma + 1), ours.substr(our_comma + 1), key);
  }
  if (stem(recorded) != recorded && stem(recorded) == stem(ours)) {
    return names_.emplace(recorded, ours).second;
  }
  return false;
}

void unifier::compare(const json& recorded, const json& ours, const std::string& path,
                      const std::string& key) {
  if (is_particular(key)) return;
  if (recorded.is_object() && ours.is_object()) return compare_objects(recorded, ours, path);
  if (recorded.is_array() && ours.is_array()) return compare_arrays(recorded, ours, path, key);
  if (recorded.is_string() && ours.is_string()) {
    if (!same_text(recorded.get<std::string>(), ours.get<std::string>(), key))
      differ(path, recorded, ours);
    return;
  }
  if (recorded != ours) differ(path, recorded, ours);
}

void unifier::compare_objects(const json& recorded, const json& ours, const std::string& path) {
  std::set<std::string> met;
  // Owners name uids that are met later in the object.
  std::vector<std::string> order;
  for (const auto& [name, value] : recorded.items()) {
    if (name == cut || is_particular(name)) continue;
    order.insert(name == "managedFields" ? order.end() : order.begin(), name);
  }
  for (const auto& name : order) {
    const auto& value = recorded[name];
    auto mine = ours.find(name);
    if (mine == ours.end()) mine = ours.find(translated(json(name)).get<std::string>());
    if (mine == ours.end()) {
      bool only_components =
          name == "managedFields" && std::all_of(value.begin(), value.end(), [](const json& e) {
            auto who = e.is_object() ? e.value("manager", "") : "";
            return who.rfind("kube", 0) == 0 && who.rfind("kubectl", 0) != 0;
          });
      if (only_components || is_newer(path + "." + name)) continue;
      differ(path + "." + name, value, json(json::value_t::discarded));
      continue;
    }
    met.insert(mine.key());
    compare(value, *mine, path + "." + name, name);
  }
  if (is_cut(recorded)) return;
  for (const auto& [name, value] : ours.items()) {
    if (!met.count(name) && !is_particular(name))
      differ(path + "." + name, json(json::value_t::discarded), value);
  }
}

void unifier::compare_arrays(const json& recorded, const json& ours, const std::string& path,
                             const std::string& key) {
  if (key == "items" || key == "rows") return compare_named(recorded, ours, path);
  if (key == "resources") return compare_kinds(recorded, ours, path);
  if (key == "managedFields") return compare_managers(recorded, ours, path);
  auto count = recorded.size() - (is_cut(recorded) ? 1 : 0);
  if (is_cut(recorded) ? ours.size() < count : ours.size() != count) {
    return differ(path, recorded, ours);
  }
  for (std::size_t i = 0; i < count; ++i) {
    compare(recorded[i], ours[i], path + "[" + std::to_string(i) + "]", key);
  }
}

/// Kinds that both servers have are described alike; neither has all of the other's.
void unifier::compare_kinds(const json& recorded, const json& ours, const std::string& path) {
  for (const auto& kind : recorded) {
    if (kind == cut || is_cut(kind)) break;
    auto mine = std::find_if(ours.begin(), ours.end(),
                             [&](const json& k) { return k["name"] == kind["name"]; });
    if (mine != ours.end()) compare(kind, *mine, path + "[" + kind.value("name", "") + "]", "");
  }
}

/// Managers are in the order of time, which is another one here. What the cluster's own components
/// wrote depends on when; only what they own outside the status is the same.
void unifier::compare_managers(const json& recorded, const json& ours, const std::string& path) {
  auto id = [](const json& e) {
    return e.value("manager", "") + " " + e.value("operation", "") + " " +
           e.value("subresource", "");
  };
  for (const auto& entry : recorded) {
    if (entry == cut || is_cut(entry) || !entry.is_object()) break;
    if (entry.value("manager", "").rfind("kube", 0) == 0 && entry["manager"] != "kubelet" &&
        entry.value("manager", "").rfind("kubectl", 0) != 0 && entry.contains("subresource")) {
      continue;
    }
    if (entry["manager"] == "kubelet" || entry["manager"] == "kube-apiserver") continue;
    auto mine =
        std::find_if(ours.begin(), ours.end(), [&](const json& e) { return id(e) == id(entry); });
    auto here = path + "[" + id(entry) + "]";
    if (mine == ours.end())
      differ(here, entry, json(json::value_t::discarded));
    else
      compare(entry, *mine, here, "");
  }
}

/// Lists are in the order of names, and generated names are not the recorded ones.
void unifier::compare_named(const json& recorded, const json& ours, const std::string& path) {
  std::set<std::size_t> taken;
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    if (recorded[i] == cut) break;
    auto name = name_of(recorded[i]);
    if (name.empty() && is_cut(recorded[i])) break; // cut off before it was named
    auto wanted = translated(name);
    std::size_t best = ours.size();
    for (std::size_t k = 0; k < ours.size(); ++k) {
      if (taken.count(k)) continue;
      if (name_of(ours[k]) == wanted) best = k;
      if (best == ours.size() && stem(name) != name && !names_.count(name) &&
          stem(name_of(ours[k])) == stem(name)) {
        best = k;
      }
    }
    auto here = path + "[" + name + "]";
    if (best == ours.size()) {
      differ(here, recorded[i], json(json::value_t::discarded));
      continue;
    }
    taken.insert(best);
    compare(recorded[i], ours[best], here, "");
  }
  if (!is_cut(recorded) && taken.size() < ours.size()) {
    for (std::size_t k = 0; k < ours.size(); ++k) {
      if (!taken.count(k)) differ(path, json(json::value_t::discarded), ours[k]);
    }
  }
}

} // namespace remed::conformance
