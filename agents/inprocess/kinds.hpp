// Which path of the API serves a kind: for the in-process backend, which does no discovery.
#pragma once

#include <optional>
#include <string>

namespace remed::agents {

struct api_kind {
  std::string api_version, kind, plural;
  bool namespaced = true;

  /// Path of the collection, or of one object if a name is given.
  std::string path(const std::string& ns, const std::string& name = {}) const;
  /// As kubectl prints it in `-o name`: "deployment.apps".
  std::string full_name() const;
};

/// By what people type: plural, singular, short name, with or without group ("stresschaos",
/// "deploy", "deployments.apps").
std::optional<api_kind> kind_by_word(const std::string& word);
/// By apiVersion and kind as in manifests; an unknown one is guessed by the rules of plurals.
api_kind kind_by_name(const std::string& api_version, const std::string& kind);

} // namespace remed::agents
