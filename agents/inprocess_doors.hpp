// Doors that start no process: for stepped worlds, where nothing may depend on wall time. Commands
// and playbooks of a small, documented form are mapped to API requests with the agents' identity;
// see agents/inprocess/kubectl.hpp and agents/inprocess/playbook.hpp for what they understand. This
// is neither kubectl nor Ansible, and says so to whoever asks for more.
#pragma once

#include "agents/doors.hpp"
#include "agents/inprocess/api_client.hpp"
#include "agents/model_door.hpp"
#include "runtime/world.hpp"

#include <functional>
#include <map>
#include <memory>

namespace remed::agents {

struct inprocess_needs {
  world* where = nullptr;
  tools::model* mind = nullptr;
  budget* spent = nullptr;
  tools::http_handler api; ///< for example api_server::handle
  std::string token;       ///< of the agents' identity
  /// Changes with every write to the cluster's objects; none: nobody can tell.
  std::function<std::uint64_t()> revision = {};
  bool early_checks = true;
};

class inprocess_doors final : public doors {
public:
  /// Everything in `n` outlives the doors; the doors outlive the world's last step.
  explicit inprocess_doors(inprocess_needs n);
  ~inprocess_doors() override;

  std::uint64_t run_command(const turn& at, const std::string& line,
                            station<command_done> to) override;
  std::uint64_t run_playbook(const turn& at, const std::string& yaml,
                             station<playbook_done> to) override;
  std::uint64_t check_playbook(const turn& at, const std::string& yaml,
                               station<playbook_done> to) override;
  std::uint64_t ask_model(const turn& at, tools::model_request request,
                          station<model_reply> to) override;
  budget& spending() override { return *needs_.spent; }

private:
  struct run;
  struct checked;
  void go_on(std::uint64_t id);
  void finish(std::uint64_t id, const outcome& ended);

  inprocess_needs needs_;
  api_client api_;
  model_door model_;
  std::map<std::uint64_t, std::unique_ptr<run>> runs_;
  std::unique_ptr<checked> checked_; ///< the playbook that is run next, mostly
  std::map<std::uint64_t, std::shared_ptr<world::operation>> commands_;
  station<wake> hands_; ///< the role that wakes waiting playbooks
  std::shared_ptr<inprocess_doors*> self_;
};

} // namespace remed::agents
