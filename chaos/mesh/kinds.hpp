// The kinds of experiments, and their words in objects.
#pragma once

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/cluster.hpp"

#include <memory>
#include <string>
#include <vector>

namespace remed::chaos::mesh {

using env::at_path;
using env::json;
using env::object_key;
using env::text_at;

inline constexpr const char* group = "chaos-mesh.org";
inline constexpr const char* api_version = "chaos-mesh.org/v1alpha1";
inline constexpr const char* own_namespace = "chaos-mesh";
inline constexpr const char* network_child = "podnetworkchaos.chaos-mesh.org";
inline constexpr const char* io_child = "podiochaos.chaos-mesh.org";
inline constexpr const char* http_child = "podhttpchaos.chaos-mesh.org";

/// What the records of a kind name.
enum class records { pods, containers, volumes, machines, cloud };

class action;

/// One kind of experiment: all that differs from kind to kind stands here.
struct kind_info {
  std::string kind;     ///< "StressChaos"
  std::string resource; ///< "stresschaos.chaos-mesh.org"
  std::string embedded; ///< its name in schedules and workflows: "stressChaos"
  records named = records::pods;
  /// Actions whose records name containers although the others' name pods.
  std::vector<std::string> on_containers;
  /// Actions that are done once and never undone: neither a pause nor a duration applies.
  std::vector<std::string> one_shot;
  std::shared_ptr<const action> how;
};
const std::vector<kind_info>& kinds();
/// By its table, or none.
const kind_info* kind_of(const std::string& resource);
/// By its kind ("StressChaos"), or none.
const kind_info* kind_named(const std::string& kind);

std::string lower(const std::string& text);

bool is_one_shot(const json& cr);
bool is_deleted(const json& cr);
bool is_paused(const json& cr);

/// Who put an effect there: "stresschaos/simple-micro/cpu-stress-1a2b3c4d".
std::string source_of(const kind_info& kind, const object_key& key);

/// Writes an object as a controller does: a changed spec counts as a generation, and so does a
/// changed status where the kind has no status subresource.
env::object write(env::cluster& c, const std::string& resource, json value,
                  bool status_counts = true);

} // namespace remed::chaos::mesh
