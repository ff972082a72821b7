#include "experiments/bench/manifest.hpp"

#include "chaos/score.hpp"
#include "experiments/record.hpp"
#include "runtime/event_log.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <sstream>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& folder) {
  return folder / "manifest.json";
}

std::string wall_time() {
  return rfc3339(vtime{
      std::chrono::duration_cast<duration>(std::chrono::system_clock::now().time_since_epoch())});
}

/// The hash of a file, or of all files below a folder with their names.
std::string fingerprint(const fs::path& path) {
  std::error_code ec;
  if (!fs::is_directory(path, ec)) {
    const auto text = read_file(path);
    return text ? sha256(*text) : "";
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path, ec)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::string all;
  for (const auto& file : files) {
    all += fs::relative(file, path, ec).string() + '\n' + fingerprint(file) + '\n';
  }
  return sha256(all);
}

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml");
}

/// Notes what a name stands for: a path as it is, else `folder`/name, with or without .yaml. What
/// is no file (a policy) is part of the version.
void note(json& files, const fs::path& folder, const std::string& name) {
  const auto root = data_root();
  for (const auto& path : is_path(name) ? std::vector<fs::path>{name}
                                        : std::vector<fs::path>{root / folder / (name + ".yaml"),
                                                                root / folder / name}) {
    std::error_code ec;
    if (!fs::exists(path, ec)) continue;
    files[is_path(name) ? name : (folder / path.filename()).string()] = fingerprint(path);
    return;
  }
}

json files_of(const bench_request& request, const std::vector<experiment_spec>& plan) {
  json files = json::object();
  std::set<std::string> faults;
  for (const auto& spec : plan) faults.insert(spec.fault);
  for (const auto& name : faults) note(files, "chaos/faults", name);
  for (const auto& name : request.suites) note(files, "experiments/suites", name);
  for (const auto& name : request.systems) note(files, "environments/systems", name);
  for (const auto& name : request.methods) note(files, "configs/methods", name);
  for (const auto& name : request.models) note(files, "configs/models", name);
  note(files, "configs", "prompts");
  note(files, "configs", "verification");
  return files;
}

std::string joined(const json& list) {
  if (!list.is_array()) return list.is_string() ? list.get<std::string>() : list.dump();
  std::string out;
  for (const auto& one : list) {
    out += (out.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
  }
  return out;
}

/// "suites: easy, now hard" for each key whose value changed.
void compare(const json& then, const json& now, std::vector<std::string>& out) {
  for (const auto& [key, value] : now.items()) {
    if (then.value(key, json()) == value) continue;
    out.push_back(key + ": " + joined(then.value(key, json())) + " in the manifest, now " +
                  joined(value));
  }
}

void compare_files(const json& then, const json& now, std::vector<std::string>& out) {
  for (const auto& [name, hash] : then.items()) {
    if (!now.contains(name))
      out.push_back(name + " is gone");
    else if (now[name] != hash)
      out.push_back(name + " has changed");
  }
  for (const auto& [name, hash] : now.items()) {
    if (!then.contains(name)) out.push_back(name + " is new");
  }
}

void compare_plans(const std::vector<experiment_spec>& then,
                   const std::vector<experiment_spec>& now, std::vector<std::string>& out) {
  if (then.size() != now.size()) {
    out.push_back("plan: " + std::to_string(then.size()) + " experiments in the manifest, now " +
                  std::to_string(now.size()));
    return;
  }
  for (std::size_t i = 0; i < then.size(); ++i) {
    if (json(then[i]) == json(now[i])) continue;
    out.push_back("plan: experiment " + std::to_string(i + 1) + " is " + then[i].id +
                  " in the manifest, now " + now[i].id);
    return;
  }
}

} // namespace

result<bench_manifest> make_manifest(const bench_request& request,
                                     const bench_conditions& conditions) {
  bench_manifest m;
  auto specs = plan(request);
  if (!specs) return specs.why();
  m.begun = wall_time();
  m.version = REMED_VERSION;
  m.score_version = chaos::score_version;
  m.request = request;
  m.conditions = conditions;
  m.plan = std::move(*specs);
  m.files = files_of(request, m.plan);
  return m;
}

result<void> save_manifest(const fs::path& folder, const bench_manifest& m) {
  auto written = write_file(file_of(folder), json(m).dump(1) + "\n");
  if (!written) return written;
  auto kept = sync_file(file_of(folder));
  return kept ? sync_file(folder) : kept;
}

result<bench_manifest> load_manifest(const fs::path& folder) {
  if (!holds_bench(folder)) {
    return failure{errc::bad_input, folder.string() + " holds no bench: it has no manifest.json"};
  }
  auto text = read_file(file_of(folder));
  if (!text) return text.why();
  return read_json<bench_manifest>(*text).in(file_of(folder).string());
}

bool holds_bench(const fs::path& folder) {
  std::error_code ec;
  return fs::is_regular_file(file_of(folder), ec);
}

std::vector<std::string> differences(const bench_manifest& then, const bench_manifest& now) {
  std::vector<std::string> out;
  if (then.version != now.version) {
    out.push_back("version: remed " + then.version + " in the manifest, now " + now.version);
  }
  if (then.score_version != now.score_version) {
    out.push_back("score: version " + std::to_string(then.score_version) +
                  " in the manifest, now " + std::to_string(now.score_version));
  }
  compare(json(then.request), json(now.request), out);
  compare(json(then.conditions), json(now.conditions), out);
  compare_files(then.files, now.files, out);
  if (out.empty()) compare_plans(then.plan, now.plan, out);
  return out;
}

} // namespace remed::experiments
