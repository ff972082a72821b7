// The one header that includes Boost. Only .cpp files of this room (and its internal headers that
// are included by nothing else) may use it.
#pragma once

// clang-format off
#include <utility>  // first: Boost 1.74 uses std::exchange in awaitable.hpp without including it
// clang-format on

#include "tools/io_loop.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <memory>
#include <unordered_map>

namespace remed::tools {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = boost::asio::ip::tcp;
using boost::system::error_code;

// Asio's default executor is type-erased; everything here runs on an io_context, so say so.
using executor = net::io_context::executor_type;
using tcp_socket = net::basic_stream_socket<tcp, executor>;
using tcp_acceptor = net::basic_socket_acceptor<tcp, executor>;
using descriptor = net::posix::basic_stream_descriptor<executor>;
using steady = std::chrono::steady_clock;
using steady_timer = net::basic_waitable_timer<steady, net::wait_traits<steady>, executor>;

/// Connections that http_send keeps for reuse; see tools/http_pool.hpp.
class http_pool;

struct io_loop::native {
  native();
  ~native();
  net::io_context context{1};
  std::unique_ptr<http_pool> pool;
  /// Owners of what lives on this loop without always having an operation pending.
  std::unordered_map<const void*, std::shared_ptr<void>> kept;
  // Without it a loop with nothing to do would return from run_for at once.
  net::executor_work_guard<executor> work{context.get_executor()};
};

} // namespace remed::tools
