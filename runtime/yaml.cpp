#include "runtime/yaml.hpp"

#include "runtime/paths.hpp"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <regex>

namespace remed {

namespace {

// An alias bomb expands exponentially: more nodes than any sensible document has is an error.
constexpr int most_nodes = 200'000;

json scalar(const YAML::Node& node) {
  const bool quoted = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
  return quoted ? json(node.Scalar()) : plain_scalar(node.Scalar());
}

struct converter {
  yaml_document& out;
  int nodes = 0;

  std::string place(const YAML::Node& node, const std::string& what) const {
    return out.source + ":" + std::to_string(node.Mark().line + 1) + ":" +
           std::to_string(node.Mark().column + 1) + ": " + what;
  }

  result<json> convert(const YAML::Node& node, const std::string& pointer) {
    if (++nodes > most_nodes) {
      return failure{errc::bad_input, out.source + ": too large once aliases are expanded"};
    }
    out.lines[pointer] = node.Mark().line + 1;
    if (node.IsScalar()) return scalar(node);
    if (node.IsSequence()) return sequence(node, pointer);
    if (node.IsMap()) return mapping(node, pointer);
    return json(nullptr);
  }

  result<json> sequence(const YAML::Node& node, const std::string& pointer) {
    json list = json::array();
    for (std::size_t i = 0; i < node.size(); ++i) {
      auto item = convert(node[i], pointer + "/" + std::to_string(i));
      if (!item) return item.why();
      list.push_back(std::move(*item));
    }
    return list;
  }

  result<json> mapping(const YAML::Node& node, const std::string& pointer) {
    json map = json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        return failure{errc::bad_input, place(entry.first, "a key must be a plain word")};
      }
      const auto key = entry.first.Scalar();
      if (map.contains(key)) {
        return failure{errc::bad_input, place(entry.first, "the key \"" + key + "\" stands twice")};
      }
      auto value = convert(entry.second, pointer + "/" + key);
      if (!value) return value.why();
      map[key] = std::move(*value);
    }
    return map;
  }
};

void emit(YAML::Emitter& out, const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      out << YAML::BeginMap;
      for (const auto& [key, inner] : value.items()) {
        out << YAML::Key << key << YAML::Value;
        emit(out, inner);
      }
      out << YAML::EndMap;
      break;
    case json::value_t::array:
      out << YAML::BeginSeq;
      for (const auto& inner : value) emit(out, inner);
      out << YAML::EndSeq;
      break;
    case json::value_t::string: {
      const auto& text = value.get_ref<const std::string&>();
      // A string that reads as another type must be quoted to stay a string.
      if (text.find('\n') != std::string::npos)
        out << YAML::Literal << text;
      else if (!plain_scalar(text).is_string())
        out << YAML::DoubleQuoted << text;
      else
        out << text;
      break;
    }
    case json::value_t::null:
      out << YAML::Null;
      break;
    default:
      out << value.dump();
  }
}

} // namespace

json plain_scalar(const std::string& text) {
  if (text == "null" || text == "~" || text == "Null" || text == "NULL" || text.empty()) {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.find_first_of("0123456789") == std::string::npos) return text; // most words
  static const std::regex integer("[-+]?[0-9]{1,18}");
  static const std::regex real(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (std::regex_match(text, integer)) return std::stoll(text);
  if (std::regex_match(text, real)) return std::strtod(text.c_str(), nullptr);
  return text;
}

failure yaml_document::at(const std::string& pointer, const std::string& what) const {
  auto known = pointer;
  auto it = lines.find(known);
  while (it == lines.end() && !known.empty()) {
    known.erase(known.rfind('/'));
    it = lines.find(known);
  }
  std::string path = "$" + pointer;
  for (auto& c : path) {
    if (c == '/') c = '.';
  }
  const auto line = it == lines.end() ? std::string("1") : std::to_string(it->second);
  return {errc::bad_input, source + ":" + line + ": " + path + ": " + what};
}

/// What `parsed` gives, as documents; what it throws, as a failure.
template <class Parsed>
static result<std::vector<yaml_document>> documents_of(const std::string& source, Parsed parsed) {
  std::vector<yaml_document> documents;
  try {
    for (const auto& node : parsed()) {
      if (node.IsNull()) continue;
      yaml_document document;
      document.source = source;
      converter work{document};
      auto value = work.convert(node, "");
      if (!value) return value.why();
      document.value = std::move(*value);
      documents.push_back(std::move(document));
    }
  } catch (const YAML::Exception& e) {
    return failure{errc::bad_input, source + ":" + std::to_string(e.mark.line + 1) + ":" +
                                        std::to_string(e.mark.column + 1) + ": " + e.msg};
  } catch (const std::exception& e) {
    return failure{errc::bad_input, source + ": " + e.what()};
  }
  return documents;
}

result<std::vector<yaml_document>> parse_yaml(std::string_view text, const std::string& source) {
  return documents_of(source, [&] { return YAML::LoadAll(std::string(text)); });
}

result<std::vector<yaml_document>> yaml_documents(const std::vector<YAML::Node>& parsed,
                                                  const std::string& source) {
  return documents_of(
      source, [&]() -> const auto& { return parsed; });
}

result<std::vector<yaml_document>> read_yaml(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) return text.why();
  return parse_yaml(*text, file.string());
}

result<yaml_document> read_yaml_document(const std::filesystem::path& file) {
  auto all = read_yaml(file);
  if (!all) return all.why();
  if (all->size() != 1) {
    return failure{errc::bad_input, file.string() + ": one YAML document is expected, there are " +
                                        std::to_string(all->size())};
  }
  return std::move(all->front());
}

std::string to_yaml(const json& value) {
  YAML::Emitter out;
  emit(out, value);
  return std::string(out.c_str()) + "\n";
}

} // namespace remed
