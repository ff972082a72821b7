// A small stand-in for Ansible where no process may be started: reads playbooks made of
// kubernetes.core.k8s, k8s_info, k8s_scale, k8s_rollback, ansible.builtin.debug and pause with
// literal arguments, and carries them out as API requests. It is NO Ansible: templates, loops,
// conditions, roles and every other module are refused with a text that says so. Use the sandboxed
// doors for anything a model writes freely.
#pragma once

#include "agents/inprocess/api_client.hpp"
#include "runtime/messages.hpp"
#include "runtime/time.hpp"
#include "runtime/yaml.hpp"

#include <optional>
#include <string>
#include <vector>

namespace remed::agents {

struct play_task {
  std::string title, module; ///< module by its short name: k8s, k8s_info, …
  json arguments = json::object();
  bool ignore_errors = false;
};

class inprocess_playbook {
public:
  /// Reads the text; what cannot be run is an outcome already (parse_error, no_hosts, limit).
  explicit inprocess_playbook(const std::string& yaml);
  /// The same of a text that is parsed.
  explicit inprocess_playbook(const std::vector<YAML::Node>& documents);

  /// Goes on until the end, or until something must be waited for: then for how long. `now` is
  /// virtual time.
  std::optional<duration> advance(const api_client& api, vtime now);
  /// After `advance` returned none.
  const outcome& ended() const { return outcome_; }

private:
  /// How a task stands.
  struct progress {
    enum class state { done, waiting, failed } what = state::done;
    bool changed = false;
    std::string message;
  };

  void read(const result<std::vector<yaml_document>>& documents);
  void read_play(const json& play, const std::string& place);
  void refuse(run_reason why, const std::string& text);
  progress run(const api_client& api, const play_task& task, vtime now);
  progress run_k8s(const api_client& api, const json& a);
  progress run_scale(const api_client& api, const json& a);
  progress run_info(const api_client& api, const json& a);
  progress run_rollback(const api_client& api, const json& a);
  progress check_wait(const api_client& api, vtime now);
  void record(const play_task& task, const progress& p);
  void recap();

  /// What the present task waits for.
  struct wait_for {
    std::string target;  ///< the object's path; empty: only time
    std::string what;    ///< its kind and name
    bool absent = false; ///< until it is gone, else until it is ready
    bool changed = false;
    double limit_s = 120;
    vtime since{};
    double step_s = 5; ///< between two looks
    /// What was seen when it was not ready: the same again is not, too.
    std::shared_ptr<const json> last = {};
    std::optional<std::uint64_t> revision = {}; ///< of that look, where the answer rests on it
  };

  std::vector<play_task> tasks_;
  std::size_t next_ = 0;
  std::optional<wait_for> wait_;
  bool begun_wait_ = false;
  bool over_ = false;
  int ok_ = 0, changed_ = 0, failed_ = 0, ignored_ = 0;
  outcome outcome_;
};

/// Whether an object is what `wait: true` waits for, by the rules of kubernetes.core.
bool object_ready(const json& object);

} // namespace remed::agents
