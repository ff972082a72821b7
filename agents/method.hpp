// A method: which roles form the ring, who advises them, with which texts and limits. Declared in
// configs/methods/<name>.yaml.
#pragma once

#include "agents/mind.hpp"
#include "runtime/budget.hpp"
#include "runtime/result.hpp"

#include <string>
#include <vector>

namespace remed::agents {

/// Files below configs/prompts/.
struct prompt_files {
  std::string system = "coordinator.md";
  std::string incident = "incident.md";
  std::string reflection = "reflection.md";
};
FIELDS(prompt_files, system, incident, reflection)

struct method {
  std::string name;
  std::string summary;
  std::vector<std::string> ring;      ///< from the incident to the verdict
  std::vector<std::string> advisers;  ///< roles the coordinator may ask
  std::vector<std::string> reviewers; ///< roles a playbook must pass before it is run
  remed::limits limits;
  prompt_files prompts;
  bool text_playbook = false;         ///< a YAML block in plain text counts as a submission
  std::int64_t output_chars = 24'000; ///< of one probe command, shown to the model
};
FIELDS(method, name, summary, ring, advisers, reviewers, limits, prompts, text_playbook,
       output_chars)

/// Reads a method by name from the shipped ones, or from a path that ends in .yaml. Errors name
/// file, line and key; the roles are checked too.
result<method> load_method(const std::string& name_or_file);
std::vector<std::string> shipped_methods();

/// The roles in the order messages travel, reviewers included.
std::vector<std::string> full_ring(const method& m);
/// Refuses a ring whose messages do not meet; the error names the two roles.
result<void> check_ring(const method& m);
/// The mind's settings with the prompts read from their files.
result<mind_settings> read_mind(const method& m);

} // namespace remed::agents
