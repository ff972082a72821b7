// Reading a YAML file field by field, with errors that say file, line, column and path.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/result.hpp"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace remed::env {

/// Thrown inside a read and turned into a failure by `read_yaml`; never leaves it.
struct yaml_complaint {
  std::string what;
};

/// One mapping of the file. Its functions complain about wrong types and missing fields.
class yaml_map {
public:
  yaml_map(YAML::Node node, std::string file, std::string path);

  std::vector<std::string> keys() const;
  bool has(const std::string& key) const;
  std::string text(const std::string& key) const; ///< required
  std::string text(const std::string& key, const std::string& otherwise) const;
  double number(const std::string& key, double otherwise, double least, double most) const;
  bool flag(const std::string& key, bool otherwise) const;
  /// A list of strings; absent is empty.
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<yaml_map> maps(const std::string& key) const;
  std::optional<yaml_map> map(const std::string& key) const;
  /// Complains about the first key that is not in the list, naming the nearest that is.
  void refuse_unknown(const std::set<std::string>& known) const;
  [[noreturn]] void fail(const std::string& key, const std::string& why) const;

private:
  [[noreturn]] void fail_at(const YAML::Node& at, const std::string& key,
                            const std::string& why) const;
  YAML::Node find(const std::string& key) const;

  YAML::Node node_;
  std::string file_, path_;
};

/// "; did you mean 'x'?" when a known name is near, else nothing.
std::string nearest_hint(const std::string& name, const std::set<std::string>& known);

/// The file's single document, a mapping.
result<yaml_map> open_yaml(const std::filesystem::path& file);
/// All documents as JSON, with YAML 1.2 core types; empty documents are left out.
result<std::vector<json>> read_yaml_documents(const std::filesystem::path& file);

/// Opens the file and applies `read`, turning its complaints into a failure.
template <class T>
result<T> read_yaml(const std::filesystem::path& file,
                    const std::function<T(const yaml_map&)>& read) {
  auto m = open_yaml(file);
  if (!m) return m.why();
  try {
    return read(*m);
  } catch (const yaml_complaint& c) {
    return failure{errc::bad_input, c.what};
  } catch (const YAML::Exception& e) {
    return failure{errc::bad_input, file.string() + ": " + e.what()};
  }
}

} // namespace remed::env
