// Which pods an experiment is put on: selectors and modes of Chaos Mesh. Selection happens once.
#pragma once

#include "chaos/mesh/kinds.hpp"
#include "runtime/result.hpp"

#include <string>
#include <vector>

namespace remed::chaos::mesh {

/// All pods a selector selects, in order of namespace and name. With `pods` all else is ignored.
std::vector<env::object> select_pods(const env::store& objects, const json& selector,
                                     const std::string& default_ns);

/// What `mode` and `value` leave of `n` things: their indices. Fails on a value that is no number
/// or out of range; random-max-percent may leave none.
result<std::vector<std::size_t>> apply_mode(const std::string& mode, const std::string& value,
                                            std::size_t n, random_source& chance);

/// Records of an experiment: {id, selectorKey, phase: "Not Injected"}, those of the selector first,
/// then those of `target`. Fails with the text of the event: `no pod is selected`, `no target has
/// been selected`.
result<json> make_records(const env::store& objects, const kind_info& kind, const json& cr,
                          random_source& chance);

/// The parts of a record's id: "ns/pod", "ns/pod/container" or "ns/pod/container/volume path".
struct target {
  std::string ns, pod, container;
};
target parse_id(const std::string& id);

} // namespace remed::chaos::mesh
