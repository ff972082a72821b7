#include "environments/systems/system.hpp"

#include "environments/systems/profile_reader.hpp"
#include "environments/systems/runtimes.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <filesystem>

namespace remed::env {

namespace {

namespace fs = std::filesystem;

fs::path systems_folder() {
  return data_root() / "environments" / "systems";
}

system_profile read_system(const yaml_map& m, const runtime_catalogue& runtimes) {
  system_profile out;
  out.name = m.text("name");
  read_system_fields(m, runtimes, out);
  if (out.services.empty()) m.fail("services", "a system needs at least one service");
  return out;
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
                                      "; or give a folder with system.yaml and manifests.yaml"};
}

/// Each manifest must be an object Kubernetes could know.
result<void> check_manifests(const std::vector<nlohmann::json>& all, const std::string& file) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto* key : {"apiVersion", "kind", "metadata"}) {
      if (all[i].is_object() && all[i].contains(key)) continue;
      return failure{errc::bad_input, file + ": document " + std::to_string(i + 1) +
                                          " is no Kubernetes object: '" + key + "' is missing"};
    }
  }
  return {};
}

} // namespace

result<system_profile> load_system(const std::string& name_or_folder) {
  auto folder = find_folder(name_or_folder);
  if (!folder) return folder.why();
  auto runtimes = runtime_catalogue::load();
  if (!runtimes) return runtimes.why();
  auto out = read_yaml<system_profile>(
      *folder / "system.yaml", [&](const yaml_map& m) { return read_system(m, *runtimes); });
  if (!out) return out.why();
  auto manifests = read_yaml_documents(*folder / "manifests.yaml");
  if (!manifests) return manifests.why();
  auto fine = check_manifests(*manifests, (*folder / "manifests.yaml").string());
  if (!fine) return fine.why();
  out->manifests = std::move(*manifests);
  return out;
}

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

} // namespace remed::env
