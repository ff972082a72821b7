#include "chaos/fault.hpp"

#include "chaos/oracle.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/event_log.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace remed::chaos {

namespace {

namespace fs = std::filesystem;
using env::yaml_map;

fs::path faults_folder() {
  return data_root() / "chaos" / "faults";
}

env::lifetime read_lifetime(const yaml_map& m) {
  static const std::map<std::string, env::lifetime> words = {
      {"container", env::lifetime::container},
      {"sandbox", env::lifetime::sandbox},
      {"pod", env::lifetime::pod},
      {"workload", env::lifetime::workload}};
  auto text = m.text("lifetime");
  auto found = words.find(text);
  if (found != words.end()) return found->second;
  m.fail("lifetime", "'" + text + "' is none of container, sandbox, pod, workload");
}

inject_step read_inject(const yaml_map& m, const json& raw) {
  inject_step out;
  m.refuse_unknown({"create", "patch"});
  if (m.keys().size() != 1) m.fail("create", "a step is either 'create' or 'patch'");
  if (raw.contains("create")) {
    auto object = *m.map("create");
    object.text("apiVersion");
    object.text("kind");
    out.body = raw["create"];
    return out;
  }
  auto patch = *m.map("patch");
  patch.refuse_unknown({"resource", "name", "body"});
  out.what = inject_step::kind::patch;
  out.resource = patch.text("resource");
  out.name = patch.text("name");
  if (!patch.map("body")) patch.fail("body", "is missing: the strategic merge patch");
  out.body = raw["patch"]["body"];
  return out;
}

undo_step read_undo(const yaml_map& m) {
  m.refuse_unknown({"delete", "restore"});
  if (m.keys().size() != 1) m.fail("delete", "a step is either 'delete' or 'restore'");
  undo_step out;
  auto restore = m.map("restore");
  out.what = restore ? undo_step::kind::restore : undo_step::kind::remove;
  auto what = restore ? *restore : *m.map("delete");
  what.refuse_unknown({"resource", "name"});
  out.resource = what.text("resource");
  out.name = what.text("name");
  return out;
}

std::vector<predicate> read_predicates(const yaml_map& m, const std::string& key, const json& raw);

bool is_of_kind(const json& value, const std::string& kind) {
  if (kind == "number") return value.is_number();
  if (kind == "flag") return value.is_boolean();
  if (kind == "text") return value.is_string();
  if (kind == "predicates") return value.is_array();
  return value.is_array() &&
         std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
}

predicate read_predicate(const yaml_map& m, const json& raw) {
  std::set<std::string> known;
  for (const auto& [name, kind] : predicate_kinds()) known.insert(name);
  m.refuse_unknown(known);
  if (raw.size() != 1) m.fail(m.keys().empty() ? "" : m.keys().back(), "one check an entry");
  predicate out{raw.begin().key(), raw.begin().value()};
  const auto& kind = predicate_kinds().at(out.name);
  if (kind.parameters.count("of")) { // a combination: a list of checks
    read_predicates(m, out.name, out.with);
    out.with = json{{"of", out.with}};
    return out;
  }
  auto parameters = m.map(out.name);
  if (!parameters) {
    out.with = json::object();
    return out;
  }
  std::set<std::string> allowed;
  for (const auto& [name, type] : kind.parameters) allowed.insert(name);
  parameters->refuse_unknown(allowed);
  for (const auto& [name, value] : out.with.items()) {
    const auto& type = kind.parameters.at(name);
    if (!is_of_kind(value, type)) parameters->fail(name, "must be a " + type);
  }
  return out;
}

std::vector<predicate> read_predicates(const yaml_map& m, const std::string& key, const json& raw) {
  std::vector<predicate> out;
  auto all = m.maps(key);
  if (all.empty()) m.fail(key, "needs at least one check");
  for (std::size_t i = 0; i < all.size(); ++i) out.push_back(read_predicate(all[i], raw[i]));
  return out;
}

fault read_fault(const yaml_map& m, const json& raw) {
  m.refuse_unknown({"id", "title", "class", "lifetime", "inject", "inverse", "symptom", "oracle",
                    "report", "accepted", "unacceptable"});
  fault out;
  out.id = m.text("id");
  out.title = m.text("title");
  out.category = m.text("class");
  static const std::set<std::string> classes = {"resource", "network", "disk", "availability",
                                                "configuration"};
  if (!classes.count(out.category)) {
    m.fail("class", "'" + out.category + "' is no class" +
                        env::nearest_hint(out.category, classes) +
                        "; one of resource, network, disk, availability, configuration");
  }
  out.lives_in = read_lifetime(m);
  auto inject = m.maps("inject");
  if (inject.empty()) m.fail("inject", "needs at least one step");
  for (std::size_t i = 0; i < inject.size(); ++i) {
    out.inject.push_back(read_inject(inject[i], raw["inject"][i]));
  }
  auto inverse = m.maps("inverse");
  if (inverse.empty()) m.fail("inverse", "needs at least one step: a fault must be undone");
  for (const auto& step : inverse) out.inverse.push_back(read_undo(step));
  out.symptom = read_predicates(m, "symptom", raw.value("symptom", json::array()));
  out.oracle = read_predicates(m, "oracle", raw.value("oracle", json::array()));
  out.report = m.text("report");
  out.accepted = m.texts("accepted");
  out.unacceptable = m.texts("unacceptable");
  return out;
}

result<fs::path> find_file(const std::string& id_or_file) {
  std::error_code ignored;
  if (id_or_file.find('/') != std::string::npos || id_or_file.ends_with(".yaml")) {
    return fs::path(id_or_file);
  }
  auto shipped = faults_folder() / (id_or_file + ".yaml");
  if (fs::exists(shipped, ignored)) return shipped;
  auto known = shipped_faults();
  std::string names;
  for (const auto& n : known) names += (names.empty() ? "" : ", ") + n;
  return failure{errc::bad_input, "no fault '" + id_or_file + "'" +
                                      env::nearest_hint(id_or_file, {known.begin(), known.end()}) +
                                      "; shipped: " + names + "; or give a file ending in .yaml"};
}

} // namespace

result<fault> load_fault(const std::string& id_or_file) {
  auto file = find_file(id_or_file);
  if (!file) return file.why();
  auto documents = env::read_yaml_documents(*file);
  if (!documents) return documents.why();
  if (documents->size() != 1) {
    return failure{errc::bad_input, file->string() + ": a fault file is one YAML document"};
  }
  const auto& raw = documents->front();
  return env::read_yaml<fault>(*file, [&](const yaml_map& m) { return read_fault(m, raw); });
}

std::vector<std::string> shipped_faults() {
  std::vector<std::string> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(faults_folder(), ec)) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string filled(std::string text, const words& with) {
  for (const auto& [word, value] : with) {
    const auto mark = "{{" + word + "}}";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
      text.replace(at, mark.size(), value);
      at += value.size();
    }
  }
  return text;
}

json filled(const json& value, const words& with) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const bool port = text == "{{port}}" || text == "{{service_port}}";
    auto out = filled(text, with);
    // By itself a port is a number.
    return port && out != text ? json(std::stoll(out)) : json(std::move(out));
  }
  if (value.is_array()) {
    auto out = json::array();
    for (const auto& each : value) out.push_back(filled(each, with));
    return out;
  }
  if (!value.is_object()) return value;
  auto out = json::object();
  for (const auto& [key, each] : value.items()) out[filled(key, with)] = filled(each, with);
  return out;
}

std::string object_name(const fault& f, const std::string& experiment) {
  return f.id + "-" + sha256(experiment).substr(0, 8);
}

} // namespace remed::chaos
