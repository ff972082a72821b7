// Commands inside a container, answered from the simulated node.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/shell/images.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::env {

struct shell_result {
  int code = 0;
  std::string out, err;
  duration takes{};        ///< virtual time from start to end
  std::string not_started; ///< the runtime's words when there is no such executable; code 126
  bool real = false;       ///< the sandbox's own program of that name should do it
};

/// What a command may look at.
struct shell_call {
  cluster& c;
  const json& pod;
  std::string ns, uid, container;
  const container_runtime& runs;
  const image_tools& tools;
  std::vector<std::string> argv;
  std::string input;
};

using shell_command = shell_result (*)(const shell_call&);

/// All simulated commands by name.
const std::map<std::string, shell_command>& shell_commands();

/// Runs one command (no shell syntax). `container` empty: the first. A container that does not run
/// and an executable its image lacks are told in `not_started`.
shell_result run_pod_command(cluster& c, const json& pod, const std::string& container,
                             const std::vector<std::string>& argv, const std::string& input);

/// Words of a shell line without any shell syntax, quotes removed; none when it has some.
std::optional<std::vector<std::string>> plain_words(const std::string& line);

/// The queueing discipline at the root of the pod's device: noqueue, netem, tbf, prio.
std::string root_discipline(const cluster& c, const std::string& pod_uid);

shell_result complain(int code, std::string text);
shell_result print(std::string text, double seconds = 0);
/// printf into a string.
std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

// -- one function per command, one file per family
shell_result shell_ps(const shell_call& s);
shell_result shell_top(const shell_call& s);
shell_result shell_kill(const shell_call& s);
shell_result shell_pkill(const shell_call& s); ///< pkill and killall
shell_result shell_pgrep(const shell_call& s); ///< pgrep and pidof
shell_result shell_uptime(const shell_call& s);
shell_result shell_ping(const shell_call& s);
shell_result shell_nslookup(const shell_call& s);
shell_result shell_wget(const shell_call& s);
shell_result shell_curl(const shell_call& s);
shell_result shell_nc(const shell_call& s);
shell_result shell_tc(const shell_call& s);
shell_result shell_iptables(const shell_call& s);
shell_result shell_ipset(const shell_call& s);
shell_result shell_ip(const shell_call& s);
shell_result shell_ifconfig(const shell_call& s);
shell_result shell_mount(const shell_call& s);
shell_result shell_umount(const shell_call& s);
shell_result shell_df(const shell_call& s);
shell_result shell_dd(const shell_call& s);
shell_result shell_touch(const shell_call& s);
shell_result shell_free(const shell_call& s);
shell_result shell_hostname(const shell_call& s);
shell_result shell_env(const shell_call& s);
shell_result shell_cat(const shell_call& s);
shell_result shell_ls(const shell_call& s);
shell_result shell_date(const shell_call& s);
shell_result shell_sleep(const shell_call& s);
shell_result shell_echo(const shell_call& s);
shell_result shell_true(const shell_call& s);
shell_result shell_false(const shell_call& s);
shell_result shell_id(const shell_call& s);
shell_result shell_uname(const shell_call& s);
shell_result shell_nproc(const shell_call& s);

} // namespace remed::env
