// One playbook through the Ansible host process and through the plain command, each on a fresh fork
// of the same booted cluster.
#pragma once

#include "tests/e2e/support.hpp"
#include "tools/ansible.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace remed::test {

/// The playbooks of tests/e2e/playbooks, by name.
std::vector<std::filesystem::path> all_playbooks();

/// What a run came to, without what differs between any two runs of Ansible (see `same_for_all`).
struct playbook_trace {
  int exit_code = -1;
  std::string out, err, tasks; ///< tasks: one JSON line per event
  std::chrono::microseconds wall{0}, cpu{0};
};

/// Replaces what no two runs of one command share: points and lengths of time, uids and versions of
/// objects, names of temporary files and of background jobs, process ids and free memory in facts.
std::string same_for_all(std::string text);

class playbook_stage {
public:
  playbook_stage();
  playbook_trace run(const std::string& yaml, tools::ansible_backend backend);

private:
  env::system_profile system_;
  std::unique_ptr<env::cluster> booted_;
  std::shared_ptr<tools::ansible_host> host_;
};

} // namespace remed::test
