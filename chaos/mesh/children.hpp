// PodNetworkChaos, PodIOChaos and PodHttpChaos: what all experiments together want of one pod.
// Experiments write their share under their source; the daemon's part makes it so.
#pragma once

#include "chaos/mesh/action.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::chaos::mesh {

/// The daemon's look at a child: which effects its pod should have. A failure becomes the child's
/// failedMessage.
using daemon_part = result<std::vector<env::effect>> (*)(env::cluster& c, const json& child,
                                                         const json& pod);

struct child_info {
  std::string kind, resource; ///< "PodNetworkChaos", "podnetworkchaos.chaos-mesh.org"
  std::string parents;        ///< the table of experiments that go through it
  std::string prefix;         ///< of the kinds of its effects: "net_"
  std::vector<std::string> lists;
  daemon_part daemon = nullptr;
  bool has_process = false; ///< its status tells pid and startTime
};
const std::vector<child_info>& children();
const child_info* child_of(const std::string& resource);

/// What an experiment asks of a pod's child.
struct share {
  std::map<std::string, json> lists; ///< entries by list, each with its source
  json fields = json::object();      ///< plain fields of the spec
  bool nothing = false;              ///< this record needs nothing: it is injected at once
  bool adds = false;                 ///< beside what the experiment has asked already
};
using share_maker = result<share> (*)(env::cluster& c, const json& cr, const json& record);

/// An action that goes through the pod's child and waits for it.
std::shared_ptr<const action> through_child(const std::string& child, share_maker make);
/// "ns/name" of an experiment, as children name their sources.
std::string share_name(const json& cr);

/// The daemon's part for one child: makes the effects of its pod match it.
void sync_child(env::cluster& c, const child_info& child, const object_key& key);

result<std::vector<env::effect>> network_effects(env::cluster& c, const json& child,
                                                 const json& pod);
result<std::vector<env::effect>> io_effects(env::cluster& c, const json& child, const json& pod);
result<std::vector<env::effect>> http_effects(env::cluster& c, const json& child, const json& pod);

} // namespace remed::chaos::mesh
