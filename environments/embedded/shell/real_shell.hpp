// A real shell in the sandboxed root of a container.
#pragma once

#include "environments/embedded/api_server.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/shell/images.hpp"
#include "environments/embedded/virtual_wait.hpp"
#include "tools/http_server.hpp"
#include "tools/io_loop.hpp"
#include "tools/sandbox.hpp"

#include <functional>
#include <memory>
#include <string>

namespace remed::env {

class real_shell : public std::enable_shared_from_this<real_shell> {
public:
  static std::shared_ptr<real_shell> start(cluster& c, tools::io_loop& loop,
                                           tools::sandbox_spec::mode sandbox, const json& pod,
                                           const std::string& container,
                                           const exec_request& request,
                                           std::shared_ptr<exec_session> session);

  /// The client has gone: its input ends, nobody hears what is said any more. What does not end
  /// by that within a few seconds is killed. `over` is called once, then or at its end.
  void leave(std::function<void()> over);

private:
  real_shell(cluster& c, tools::io_loop& loop, const json& pod, std::string container)
      : cluster_(c), loop_(loop), pod_(pod), container_(std::move(container)) {}

  void listen(int fd);
  /// Answers a program in the sandbox that asks for a simulated command.
  tools::http_reply answer(const tools::http_request& request);
  /// Takes the files the command leaves behind, as an archive.
  tools::http_reply keep(const tools::http_request& request);
  void over();
  void ended(exec_session& session, const result<tools::process_result>& r);

  cluster& cluster_;
  tools::io_loop& loop_;
  json pod_;
  std::string container_;
  std::uint64_t instance_ = 0;                ///< of the container the command runs in
  std::map<std::string, std::string> before_; ///< the files it was given
  std::shared_ptr<tools::http_server> door_;
  std::map<std::uint64_t, std::unique_ptr<virtual_wait>> waits_;
  std::uint64_t next_wait_ = 0;
  std::shared_ptr<tools::process> process_;
  bool over_ = false;
  std::function<void()> on_over_;
  std::shared_ptr<void> patience_;
};

/// The program in such a root that runs another one and sends what it left behind.
inline constexpr const char* files_keeper = "/.remed/run";
/// Whether the image has this program and it is run for real.
bool is_real_program(const image_tools& tools, const std::string& name);
/// The files of such a root: what shows the container's state, and the programs that ask.
std::vector<tools::sandbox_file> shell_files(const cluster& c, const json& pod,
                                             const std::string& container);
/// How the program asked for is started in such a root; a terminal's shell gets a file of its own.
tools::command shell_command_line(const cluster& c, const json& pod, const container_runtime& runs,
                                  const exec_request& request,
                                  std::vector<tools::sandbox_file>& files);
/// bash and the library it needs, from the host: inside path -> host path; empty without bash.
std::map<std::string, std::string> bash_binds();

} // namespace remed::env
