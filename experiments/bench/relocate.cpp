#include "experiments/bench/relocate.hpp"

namespace remed::experiments {

namespace {

void move(json& value, const std::string& from, const std::string& to) {
  if (!value.is_structured()) return;
  for (auto it = value.begin(); it != value.end(); ++it) {
    const bool names_it = value.is_object() && it.key() == "namespace" && *it == from;
    if (names_it)
      *it = to;
    else
      move(*it, from, to);
  }
}

} // namespace

void relocate(env::system_profile& system, const std::string& to) {
  const auto from = system.name;
  shared_list<json> moved;
  for (const auto& manifest : system.manifests) {
    auto copy = manifest;
    move(copy, from, to);
    if (copy.value("kind", "") == "Namespace" && copy["metadata"].value("name", "") == from) {
      copy["metadata"]["name"] = to;
    }
    moved.push_back(std::move(copy));
  }
  system.manifests = std::move(moved);
  const auto said = "namespace " + from;
  for (auto at = system.context.find(said); at != std::string::npos;
       at = system.context.find(said, at + 1)) {
    system.context.replace(at, said.size(), "namespace " + to);
  }
  system.name = to;
}

} // namespace remed::experiments
