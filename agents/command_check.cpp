#include "agents/command_check.hpp"

#include "agents/shell_words.hpp"

#include <algorithm>
#include <vector>

namespace remed::agents {

namespace {

bool one_of(const std::string& word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool named(const std::string& word, std::string_view program) {
  return word == program || word.ends_with("/" + std::string(program));
}

/// kubectl's global options that take their value as the next word.
bool takes_value(const std::string& option) {
  return one_of(option, {"-n", "--namespace", "--context", "--cluster", "--user", "--kubeconfig",
                         "-s", "--server", "--token", "--request-timeout", "--as", "--as-group",
                         "--as-uid", "--cache-dir", "--certificate-authority",
                         "--client-certificate", "--client-key", "--tls-server-name", "-v"});
}

/// The first words after `kubectl` that are no options: verb and, for `rollout undo`, its sub-verb.
std::pair<std::string, std::string> kubectl_verb(const std::vector<std::string>& words,
                                                 std::size_t from) {
  std::pair<std::string, std::string> verb;
  for (auto i = from; i < words.size() && !words[i].empty(); ++i) {
    if (words[i] == "--") break;
    if (words[i][0] == '-') {
      if (takes_value(words[i])) ++i;
      continue;
    }
    if (!verb.first.empty()) {
      verb.second = words[i];
      break;
    }
    verb.first = words[i];
  }
  return verb;
}

bool changes(const std::string& verb, const std::string& sub) {
  if (verb == "rollout") return !one_of(sub, {"", "status", "history"});
  if (verb == "auth") return sub == "reconcile";
  if (verb == "config")
    return !one_of(sub,
                   {"", "view", "current-context", "get-contexts", "get-clusters", "get-users"});
  return one_of(verb, {"apply",  "create",    "delete", "patch",        "replace",    "edit",
                       "scale",  "autoscale", "set",    "label",        "annotate",   "taint",
                       "cordon", "uncordon",  "drain",  "run",          "expose",     "debug",
                       "cp",     "attach",    "proxy",  "port-forward", "certificate"});
}

} // namespace

std::optional<std::string> refuse_command(std::string_view line) {
  const auto words = shell_words(line);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (one_of(word, {"ansible-playbook", "ansible", "helm"})) {
      return "\"" + word + "\" is not available to probes. Changes go into the playbook.";
    }
    if (named(word, "kubectl")) {
      const auto [verb, sub] = kubectl_verb(words, i + 1);
      if (changes(verb, sub)) {
        const auto said =
            verb + (verb == "rollout" || verb == "auth" || verb == "config" ? " " + sub : "");
        return "\"kubectl " + said +
               "\" may change the system or never end, and probes only look: " +
               "get, describe, logs, top, exec, events, explain, rollout status and rollout "
               "history "
               "are allowed. Put the change into the playbook.";
      }
      // What runs inside a container is not kubectl of ours.
      if (verb == "exec") {
        while (i < words.size() && !words[i].empty()) ++i;
      }
    } else if (word.find("kubectl ") != std::string::npos) {
      if (auto inner = refuse_command(word)) return inner; // sh -c "kubectl …"
    }
  }
  return std::nullopt;
}

} // namespace remed::agents
