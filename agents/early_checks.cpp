#include "agents/early_checks.hpp"

#include "agents/text.hpp"

#include <fnmatch.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <vector>

namespace remed::agents {

namespace {

using finding = std::optional<std::string>;

std::string at_line(const YAML::Node& node, const std::string& text) {
  return "line " + std::to_string(node.Mark().line + 1) + ": " + text;
}

std::string scalar(const YAML::Node& node) {
  return node && node.IsScalar() ? node.Scalar() : std::string();
}

// -- hosts

/// Groups and hosts of an INI inventory, `all` and the implicit localhost included.
std::set<std::string> known_to(const std::string& inventory) {
  std::set<std::string> names{"all", "localhost", "127.0.0.1", "::1"};
  std::istringstream lines(inventory);
  bool hosts = true;
  for (std::string line; std::getline(lines, line);) {
    const auto text = std::string(trim(line.substr(0, line.find('#'))));
    if (text.empty() || text[0] == ';') continue;
    if (text[0] == '[') {
      const auto section = text.substr(1, text.find(']') - 1);
      const auto colon = section.find(':');
      hosts = colon == std::string::npos || section.substr(colon) == ":children";
      names.insert(section.substr(0, colon));
    } else if (hosts) {
      names.insert(text.substr(0, text.find_first_of(" \t")));
    }
  }
  return names;
}

/// The parts of a pattern: "a:b,!c" and lists.
std::vector<std::string> parts_of(const YAML::Node& hosts) {
  std::vector<std::string> parts;
  const auto add = [&](const std::string& text) {
    std::string part;
    for (const char c : text + ",") {
      if (c != ',' && c != ':' && c != ' ')
        part += c;
      else if (!part.empty())
        parts.push_back(std::exchange(part, {}));
    }
  };
  if (hosts.IsSequence())
    for (const auto& item : hosts) add(scalar(item));
  else
    add(scalar(hosts));
  return parts;
}

/// Whether a pattern can match. What cannot be told without Ansible (templates, regular
/// expressions, addresses with a port) is taken to match.
bool matches(const YAML::Node& hosts, const std::set<std::string>& known) {
  for (auto part : parts_of(hosts)) {
    if (part[0] == '!' || part[0] == '&') continue;
    if (part[0] == '~' || part.find_first_of("{}") != std::string::npos) return true;
    part = part.substr(0, part.find('['));
    if (std::any_of(known.begin(), known.end(), [&](const std::string& name) {
          return fnmatch(part.c_str(), name.c_str(), 0) == 0;
        })) {
      return true;
    }
  }
  return false;
}

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    if (name == "127.0.0.1" || name == "::1") continue;
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

// -- tasks

template <class Visit>
finding each_task(const YAML::Node& list, Visit visit) {
  if (!list || !list.IsSequence()) return std::nullopt;
  for (const auto& task : list) {
    if (!task.IsMap()) continue;
    for (const char* inner : {"block", "rescue", "always"}) {
      if (auto found = each_task(task[inner], visit)) return found;
    }
    if (auto found = visit(task)) return found;
  }
  return std::nullopt;
}

template <class Visit>
finding each_task_of_play(const YAML::Node& play, Visit visit) {
  for (const char* part : {"pre_tasks", "tasks", "post_tasks", "handlers"}) {
    if (auto found = each_task(play[part], visit)) return found;
  }
  return std::nullopt;
}

bool makes_hosts(const YAML::Node& task) {
  for (const char* name :
       {"add_host", "group_by", "ansible.builtin.add_host", "ansible.builtin.group_by"}) {
    if (task[name]) return true;
  }
  return false;
}

struct shell_line {
  YAML::Node where;
  std::string text, executable;
};

/// The text of a task that runs a shell or a command.
std::optional<shell_line> shell_of(const YAML::Node& task, bool only_shell) {
  for (const std::string name : {"shell", "command", "raw"}) {
    if (only_shell && name != "shell") continue;
    for (const auto& key : {name, "ansible.builtin." + name}) {
      const auto node = task[key];
      if (!node) continue;
      shell_line line{node, scalar(node),
                      scalar(task["args"] ? task["args"]["executable"] : YAML::Node())};
      if (node.IsMap()) {
        line.text = scalar(node["cmd"]);
        if (node["executable"]) line.executable = scalar(node["executable"]);
      }
      return line;
    }
  }
  return std::nullopt;
}

/// `{{range` and its kin belong to Go; Jinja would take them.
finding go_template(const YAML::Node& task) {
  const auto line = shell_of(task, false);
  if (!line || line->text.find("{% raw") != std::string::npos) return std::nullopt;
  const auto option = line->text.find("go-template");
  if (option == std::string::npos) return std::nullopt;
  for (auto at = line->text.find("{{", option); at != std::string::npos;
       at = line->text.find("{{", at + 2)) {
    const auto inside = std::string(trim(line->text.substr(at + 2, 40)));
    for (const char* word : {".", "range", "if ", "end", "with ", "else", "index ", "len ",
                             "printf ", "print", "$", "\"\\n\"", "- "}) {
      if (inside.rfind(word, 0) == 0)
        return at_line(line->where,
                       "Ansible takes the {{ }} of the Go template for its own. Put "
                       "{% raw %}…{% endraw %} around the template, or use -o jsonpath");
    }
  }
  return std::nullopt;
}

finding pipefail(const YAML::Node& task) {
  const auto line = shell_of(task, true);
  if (!line || line->text.find("pipefail") == std::string::npos) return std::nullopt;
  if (line->executable.find("bash") != std::string::npos ||
      line->text.find("bash ") != std::string::npos)
    return std::nullopt;
  return at_line(line->where,
                 "\"set -o pipefail\" fails in /bin/sh, which runs this task. Add\n"
                 "  args:\n    executable: /bin/bash\nto the task, or leave pipefail out");
}

// -- plays

/// Nobody runs anything: not one play of the playbook has a host.
finding nobody_matches(const YAML::Node& plays, const std::string& inventory) {
  const auto known = known_to(inventory);
  finding first;
  for (const auto& play : plays) {
    if (!play.IsMap() || !play["hosts"]) return std::nullopt; // an import, or Ansible's to refuse
    if (matches(play["hosts"], known)) return std::nullopt;
    if (!first) {
      const auto said = parts_of(play["hosts"]);
      first = at_line(play["hosts"], "hosts: " + (said.empty() ? "(empty)" : said.front()) +
                                         " matches no host, so nothing would be run. The "
                                         "inventory knows " +
                                         listed(known));
    }
    if (each_task_of_play(play, [](const YAML::Node& task) {
          return makes_hosts(task) ? finding("makes hosts") : std::nullopt;
        })) {
      return std::nullopt;
    }
  }
  return first;
}

finding look_at(const YAML::Node& plays, const std::string& inventory) {
  if (!plays || plays.IsNull()) return "the playbook is empty";
  if (!plays.IsSequence())
    return at_line(plays, "a playbook must be a list of plays: begin with \"- hosts: …\"");
  for (const auto& play : plays) {
    if (!play.IsMap()) return at_line(play, "a play must be a mapping with hosts and tasks");
    for (auto check : {go_template, pipefail}) {
      if (auto found = each_task_of_play(play, check)) return found;
    }
  }
  return nobody_matches(plays, inventory);
}

} // namespace

std::string default_inventory() {
  return "[k3s_control_plane]\n192.0.2.10 ansible_user=root\n";
}

std::optional<std::string> objection_to(const std::string& yaml, const std::string& inventory,
                                        std::vector<YAML::Node>* parsed) {
  try {
    const auto documents = YAML::LoadAll(yaml);
    if (parsed) *parsed = documents;
    if (documents.size() > 1)
      return "the playbook holds " + std::to_string(documents.size()) +
             " YAML documents; Ansible reads one";
    return look_at(documents.empty() ? YAML::Node() : documents.front(), inventory);
  } catch (const YAML::ParserException& e) {
    return "line " + std::to_string(e.mark.line + 1) + ", column " +
           std::to_string(e.mark.column + 1) + ": not valid YAML: " + e.msg;
  } catch (const YAML::Exception&) {
    return std::nullopt; // tags and forms of Ansible's own: its reader will say
  }
}

std::string complaint_of(const std::string& output) {
  std::istringstream lines(output);
  std::string text;
  bool begun = false;
  for (std::string line; std::getline(lines, line);) {
    if (const auto at = line.find("ERROR! "); at == 0) {
      line.erase(0, 7);
      begun = true;
    }
    if (begun) text += line + "\n";
  }
  const auto said = std::string(trim(begun ? text : output));
  return shorten(said.empty() ? "Ansible cannot read it" : said, 1'500);
}

std::uint64_t reject_playbook(world& w, const turn& at, const std::string& yaml,
                              const std::string& why, const station<playbook_done>& to) {
  json about = json::object();
  about["playbook"] = yaml;
  const auto work = w.begin(outside::tool, "playbook_check", "execution", std::move(about));
  playbook_done done{at, work->id(), {}};
  done.ended.reason = run_reason::rejected_before_run;
  done.ended.exit_code = 4;
  done.ended.output = why;
  json ended = json::object();
  ended["reason"] = done.ended.reason;
  ended["output"] = why;
  work->finish(to, std::move(done), std::move(ended));
  return work->id();
}

} // namespace remed::agents
