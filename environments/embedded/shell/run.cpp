#include "environments/embedded/api/text.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace remed::env {

namespace {

/// CPU a small program needs to start and print; a container short of CPU makes it wait.
constexpr double small_program_cpu_ms = 2;

std::string last_part(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

shell_result not_found(const std::string& name) {
  shell_result out;
  out.code = 126;
  auto why = name.find('/') == std::string::npos ? "executable file not found in $PATH"
                                                 : "stat " + name + ": no such file or directory";
  out.not_started =
      "OCI runtime exec failed: exec failed: unable to start container process: exec: \"" + name +
      "\": " + why + ": unknown";
  return out;
}

shell_result run_line(cluster& c, const json& pod, const std::string& container,
                      const std::string& line, const std::string& input) {
  auto words = plain_words(line);
  if (words && !words->empty()) {
    auto out = run_pod_command(c, pod, container, *words, input);
    if (out.not_started.empty()) return out;
    return complain(127, "sh: " + (*words)[0] + ": not found\n");
  }
  if (words) return {};
  return complain(126, "sh: a shell line needs the pod sandbox, which this world has not\n");
}

} // namespace

std::string format(const char* pattern, ...) {
  va_list args, again;
  va_start(args, pattern);
  va_copy(again, args);
  auto n = std::vsnprintf(nullptr, 0, pattern, args);
  va_end(args);
  std::string out(static_cast<std::size_t>(std::max(n, 0)), '\0');
  std::vsnprintf(out.data(), out.size() + 1, pattern, again);
  va_end(again);
  return out;
}

shell_result complain(int code, std::string text) {
  shell_result out;
  out.code = code;
  out.err = std::move(text);
  return out;
}

shell_result print(std::string text, double took) {
  shell_result out;
  out.out = std::move(text);
  out.takes = from_seconds(took);
  return out;
}

std::optional<std::vector<std::string>> plain_words(const std::string& line) {
  std::vector<std::string> out;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (char ch : line) {
    if (quote) {
      if (ch == quote) {
        quote = 0;
      } else if (quote == '"' && (ch == '$' || ch == '`' || ch == '\\')) {
        return std::nullopt;
      } else {
        word += ch;
      }
    } else if (ch == '\'' || ch == '"') {
      quote = ch;
      inside = true;
    } else if (ch == ' ' || ch == '\t') {
      if (inside) out.push_back(std::exchange(word, {}));
      inside = false;
    } else if (std::string_view("|&;<>()$`\\*?[]#~{}!\n").find(ch) != std::string_view::npos) {
      return std::nullopt;
    } else {
      word += ch;
      inside = true;
    }
  }
  if (quote) return std::nullopt;
  if (inside) out.push_back(word);
  if (!out.empty() && out[0].find('=') != std::string::npos) return std::nullopt;
  return out;
}

shell_result run_pod_command(cluster& c, const json& pod, const std::string& container,
                             const std::vector<std::string>& argv, const std::string& input) {
  auto name = container;
  if (name.empty()) name = text_at(at_path(pod, {"spec", "containers"})[0], {"name"});
  auto uid = text_at(pod, {"metadata", "uid"});
  const auto* runtime = c.node().find(uid);
  const auto* found = runtime ? runtime->find(name) : nullptr;
  if (!found || !found->running()) {
    shell_result out;
    out.code = 126;
    out.not_started = "container not found (\"" + name + "\")";
    return out;
  }
  // A copy: killing may end the instance that is being looked at.
  auto instance = *found;
  const auto& tools = tools_of_image(instance.image);
  if (argv.empty() || argv[0].empty()) return not_found("");
  auto words = argv;
  auto own = last_part(words[0]);
  if (own == "busybox" && tools.kind == image_tools::family::busybox && words.size() > 1) {
    words.erase(words.begin());
    own = words[0];
  }
  if (tools.has_shell(own) && words.size() >= 3 && words[1] == "-c") {
    return run_line(c, pod, name, words[2], input);
  }
  auto command = shell_commands().find(own);
  if (command == shell_commands().end() || !tools.has(own)) {
    if (tools.extra.count(own)) return complain(126, own + ": not simulated in this container\n");
    return not_found(argv[0]);
  }
  shell_call call{c,
                  pod,
                  text_at(pod, {"metadata", "namespace"}),
                  uid,
                  name,
                  instance,
                  tools,
                  std::move(words),
                  input};
  auto around = surroundings(c, pod, name);
  auto out = command->second(call);
  out.takes += from_seconds(cpu_mean_ms(around, small_program_cpu_ms, 0) / 1000);
  return out;
}

const std::map<std::string, shell_command>& shell_commands() {
  static const std::map<std::string, shell_command> all{
      {"ps", shell_ps},
      {"top", shell_top},
      {"kill", shell_kill},
      {"pkill", shell_pkill},
      {"killall", shell_pkill},
      {"pgrep", shell_pgrep},
      {"pidof", shell_pgrep},
      {"uptime", shell_uptime},
      {"ping", shell_ping},
      {"nslookup", shell_nslookup},
      {"wget", shell_wget},
      {"curl", shell_curl},
      {"nc", shell_nc},
      {"tc", shell_tc},
      {"iptables", shell_iptables},
      {"ipset", shell_ipset},
      {"ip", shell_ip},
      {"ifconfig", shell_ifconfig},
      {"mount", shell_mount},
      {"umount", shell_umount},
      {"df", shell_df},
      {"dd", shell_dd},
      {"touch", shell_touch},
      {"free", shell_free},
      {"hostname", shell_hostname},
      {"env", shell_env},
      {"printenv", shell_env},
      {"cat", shell_cat},
      {"ls", shell_ls},
      {"date", shell_date},
      {"sleep", shell_sleep},
      {"echo", shell_echo},
      {"true", shell_true},
      {"false", shell_false},
      {"id", shell_id},
      {"whoami", shell_id},
      {"uname", shell_uname},
      {"nproc", shell_nproc},
  };
  return all;
}

} // namespace remed::env
