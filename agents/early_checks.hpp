// What is wrong with a playbook that can be told without running it: mistakes that models make and
// that would cost a trial to find out. What Ansible itself finds by reading (`--syntax-check`,
// names and values of module parameters) is asked of Ansible; see tools/ansible/host_check.py.
#pragma once

#include "runtime/messages.hpp"
#include "runtime/role.hpp"
#include "runtime/world.hpp"

#include <optional>
#include <string>
#include <vector>

namespace YAML {
class Node;
}

namespace remed::agents {

/// The inventory that agents are told of; every name in it runs in the sandbox.
std::string default_inventory();

/// The first thing that keeps `yaml` from doing what it says, with its line; none when there is
/// none. `inventory` is INI text. Looks at: YAML, a list of plays, hosts that match nobody, braces
/// of a Go template that Jinja would take, `pipefail` where the shell is dash. `parsed` gets the
/// documents, for who reads on.
std::optional<std::string> objection_to(const std::string& yaml, const std::string& inventory,
                                        std::vector<YAML::Node>* parsed = nullptr);

/// The one message of Ansible's error output, without its "ERROR!", banners and hints.
std::string complaint_of(const std::string& output);

/// Logs the rejection as a `playbook_check` that ended and tells `to`; returns its id.
std::uint64_t reject_playbook(world& w, const turn& at, const std::string& yaml,
                              const std::string& why, const station<playbook_done>& to);

} // namespace remed::agents
