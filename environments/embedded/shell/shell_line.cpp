// The command line of a program or shell in a container's sandboxed root.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/shell/exec.hpp"
#include "environments/embedded/shell/files.hpp"
#include "environments/embedded/shell/real_shell.hpp"

namespace remed::env {

namespace {

constexpr const char* start_file = "/.remed/rc";

std::string quoted_word(const std::string& word) {
  std::string out = "'";
  for (char ch : word) out += ch == '\'' ? std::string("'\\''") : std::string(1, ch);
  return out + "'";
}

/// Commands before the user's own line. `kill` would otherwise be the shell's own, which knows only
/// the sandbox's processes.
std::string prelude(const cluster& c, const json& pod, const container_runtime& runs) {
  std::string folders;
  for (const auto& m : container_mounts(c, pod, runs)) {
    if (!m.volume) continue;
    folders += " " + quoted_word(m.path);
    if (m.type != "fuse") continue;
    auto slash = m.path.rfind('/');
    folders += " " + quoted_word(m.path.substr(0, slash + 1) + "__chaosfs__" +
                                 m.path.substr(slash + 1) + "__");
  }
  auto make = folders.empty() ? std::string{} : "/bin/busybox mkdir -p" + folders + "; ";
  return make + "kill() { /bin/kill \"$@\"; }; ";
}

/// Where a shell's commands come from: its words up to `at` are options.
struct shell_source {
  enum class from { line, file, input } what = from::input;
  std::size_t at = 0; ///< of -c's word or the file
};

shell_source source_of(const std::vector<std::string>& argv) {
  using from = shell_source::from;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const auto& word = argv[i];
    const bool option = word.size() > 1 && (word[0] == '-' || word[0] == '+');
    if (!option && word != "-") return {from::file, i};
    if (word.rfind("--", 0) == 0 || !option) continue;
    if (word.find('c') != std::string::npos) return {from::line, i};
    if (word.find('s') != std::string::npos) return {};
    if (word.back() == 'o') ++i; // "-o pipefail"
  }
  return {};
}

/// What an interactive shell reads before it asks: a prompt like the image's, and the prelude.
std::string start_script(const std::string& prelude, bool bash, bool busybox) {
  const auto* prompt = bash ? "\\u@\\h:\\w\\$ " : busybox ? "${PWD} # " : "# ";
  return "unset ENV\nPS1='" + std::string(prompt) + "'\n" + prelude + "\n";
}

} // namespace

tools::command shell_command_line(const cluster& c, const json& pod, const container_runtime& runs,
                                  const exec_request& request,
                                  std::vector<tools::sandbox_file>& files) {
  const auto& tools = tools_of_image(runs.image);
  const auto& argv = request.argv;
  const bool busybox = tools.kind == image_tools::family::busybox;
  const auto before = prelude(c, pod, runs);
  tools::command cmd;
  cmd.env = container_environment(c, pod, runs.name);
  if (!busybox) cmd.env["PATH"] = "/usr/local/bin";
  cmd.cwd = "/";
  cmd.time_limit = exec_time_limit;
  cmd.tty = request.tty;
  if (request.tty) cmd.env.emplace("TERM", "xterm");
  cmd.argv = {files_keeper};
  auto add = [&](auto first, auto last) { cmd.argv.insert(cmd.argv.end(), first, last); };
  if (!tools.has_shell(argv[0])) {
    // Through a shell, so that its volumes are there.
    cmd.argv.insert(cmd.argv.end(), {"/bin/sh", "-c", before + "exec \"$@\"", "sh"});
    add(argv.begin(), argv.end());
    return cmd;
  }
  const bool bash = argv[0].find("bash") != std::string::npos && !bash_binds().empty();
  cmd.argv.push_back(bash ? "/bin/bash" : "/bin/sh");
  const auto source = source_of(argv);
  const auto at = argv.begin() + static_cast<std::ptrdiff_t>(source.at);
  if (source.what == shell_source::from::line && at + 1 != argv.end()) {
    add(argv.begin() + 1, at + 1);
    cmd.argv.push_back(before + *(at + 1));
    add(at + 2, argv.end());
  } else if (source.what == shell_source::from::file) {
    add(argv.begin() + 1, at);
    cmd.argv.insert(cmd.argv.end(), {"-c", before + ". \"$0\""});
    // As a shell does, and unlike `.`: a bare name is a file here, not one in PATH.
    cmd.argv.push_back(at->find('/') == std::string::npos ? "./" + *at : *at);
    add(at + 1, argv.end());
  } else if (request.tty) {
    files.push_back({start_file, start_script(before, bash, busybox), false});
    if (bash) cmd.argv.insert(cmd.argv.end(), {"--rcfile", start_file});
    if (!bash) cmd.env["ENV"] = start_file;
    add(argv.begin() + 1, argv.end());
  } else {
    add(argv.begin() + 1, argv.end());
    cmd.input = before + "\n";
  }
  return cmd;
}

} // namespace remed::env
