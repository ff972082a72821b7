#include "environments/systems/system.hpp"

#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace remed::env {

namespace {

namespace fs = std::filesystem;

fs::path systems_folder() {
  return data_root() / "environments" / "systems";
}

service_profile::call read_call(const yaml_map& m) {
  service_profile::call out;
  out.to = m.text("to");
  out.per_request = m.number("per_request", out.per_request, 0, 1000);
  out.timeout_s = m.number("timeout_s", out.timeout_s, 0, 3600);
  out.required = m.flag("required", out.required);
  m.refuse_unknown({"to", "per_request", "timeout_s", "required"});
  return out;
}

service_profile read_service(const std::string& name, const yaml_map& m) {
  service_profile out;
  out.name = name;
  out.runtime = m.text("runtime", out.runtime);
  out.cpu_ms = m.number("cpu_ms", out.cpu_ms, 0, 1e6);
  out.idle_millicores = m.number("idle_millicores", out.idle_millicores, 0, 1e6);
  out.memory_mib = m.number("memory_mib", out.memory_mib, 0, 1e7);
  out.start_seconds = m.number("start_seconds", out.start_seconds, 0, 1e5);
  out.latency_ms = m.number("latency_ms", out.latency_ms, 0, 1e6);
  for (const auto& call : m.maps("calls")) out.calls.push_back(read_call(call));
  m.refuse_unknown({"runtime", "cpu_ms", "idle_millicores", "memory_mib", "start_seconds",
                    "latency_ms", "calls"});
  return out;
}

/// Every name that stands for a service must be one.
void check_names(const yaml_map& m, const system_profile& s) {
  std::set<std::string> known;
  for (const auto& [name, profile] : s.services) known.insert(name);
  auto need = [&](const std::string& key, const std::string& name) {
    if (known.count(name)) return;
    m.fail(key, "no service '" + name + "'" + nearest_hint(name, known));
  };
  for (const auto& name : s.entry) need("entry", name);
  for (const auto& name : s.targets) need("targets", name);
  for (const auto& [name, profile] : s.services) {
    for (const auto& call : profile.calls) need("services", call.to);
  }
}

system_profile read_system(const yaml_map& m) {
  system_profile out;
  out.name = m.text("name");
  out.context = m.text("context", "");
  out.entry = m.texts("entry");
  out.targets = m.texts("targets");
  if (auto load = m.map("load")) {
    out.load_rps = load->number("rps", out.load_rps, 0, 1e6);
    load->refuse_unknown({"rps"});
  }
  if (auto slo = m.map("slo")) {
    out.slo_success = slo->number("success", out.slo_success, 0, 1);
    out.slo_p95_ms = slo->number("p95_ms", out.slo_p95_ms, 0, 1e6);
    slo->refuse_unknown({"success", "p95_ms"});
  }
  if (auto services = m.map("services")) {
    for (const auto& name : services->keys()) {
      auto fields = services->map(name);
      out.services[name] = fields ? read_service(name, *fields) : service_profile{};
      out.services[name].name = name;
    }
  }
  if (auto by_fault = m.map("targets_by_fault")) {
    for (const auto& fault : by_fault->keys()) {
      out.targets_by_fault[fault] = by_fault->texts(fault);
    }
  }
  m.refuse_unknown(
      {"name", "context", "entry", "targets", "load", "slo", "services", "targets_by_fault"});
  if (out.services.empty()) m.fail("services", "a system needs at least one service");
  check_names(m, out);
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
  auto out = read_yaml<system_profile>(*folder / "system.yaml", read_system);
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
