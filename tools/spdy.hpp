// The server's side of SPDY/3.1 as bytes in, bytes out: no socket. Streams are opened by the peer
// only. Bounded: streams at once, frame size; flow control is left to the transport below, as the
// peers that still speak SPDY do.
#pragma once

#include "runtime/result.hpp"
#include "tools/http.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace remed::tools {

struct spdy_limits {
  std::size_t streams = 256;             ///< open at once; more are refused with RST_STREAM
  std::size_t frame_bytes = 1024 * 1024; ///< a larger one ends the connection
};

class spdy_connection {
public:
  using stream_id = std::uint32_t;
  /// What the owner wants to know. Callbacks may call back into the connection.
  struct listener {
    /// A stream was opened; it was answered already.
    std::function<void(stream_id, const http_headers&)> opened;
    std::function<void(stream_id, std::string_view)> data;
    /// The peer sends no more on it (half-close), or has reset it (`reset`).
    std::function<void(stream_id, bool reset)> ended;
  };

  spdy_connection(std::function<void(std::string)> out, listener to, spdy_limits limits = {});
  ~spdy_connection();
  spdy_connection(const spdy_connection&) = delete;
  spdy_connection& operator=(const spdy_connection&) = delete;

  /// Bytes from the peer, in any portions. A failure (errc::bad_input) ends the connection: a
  /// GOAWAY was sent, nothing is taken or sent any more.
  result<void> receive(std::string_view bytes);

  /// Sends on a stream; ignored when it is gone. Split into frames as needed.
  void send(stream_id id, std::string_view data);
  /// Half-closes our side.
  void finish(stream_id id);
  void reset(stream_id id);
  /// Tells the peer that no further stream will be taken.
  void go_away();
  std::size_t open_streams() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace remed::tools
