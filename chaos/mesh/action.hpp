// What one kind of experiment does to one target: the only part of the machinery that differs.
#pragma once

#include "chaos/mesh/selector.hpp"
#include "environments/embedded/node/state.hpp"

#include <memory>
#include <string>

namespace remed::chaos::mesh {

/// Where a record is after a step, and what went wrong.
struct progress {
  std::string phase;
  std::string error; ///< empty: nothing; else the step is tried again later
};

inline constexpr const char* not_injected = "Not Injected";
inline constexpr const char* not_injected_wait = "Not Injected/Wait";
inline constexpr const char* injected = "Injected";
inline constexpr const char* injected_wait = "Injected/Wait";

class action {
public:
  virtual ~action() = default;
  /// From "Not Injected" or "Not Injected/Wait". May write to cr["status"], not to its records.
  virtual progress apply(env::cluster& c, json& cr, const json& record) const = 0;
  /// From "Injected" or "Injected/Wait".
  virtual progress recover(env::cluster& c, json& cr, const json& record) const = 0;
};

/// The container that a record means: the one it names, or the first of its pod.
struct spot {
  target where;
  env::object pod;
  std::string uid;
  const env::container_runtime* container = nullptr;
};
/// Fails in the words of the daemon: `pods "x" not found`, `container with id … not found: …`.
result<spot> find_spot(const env::cluster& c, const json& record);

/// What an action puts on a container. May write to cr["status"].
using effects_maker = result<std::vector<env::effect>> (*)(env::cluster& c, json& cr,
                                                           const spot& at);
/// An action that the daemon does at once: its effects begin and end with the record.
std::shared_ptr<const action> at_once(effects_maker make);

std::shared_ptr<const action> make_stress();
std::shared_ptr<const action> make_network();
std::shared_ptr<const action> make_io();
std::shared_ptr<const action> make_pod();
std::shared_ptr<const action> make_time();
std::shared_ptr<const action> make_dns();
std::shared_ptr<const action> make_http();
std::shared_ptr<const action> make_kernel();
std::shared_ptr<const action> make_jvm();
std::shared_ptr<const action> make_block();
std::shared_ptr<const action> make_machine();
std::shared_ptr<const action> make_cloud();

/// An effect on a container, by an experiment, with what it lives in.
env::effect effect_on(const json& cr, const spot& at, const std::string& kind, json params,
                      env::lifetime lives_in = env::lifetime::container);

/// The controller's key for the end of an effect's processes; its id follows.
inline const std::string process_key = "process|/";

/// Puts an effect on a target and lets the node and the users notice. Returns its id.
std::uint64_t begin_effect(env::cluster& c, env::effect e);
/// The processes that make an effect end by themselves after some time.
void ends_by_itself(env::cluster& c, std::uint64_t id, duration after);
/// Ends these effects where they are still there, and lets the node and the users notice.
void drop_effects(env::cluster& c, const std::vector<std::uint64_t>& ids, const std::string& why);
/// The node and the users look at a pod again.
void notice(env::cluster& c, const std::string& ns, const std::string& pod);
/// Ends all effects of a source on one pod (and container, unless empty).
void end_effects(env::cluster& c, const std::string& source, const std::string& pod_uid,
                 const std::string& container);

/// The key of the annotation that keeps a container's image during pod-failure; names above 63
/// characters fall back to a short form.
std::string image_annotation(const std::string& cr_name, const std::string& container, bool init);
inline constexpr const char* pause_image = "gcr.io/google-containers/pause:latest";

} // namespace remed::chaos::mesh
