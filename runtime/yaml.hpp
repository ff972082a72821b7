// YAML as JSON values that remember where they stood, so that an error can name file, line and
// path.
#pragma once

#include "runtime/json.hpp"
#include "runtime/result.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace YAML {
class Node;
}

namespace remed {

/// A YAML document as JSON. Plain scalars become null, booleans, integers and floats by YAML 1.2's
/// core schema; quoted ones stay strings.
struct yaml_document {
  json value;
  std::string source;               ///< file name, for messages
  std::map<std::string, int> lines; ///< JSON pointer -> line, from 1

  /// "file:line: $.path: what" for the thing at `pointer`, or for its nearest parent.
  failure at(const std::string& pointer, const std::string& what) const;
};

/// All documents of a text or a file; aliases and anchors are resolved, a repeated key is an error.
result<std::vector<yaml_document>> parse_yaml(std::string_view text, const std::string& source);
/// The same of documents that yaml-cpp has parsed already.
result<std::vector<yaml_document>> yaml_documents(const std::vector<YAML::Node>& parsed,
                                                  const std::string& source);
result<std::vector<yaml_document>> read_yaml(const std::filesystem::path& file);
/// The one document of a file.
result<yaml_document> read_yaml_document(const std::filesystem::path& file);

/// What an unquoted scalar means by YAML 1.2's core schema.
json plain_scalar(const std::string& text);

/// Block-style YAML with keys sorted.
std::string to_yaml(const json& value);

} // namespace remed
