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

undo_step read_undo(const yaml_map& m, const json& raw) {
  m.refuse_unknown({"delete", "restore", "patch", "load"});
  if (m.keys().size() != 1) m.fail("delete", "a step is one of delete, restore, patch, load");
  undo_step out;
  const auto verb = m.keys().front();
  if (verb == "load") {
    out.what = undo_step::kind::load;
    return out;
  }
  out.what = verb == "restore" ? undo_step::kind::restore
             : verb == "patch" ? undo_step::kind::patch
                               : undo_step::kind::remove;
  auto what = *m.map(verb);
  what.refuse_unknown(verb == "patch" ? std::set<std::string>{"resource", "name", "body"}
                                      : std::set<std::string>{"resource", "name"});
  out.resource = what.text("resource");
  out.name = what.text("name");
  if (verb == "patch") out.body = raw["patch"]["body"];
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

/// Making and undoing.
void read_steps(const yaml_map& m, const json& raw, fault& out) {
  out.control = m.flag("control", false);
  auto inject = m.maps("inject");
  if (inject.empty() && !out.control) m.fail("inject", "needs at least one step");
  for (std::size_t i = 0; i < inject.size(); ++i)
    out.inject.push_back(read_step(inject[i], raw["inject"][i]));
  auto noise = m.maps("noise");
  for (std::size_t i = 0; i < noise.size(); ++i) {
    out.noise.push_back(read_step(noise[i], raw["noise"][i]));
    if (out.noise.back().what != inject_step::kind::create)
      noise[i].fail("create", "noise only creates objects: they are removed at the end");
  }
  auto inverse = m.maps("inverse");
  if (inverse.empty() && !out.control)
    m.fail("inverse", "needs at least one step: a fault must be undone");
  for (std::size_t i = 0; i < inverse.size(); ++i)
    out.inverse.push_back(read_undo(inverse[i], raw["inverse"][i]));
  out.rearm = m.flag("rearm", false);
  if (m.has("cause")) out.cause = read_predicates(m, "cause", raw["cause"]);
  const bool patches = std::any_of(out.inject.begin(), out.inject.end(), [](const auto& step) {
    return step.what == inject_step::kind::patch;
  });
  if (out.rearm && out.cause.empty() && !patches)
    m.fail("rearm",
           "what is injected again and again needs a cause that can be removed: a patch "
           "among the steps of 'inject', or 'cause'");
}

void read_remedies(const yaml_map& m, fault& out) {
  out.accepted = m.texts("accepted");
  out.unacceptable = m.texts("unacceptable");
  auto remedies = m.map("remedies");
  if (!remedies) return;
  remedies->refuse_unknown({"accepted", "unacceptable"});
  out.accepted_remedies = remedies->texts("accepted");
  out.unacceptable_remedies = remedies->texts("unacceptable");
}

fault read_fault(const yaml_map& m, const json& raw) {
  m.refuse_unknown({"id", "title", "class", "lifetime", "control", "inject", "noise", "inverse",
                    "rearm", "cause", "symptom", "oracle", "report", "accepted", "unacceptable",
                    "remedies"});
  fault out;
  out.id = m.text("id");
  out.title = m.text("title");
  out.category = m.text("class");
  if (!fault_classes().count(out.category)) {
    std::string all;
    for (const auto& one : fault_classes()) all += (all.empty() ? "" : ", ") + one;
    m.fail("class", "'" + out.category + "' is no class" +
                        env::nearest_hint(out.category, fault_classes()) + "; one of " + all);
  }
  out.lives_in = read_lifetime(m);
  read_steps(m, raw, out);
  if (!out.control || m.has("symptom"))
    out.symptom = read_predicates(m, "symptom", raw.value("symptom", json::array()));
  out.oracle = read_predicates(m, "oracle", raw.value("oracle", json::array()));
  out.report = m.text("report");
  read_remedies(m, out);
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

const std::set<std::string>& fault_classes() {
  static const std::set<std::string> all = {
      "availability", "compound", "configuration", "control", "control-plane", "data",
      "disk",         "dns",      "image",         "load",    "metastable",    "network",
      "probe",        "resource", "scheduling",    "service"};
  return all;
}

inject_step read_step(const yaml_map& m, const json& raw) {
  m.refuse_unknown({"create", "patch", "delete", "load"});
  if (m.keys().size() != 1) m.fail("create", "a step is one of create, patch, delete, load");
  inject_step out;
  if (raw.contains("create")) {
    auto object = *m.map("create");
    object.text("apiVersion");
    object.text("kind");
    out.body = raw["create"];
    return out;
  }
  if (raw.contains("load")) {
    out.what = inject_step::kind::load;
    auto load = *m.map("load");
    load.refuse_unknown({"of_capacity"});
    out.of_capacity = load.number("of_capacity", 1, 0, 1000);
    return out;
  }
  const bool patches = raw.contains("patch");
  auto step = *m.map(patches ? "patch" : "delete");
  step.refuse_unknown(patches ? std::set<std::string>{"resource", "name", "body"}
                              : std::set<std::string>{"resource", "name"});
  out.what = patches ? inject_step::kind::patch : inject_step::kind::remove;
  out.resource = step.text("resource");
  out.name = step.text("name");
  if (!patches) return out;
  if (!step.map("body")) step.fail("body", "is missing: the strategic merge patch");
  out.body = raw["patch"]["body"];
  return out;
}

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
