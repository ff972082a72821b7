#include "environments/systems/runtimes.hpp"

#include "environments/systems/profile_reader.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <algorithm>

namespace remed::env {

namespace {

std::optional<std::regex> pattern(const yaml_map& m, const std::string& key) {
  auto text = m.text(key, "");
  if (text.empty()) return std::nullopt;
  try {
    return std::regex(text, std::regex::optimize);
  } catch (const std::regex_error&) {
    m.fail(key, "is no regular expression");
  }
}

/// The program a container starts: its name, or for a shell all of the script.
std::string program_of(const json& container) {
  std::vector<std::string> words;
  for (const auto* field : {"command", "args"}) {
    auto found = container.find(field);
    if (found == container.end() || !found->is_array()) continue;
    for (const auto& word : *found) {
      if (word.is_string()) words.push_back(word.get<std::string>());
    }
  }
  if (words.empty()) return {};
  auto name = words[0].substr(words[0].rfind('/') + 1);
  if (name != "sh" && name != "bash" && name != "ash") return words[0] + " ";
  std::string out;
  for (const auto& word : words) out += word + " ";
  return out;
}

} // namespace

result<runtime_catalogue> runtime_catalogue::load() {
  auto file = data_root() / "environments" / "systems" / "runtimes.yaml";
  return read_yaml<runtime_catalogue>(file, [](const yaml_map& all) {
    runtime_catalogue out;
    for (const auto& m : all.maps("runtimes")) {
      row r;
      r.figures.runtime = m.text("name");
      read_figures(m, r.figures);
      r.image = pattern(m, "image");
      r.command = pattern(m, "command");
      for (const auto& port : m.texts("ports")) r.ports.push_back(std::atoi(port.c_str()));
      auto known = figure_keys();
      known.insert({"name", "image", "command", "ports"});
      m.refuse_unknown(known);
      out.rows_.push_back(std::move(r));
    }
    if (out.rows_.empty()) all.fail("runtimes", "at least one is needed");
    return out;
  });
}

service_profile runtime_catalogue::defaults(const std::string& runtime) const {
  for (const auto& r : rows_) {
    if (r.figures.runtime == runtime) return r.figures;
  }
  return rows_.back().figures;
}

bool runtime_catalogue::knows(const std::string& runtime) const {
  return std::any_of(rows_.begin(), rows_.end(),
                     [&](const row& r) { return r.figures.runtime == runtime; });
}

std::vector<std::string> runtime_catalogue::names() const {
  std::vector<std::string> out;
  for (const auto& r : rows_) out.push_back(r.figures.runtime);
  return out;
}

std::string runtime_catalogue::of(const json& container) const {
  const auto command = program_of(container), image = container.value("image", std::string{});
  std::vector<int> ports;
  if (auto declared = container.find("ports"); declared != container.end()) {
    for (const auto& p : *declared) ports.push_back(p.value("containerPort", 0));
  }
  for (const auto& r : rows_) {
    if (r.command && std::regex_search(command, *r.command)) return r.figures.runtime;
  }
  for (const auto& r : rows_) {
    if (r.image && std::regex_search(image, *r.image)) return r.figures.runtime;
  }
  for (const auto& r : rows_) {
    const auto mine = [&](int port) {
      return std::find(r.ports.begin(), r.ports.end(), port) != r.ports.end();
    };
    if (std::any_of(ports.begin(), ports.end(), mine)) return r.figures.runtime;
  }
  return rows_.back().figures.runtime;
}

} // namespace remed::env
