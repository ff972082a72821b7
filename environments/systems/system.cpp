#include "environments/systems/system.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/systems/inference.hpp"
#include "environments/systems/profile_reader.hpp"
#include "environments/systems/runtimes.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

namespace remed::env {

namespace {

namespace fs = std::filesystem;

fs::path systems_folder() {
  return data_root() / "environments" / "systems";
}

result<fs::path> find_folder(const std::string& name_or_folder) {
  std::error_code ignored;
  auto shipped = systems_folder() / name_or_folder;
  if (name_or_folder.find('/') == std::string::npos && fs::is_directory(shipped, ignored)) {
    return shipped;
  }
  fs::path given(name_or_folder);
  if (!name_or_folder.empty() && fs::is_directory(given, ignored)) return given;
  auto known = shipped_systems();
  std::string names;
  for (const auto& n : known) names += (names.empty() ? "" : ", ") + n;
  return failure{errc::bad_input, "no system '" + name_or_folder + "'" +
                                      nearest_hint(name_or_folder, {known.begin(), known.end()}) +
                                      "; shipped: " + names +
                                      "; or give a folder of Kubernetes manifests"};
}

/// Each manifest must be an object Kubernetes could know. A List is its items.
result<void> add_manifests(const fs::path& file, std::vector<json>& out) {
  auto all = read_yaml_documents(file);
  if (!all) return all.why();
  for (std::size_t i = 0; i < all->size(); ++i) {
    auto& one = (*all)[i];
    const auto place = file.string() + ": document " + std::to_string(i + 1);
    if (one.is_object() && text_at(one, {"kind"}) == "List" && one.contains("items")) {
      for (auto& item : one["items"]) out.push_back(std::move(item));
      continue;
    }
    for (const auto* key : {"apiVersion", "kind", "metadata"}) {
      if (one.is_object() && one.contains(key)) continue;
      return failure{errc::bad_input, place + " is no Kubernetes object: '" + key + "' is missing"};
    }
    out.push_back(std::move(one));
  }
  return {};
}

/// Manifests are all files of a folder and of its folder `manifests`, in the order of their names.
result<std::vector<json>> read_manifests(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ec;
  for (const auto& place : {folder, folder / "manifests"}) {
    std::vector<fs::path> here;
    for (const auto& entry : fs::directory_iterator(place, ec)) {
      const auto kind = entry.path().extension();
      if (kind != ".yaml" && kind != ".yml" && kind != ".json") continue;
      if (entry.path().filename() == "system.yaml" || !entry.is_regular_file(ec)) continue;
      here.push_back(entry.path());
    }
    std::sort(here.begin(), here.end());
    files.insert(files.end(), here.begin(), here.end());
  }
  std::vector<json> out;
  for (const auto& file : files) {
    if (auto fine = add_manifests(file, out); !fine) return fine.why();
  }
  return out;
}

/// The namespace most workloads name; none does: the folder's name, as a namespace may be called.
std::string namespace_of(const std::vector<json>& manifests, const fs::path& folder) {
  std::map<std::string, int> named;
  for (const auto& one : manifests) {
    auto ns = text_at(one, {"metadata", "namespace"});
    if (at_path(one, {"spec", "template"}).is_object() && !ns.empty()) ++named[ns];
  }
  auto most = std::max_element(named.begin(), named.end(),
                               [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != named.end()) return most->first;
  auto clean = fs::absolute(folder).lexically_normal();
  auto text = clean.filename().empty() ? clean.parent_path().filename().string()
                                       : clean.filename().string();
  std::string out;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!out.empty() && out.back() != '-')
      out += '-';
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "system" : out.substr(0, 63);
}

/// What agents are told of a system that tells nothing of itself.
std::string described(const system_profile& s) {
  std::string out = s.name + " is a system of " + std::to_string(s.services.size()) +
                    " workloads in the namespace " + s.name + ".";
  std::string doors;
  for (const auto& name : s.entry) doors += (doors.empty() ? "" : ", ") + name;
  if (!doors.empty()) out += " Users come in at " + doors + ".";
  out += "\n";
  for (const auto& [name, profile] : s.services) {
    std::string callees;
    for (const auto& call : profile.calls) callees += (callees.empty() ? "" : ", ") + call.to;
    if (!callees.empty()) out += name + " calls " + callees + ".\n";
  }
  return out;
}

/// The namespace must exist before what is in it.
void need_namespace(system_profile& s) {
  for (const auto& one : s.manifests) {
    if (text_at(one, {"kind"}) == "Namespace" && text_at(one, {"metadata", "name"}) == s.name)
      return;
  }
  auto ns = json::object();
  ns["apiVersion"] = "v1";
  ns["kind"] = "Namespace";
  ns["metadata"]["name"] = s.name;
  s.manifests.push_front(std::move(ns));
}

/// A system.yaml's fields over what is known already.
result<void> override_with(const fs::path& file, const runtime_catalogue& runtimes,
                           system_profile& out) {
  auto read = read_yaml<bool>(file, [&](const yaml_map& m) {
    read_system_fields(m, runtimes, out);
    if (out.services.empty()) m.fail("services", "a system needs at least one service");
    return true;
  });
  if (!read) return read.why();
  return {};
}

result<std::string> declared_name(const fs::path& file) {
  return read_yaml<std::string>(file, [](const yaml_map& m) { return m.text("name", ""); });
}

} // namespace

std::vector<std::string> shipped_systems() {
  std::vector<std::string> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(systems_folder(), ec)) {
    if (fs::exists(entry.path() / "system.yaml", ec)) {
      out.push_back(entry.path().filename().string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

result<system_profile> load_system(const std::string& name_or_folder) {
  auto folder = find_folder(name_or_folder);
  if (!folder) return folder.why();
  auto runtimes = runtime_catalogue::load();
  if (!runtimes) return runtimes.why();
  auto manifests = read_manifests(*folder);
  if (!manifests) return manifests.why();
  const auto file = *folder / "system.yaml";
  const auto told = fs::exists(file);
  system_profile out;
  if (told) {
    auto name = declared_name(file);
    if (!name) return name.why();
    out.name = *name;
  }
  if (out.name.empty()) out.name = namespace_of(*manifests, *folder);
  // What is shipped is described in full.
  if (folder->parent_path() != systems_folder()) {
    std::vector<const json*> objects;
    for (const auto& one : *manifests) objects.push_back(&one);
    infer_services(objects, out.name, *runtimes, out);
    for (const auto& [name, profile] : out.services) out.targets.push_back(name);
  }
  if (told) {
    if (auto read = override_with(file, *runtimes, out); !read) return read.why();
  } else if (out.services.empty()) {
    return failure{errc::bad_input, folder->string() +
                                        ": no Deployment, StatefulSet or DaemonSet " +
                                        "for the namespace " + out.name};
  }
  out.manifests = std::move(*manifests);
  need_namespace(out);
  if (out.context.empty()) out.context = described(out);
  return out;
}

} // namespace remed::env
