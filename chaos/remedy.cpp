#include "chaos/remedy.hpp"

#include "chaos/score.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <filesystem>

namespace remed::chaos {

namespace {

namespace fs = std::filesystem;
using env::yaml_map;

fs::path remedies_folder() {
  return data_root() / "chaos" / "remedies";
}

remedy_step read_remedy_step(const yaml_map& m, const json& raw) {
  m.refuse_unknown({"create", "patch", "delete", "rollback", "manifest", "exec", "wait", "each_pod",
                    "each_object"});
  if (m.keys().size() != 1) m.fail("patch", "one action a step");
  const auto verb = m.keys().front();
  remedy_step out;
  if (verb == "each_pod" || verb == "each_object") {
    out = read_remedy_step(*m.map(verb), raw[verb]);
    out.each = verb == "each_pod" ? remedy_step::repeat::pods : remedy_step::repeat::objects;
    return out;
  }
  if (verb == "create" || verb == "patch" || verb == "delete") {
    out.act = read_step(m, raw);
    return out;
  }
  auto with = *m.map(verb);
  if (verb == "exec") {
    with.refuse_unknown({"command"});
    out.what = remedy_step::kind::exec;
    out.command = with.texts("command");
  } else if (verb == "wait") {
    with.refuse_unknown({"seconds"});
    out.what = remedy_step::kind::wait;
    out.seconds = with.number("seconds", 0, 0, 3600);
  } else {
    with.refuse_unknown({"resource", "name"});
    out.what = verb == "rollback" ? remedy_step::kind::rollback : remedy_step::kind::manifest;
    out.resource = with.text("resource", "{{workloads}}");
    out.name = with.text("name");
  }
  return out;
}

remedy read_remedy(const yaml_map& m, const json& raw) {
  m.refuse_unknown({"id", "title", "raises", "interrupts", "steps"});
  remedy out;
  out.id = m.text("id");
  out.title = m.text("title");
  out.raises = m.text("raises", "");
  out.interrupts = m.flag("interrupts", false);
  if (!out.raises.empty() && !flag_weights().count(out.raises))
    m.fail("raises", "'" + out.raises + "' is no flag");
  auto steps = m.maps("steps");
  for (std::size_t i = 0; i < steps.size(); ++i)
    out.steps.push_back(read_remedy_step(steps[i], raw["steps"][i]));
  return out;
}

} // namespace

result<remedy> load_remedy(const std::string& id) {
  const auto file = remedies_folder() / (id + ".yaml");
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    auto known = shipped_remedies();
    return failure{errc::bad_input,
                   "no remedy '" + id + "'" + env::nearest_hint(id, {known.begin(), known.end()})};
  }
  auto documents = env::read_yaml_documents(file);
  if (!documents) return documents.why();
  if (documents->size() != 1)
    return failure{errc::bad_input, file.string() + ": a remedy file is one YAML document"};
  const auto& raw = documents->front();
  return env::read_yaml<remedy>(file, [&](const yaml_map& m) { return read_remedy(m, raw); });
}

std::vector<std::string> shipped_remedies() {
  std::vector<std::string> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(remedies_folder(), ec)) {
    if (entry.path().extension() == ".yaml") out.push_back(entry.path().stem().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace remed::chaos
