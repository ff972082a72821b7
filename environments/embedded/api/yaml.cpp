#include "environments/embedded/api/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <cstdlib>

namespace remed::env {

using nlohmann::json;

namespace {

json scalar(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!") return text; // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  auto first = text.find_first_not_of("+-");
  if (first == std::string::npos || first > 1) return text;
  if (text.find_first_not_of("0123456789", first) == std::string::npos && text.size() < 19) {
    return std::strtoll(text.c_str(), nullptr, 10);
  }
  if (text.find_first_not_of("0123456789.eE+-") != std::string::npos) return text;
  if (text[first] < '0' || text[first] > '9') return text;
  char* end = nullptr;
  auto number = std::strtod(text.c_str(), &end);
  return *end == '\0' ? json(number) : json(text);
}

json convert(const YAML::Node& node) {
  if (node.IsMap()) {
    auto out = json::object();
    for (const auto& entry : node) out[entry.first.Scalar()] = convert(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    auto out = json::array();
    for (const auto& item : node) out.push_back(convert(item));
    return out;
  }
  return node.IsScalar() ? scalar(node) : json(nullptr);
}

} // namespace

result<json> yaml_to_json(const std::string& text) {
  try {
    return convert(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    return failure{errc::bad_input, e.what()};
  }
}

} // namespace remed::env
