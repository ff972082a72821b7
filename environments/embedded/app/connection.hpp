// A client's TCP connection to the simulated application behind a container's port.
#pragma once

#include "environments/embedded/app/http_service.hpp"
#include "environments/embedded/virtual_wait.hpp"
#include "runtime/result.hpp"
#include "tools/http_exchange.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace remed::env {

class app_connection : public std::enable_shared_from_this<app_connection> {
public:
  struct listener {
    std::function<void(std::string)> out; ///< bytes for the client
    std::function<void()> closed;         ///< the application hung up
  };
  /// Connects from within the pod's own network namespace, as port-forward does. Fails
  /// (errc::refused) with the container runtime's words when nothing listens. Without a loop
  /// answers come at once.
  static result<std::shared_ptr<app_connection>> open(cluster& c, tools::io_loop* loop,
                                                      const std::string& ns, const std::string& pod,
                                                      int port, listener to);

  /// Requests are answered in order; what is not HTTP is taken and not answered.
  void receive(std::string_view bytes);
  /// The client sends no more: what is under way is answered, then the connection ends.
  void end_input();

private:
  app_connection(cluster& c, tools::io_loop* loop, listener to)
      : cluster_(c), loop_(loop), to_(std::move(to)) {}
  void serve_next();
  void answered(const tools::http_request& request, const app_answer& answer);
  void close();

  static constexpr std::size_t most_waiting = 64; ///< pipelined requests; more end the connection

  cluster& cluster_;
  tools::io_loop* loop_;
  listener to_;
  std::string ns_, pod_;
  int port_ = 0;
  std::uint64_t served_ = 0;
  tools::http_reader reader_;
  std::deque<tools::http_request> waiting_;
  std::unique_ptr<virtual_wait> wait_;
  bool busy_ = false, input_ended_ = false, closed_ = false, is_http_ = true;
};

} // namespace remed::env
