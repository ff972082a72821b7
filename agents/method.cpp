#include "agents/method.hpp"

#include "agents/registry.hpp"
#include "runtime/config.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <filesystem>

namespace remed::agents {

namespace {

namespace fs = std::filesystem;

fs::path folder() {
  return data_root() / "configs" / "methods";
}

failure unknown_role(const method& m, const std::string& role) {
  std::vector<std::string> known;
  for (const auto& row : registry()) known.push_back(row.name);
  const auto near = nearest(role, known);
  return {errc::bad_input, "method " + m.name + ": there is no role \"" + role + "\"" +
                               (near.empty() ? "" : "; did you mean \"" + near + "\"?")};
}

failure do_not_meet(const method& m, const std::string& from, const std::string& emits,
                    const std::string& to, const std::string& eats) {
  return {errc::bad_input, "method " + m.name + ": the messages of " + from + " and " + to +
                               " do not meet: " + from + " emits " + emits + ", " + to + " eats " +
                               eats};
}

result<void> check_advisers(const method& m) {
  for (const auto& name : m.advisers) {
    const auto* row = find_role(name);
    if (row == nullptr) return unknown_role(m, name);
    if (row->eats != "probe_request") {
      return do_not_meet(m, "coordinator", "probe_request", name, row->eats);
    }
    if (row->emits != "probe_report") {
      return do_not_meet(m, name, row->emits, "coordinator", "probe_report");
    }
  }
  if (m.advisers.size() > 1) {
    return failure{errc::bad_input, "method " + m.name +
                                        ": the coordinator can ask one adviser, not " +
                                        std::to_string(m.advisers.size())};
  }
  return {};
}

} // namespace

std::vector<std::string> full_ring(const method& m) {
  auto ring = m.ring;
  const auto runner = std::find_if(ring.begin(), ring.end(), [](const std::string& name) {
    const auto* row = find_role(name);
    return row != nullptr && row->eats == "playbook";
  });
  ring.insert(runner, m.reviewers.begin(), m.reviewers.end());
  return ring;
}

result<void> check_ring(const method& m) {
  if (m.ring.empty()) return failure{errc::bad_input, "method " + m.name + ": the ring is empty"};
  std::string emitted = "incident", emitter = "injector";
  for (const auto& name : full_ring(m)) {
    const auto* row = find_role(name);
    if (row == nullptr) return unknown_role(m, name);
    if (row->eats != emitted) return do_not_meet(m, emitter, emitted, name, row->eats);
    emitted = row->emits;
    emitter = name;
  }
  if (emitted != "verdict") return do_not_meet(m, emitter, emitted, "supervisor", "verdict");
  return check_advisers(m);
}

result<method> load_method(const std::string& name_or_file) {
  const bool file = name_or_file.ends_with(".yaml") || name_or_file.ends_with(".yml");
  const auto path = file ? fs::path(name_or_file) : folder() / (name_or_file + ".yaml");
  std::error_code ec;
  if (!file && !fs::exists(path, ec)) {
    const auto near = nearest(name_or_file, shipped_methods());
    return failure{errc::bad_input, "there is no method \"" + name_or_file + "\" in " +
                                        folder().string() +
                                        (near.empty() ? "" : "; did you mean \"" + near + "\"?")};
  }
  auto read = load_yaml<method>(path);
  if (!read) return read.why();
  if (read->name.empty()) read->name = path.stem().string();
  if (auto fits = check_ring(*read); !fits) return fits.why().in(path.string());
  return read;
}

std::vector<std::string> shipped_methods() {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder(), ec)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

result<mind_settings> read_mind(const method& m) {
  mind_settings settings;
  settings.may_probe = !m.advisers.empty();
  settings.text_playbook = m.text_playbook;
  settings.output_chars = static_cast<std::size_t>(std::max<std::int64_t>(m.output_chars, 200));
  const auto prompts = data_root() / "configs" / "prompts";
  for (const auto& [file, text] : {std::pair{&m.prompts.system, &settings.texts.system},
                                   std::pair{&m.prompts.incident, &settings.texts.incident},
                                   std::pair{&m.prompts.reflection, &settings.texts.reflection}}) {
    auto content = read_file(fs::path(*file).is_absolute() ? fs::path(*file) : prompts / *file);
    if (!content) return content.why().in("method " + m.name);
    *text = std::move(*content);
  }
  return settings;
}

} // namespace remed::agents
