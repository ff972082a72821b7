#include "environments/systems/yaml_reader.hpp"

#include "runtime/paths.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace remed::env {

namespace {

std::string place(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file;
  return file + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

/// Levenshtein's distance.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// A plain scalar by the rules of YAML 1.2's core schema; a quoted one is a string.
nlohmann::json scalar_of(const YAML::Node& node) {
  const auto& s = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return s;
  if (s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL") return nullptr;
  if (s == "true" || s == "True" || s == "TRUE") return true;
  if (s == "false" || s == "False" || s == "FALSE") return false;
  if (s.find_first_not_of("+-0123456789.eE") != std::string::npos) return s;
  if (s.find_first_of("0123456789") == std::string::npos) return s;
  char* end = nullptr;
  errno = 0;
  auto whole = std::strtoll(s.c_str(), &end, 10);
  if (*end == '\0' && errno == 0) return whole;
  auto real = std::strtod(s.c_str(), &end);
  if (*end == '\0') return real;
  return s;
}

nlohmann::json to_json(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar_of(node);
    case YAML::NodeType::Sequence: {
      auto out = nlohmann::json::array();
      for (const auto& item : node) out.push_back(to_json(item));
      return out;
    }
    case YAML::NodeType::Map: {
      auto out = nlohmann::json::object();
      for (const auto& item : node) out[item.first.Scalar()] = to_json(item.second);
      return out;
    }
    default:
      return nullptr;
  }
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
  auto value = n.IsScalar() ? scalar_of(n) : nlohmann::json();
  auto range = [&] { return nlohmann::json(least).dump() + " to " + nlohmann::json(most).dump(); };
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
  auto value = n.IsScalar() ? scalar_of(n) : nlohmann::json();
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
  std::string best;
  std::size_t least = name.size() / 2 + 1;
  for (const auto& k : known) {
    auto d = distance(name, k);
    if (d < least) {
      least = d;
      best = k;
    }
  }
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

result<std::vector<nlohmann::json>> read_yaml_documents(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  try {
    std::vector<nlohmann::json> out;
    for (const auto& doc : YAML::LoadAll(*text)) {
      if (!doc.IsNull()) out.push_back(to_json(doc));
    }
    return out;
  } catch (const YAML::Exception& e) {
    return failure{errc::bad_input, place(file.string(), e.mark) + ": " + e.msg};
  }
}

} // namespace remed::env
