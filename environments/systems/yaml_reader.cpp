#include "environments/systems/yaml_reader.hpp"

#include "runtime/config.hpp"
#include "runtime/paths.hpp"
#include "runtime/yaml.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace remed::env {

namespace {

std::string place(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file;
  return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

json scalar_of(const YAML::Node& node) {
  const bool quoted = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
  return quoted ? json(node.Scalar()) : plain_scalar(node.Scalar());
}

} // namespace

yaml_map::yaml_map(YAML::Node node, std::string file, std::string path)
    : node_(std::move(node)), file_(std::move(file)), path_(std::move(path)) {
  if (!node_.IsMap()) {
    throw yaml_complaint{place(file_, node_.Mark()) + ": " + (path_.empty() ? "the file" : path_) +
                         " must be a mapping of keys to values"};
  }
}

YAML::Node yaml_map::find(const std::string& key) const {
  for (const auto& item : node_) {
    if (item.first.Scalar() == key) return item.second;
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

void yaml_map::fail_at(const YAML::Node& at, const std::string& key, const std::string& why) const {
  auto full = path_.empty() ? key : path_ + "." + key;
  auto mark = at.IsDefined() ? at.Mark() : node_.Mark();
  throw yaml_complaint{place(file_, mark) + ": " + full + ": " + why};
}

void yaml_map::fail(const std::string& key, const std::string& why) const {
  fail_at(find(key), key, why);
}

std::vector<std::string> yaml_map::keys() const {
  std::vector<std::string> out;
  for (const auto& item : node_) out.push_back(item.first.Scalar());
  return out;
}

bool yaml_map::has(const std::string& key) const {
  return find(key).IsDefined();
}

std::string yaml_map::text(const std::string& key) const {
  auto n = find(key);
  if (!n.IsDefined()) fail(key, "is required");
  if (!n.IsScalar()) fail_at(n, key, "must be a text");
  return n.Scalar();
}

std::string yaml_map::text(const std::string& key, const std::string& otherwise) const {
  return find(key).IsDefined() ? text(key) : otherwise;
}

double yaml_map::number(const std::string& key, double otherwise, double least, double most) const {
  auto n = find(key);
  if (!n.IsDefined()) return otherwise;
  auto value = n.IsScalar() ? scalar_of(n) : json();
  auto range = [&] { return json(least).dump() + " to " + json(most).dump(); };
  if (!value.is_number()) fail_at(n, key, "must be a number from " + range());
  auto x = value.get<double>();
  if (!(x >= least && x <= most)) {
    fail_at(n, key, n.Scalar() + " is out of range; allowed: " + range());
  }
  return x;
}

bool yaml_map::flag(const std::string& key, bool otherwise) const {
  auto n = find(key);
  if (!n.IsDefined()) return otherwise;
  auto value = n.IsScalar() ? scalar_of(n) : json();
  if (!value.is_boolean()) fail_at(n, key, "must be true or false");
  return value.get<bool>();
}

std::vector<std::string> yaml_map::texts(const std::string& key) const {
  auto n = find(key);
  std::vector<std::string> out;
  if (!n.IsDefined()) return out;
  if (!n.IsSequence()) fail_at(n, key, "must be a list of texts");
  for (const auto& item : n) {
    if (!item.IsScalar()) fail_at(item, key, "must be a list of texts");
    out.push_back(item.Scalar());
  }
  return out;
}

std::vector<yaml_map> yaml_map::maps(const std::string& key) const {
  auto n = find(key);
  std::vector<yaml_map> out;
  if (!n.IsDefined()) return out;
  if (!n.IsSequence()) fail_at(n, key, "must be a list");
  auto full = path_.empty() ? key : path_ + "." + key;
  for (std::size_t i = 0; i < n.size(); ++i) {
    out.emplace_back(n[i], file_, full + "[" + std::to_string(i) + "]");
  }
  return out;
}

std::optional<yaml_map> yaml_map::map(const std::string& key) const {
  auto n = find(key);
  if (!n.IsDefined() || n.IsNull()) return std::nullopt;
  return yaml_map(n, file_, path_.empty() ? key : path_ + "." + key);
}

void yaml_map::refuse_unknown(const std::set<std::string>& known) const {
  for (const auto& item : node_) {
    const auto& key = item.first.Scalar();
    if (known.count(key)) continue;
    fail_at(item.first, key, "unknown key" + nearest_hint(key, known));
  }
}

std::string nearest_hint(const std::string& name, const std::set<std::string>& known) {
  const auto best = nearest(name, {known.begin(), known.end()});
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}

result<yaml_map> open_yaml(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  try {
    return yaml_map(YAML::Load(*text), file.string(), "");
  } catch (const yaml_complaint& c) {
    return failure{errc::bad_input, c.what};
  } catch (const YAML::Exception& e) {
    return failure{errc::bad_input, place(file.string(), e.mark) + ": " + e.msg};
  }
}

result<std::vector<json>> read_yaml_documents(const std::filesystem::path& file) {
  auto documents = remed::read_yaml(file);
  if (!documents) return documents.why();
  std::vector<json> out;
  for (auto& document : *documents) out.push_back(std::move(document.value));
  return out;
}

} // namespace remed::env
