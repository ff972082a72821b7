// HTTP as values: what servers and clients of this room speak, free of any socket.
#pragma once

#include "runtime/json_value.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace remed::tools {

/// Header fields in order; names compare without case.
class http_headers {
public:
  void set(std::string name, std::string value);
  void add(std::string name, std::string value) {
    all_.emplace_back(std::move(name), std::move(value));
  }
  /// The first value of the field, or empty.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

private:
  std::vector<std::pair<std::string, std::string>> all_;
};

/// Query parameters in order, percent-decoded; a name may repeat.
class query_params {
public:
  static query_params parse(std::string_view text);
  std::string get(std::string_view name, std::string otherwise = {}) const;
  bool has(std::string_view name) const;
  /// "true"/"True"/"1"/"" (present without value) count as true.
  bool flag(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }
  void add(std::string name, std::string value) {
    items_.emplace_back(std::move(name), std::move(value));
  }
  /// Percent-encoded, without the question mark.
  std::string encode() const;

private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct shown_table;

struct http_request {
  std::string method = "GET";
  std::string path;   ///< percent-decoded, without the query
  std::string target; ///< path and query as they came over the wire
  query_params query;
  http_headers headers;
  std::string body;
  std::string peer; ///< remote address, for logs
  /// Whoever asks is in this process and takes JSON as a value: nobody need write and parse it.
  bool takes_value = false;
  /// Likewise, and a table of cells alone as `shown_table`, where the server gives one.
  bool takes_table = false;

  /// The bearer token of the Authorization field, or empty.
  std::string_view bearer_token() const;
  bool is_websocket_upgrade() const;
};

struct http_response {
  int status = 200;
  http_headers headers;
  std::string body;
  /// The body as it is, for a request that takes values; `body` is empty then. May be none.
  std::shared_ptr<const json> value = {};
  /// Instead of both, for a request that takes tables. May be none.
  std::shared_ptr<const shown_table> table = {};
};

/// A response whose body is written piece by piece (chunked). The server owns the socket; a writer
/// keeps the stream. Closing is idempotent.
class http_stream {
public:
  virtual ~http_stream() = default;
  /// Queues a chunk. Never blocks.
  virtual void write(std::string chunk) = 0;
  virtual void end() = 0;
  /// Bytes queued and not yet sent: a writer of an endless stream stops when this grows.
  virtual std::size_t pending() const = 0;
  virtual bool closed() const = 0;
  /// Called once when the peer has gone or the stream was ended.
  virtual void on_close(std::function<void()> callback) = 0;
};

/// One side of a WebSocket.
class websocket {
public:
  virtual ~websocket() = default;
  virtual void send(std::string message, bool binary = true) = 0;
  virtual void close(int code = 1000) = 0;
  virtual bool closed() const = 0;
  /// Bytes queued and not yet sent.
  virtual std::size_t pending() const = 0;
  virtual void on_message(std::function<void(std::string, bool binary)> callback) = 0;
  virtual void on_close(std::function<void()> callback) = 0;
};

/// The answer is a stream: `start` is called once the header was sent.
struct stream_reply {
  int status = 200;
  http_headers headers;
  std::function<void(std::shared_ptr<http_stream>)> start;
};

/// The connection becomes a WebSocket that speaks `subprotocol`.
struct websocket_reply {
  std::string subprotocol;
  std::function<void(std::shared_ptr<websocket>)> start;
};

/// The connection leaves HTTP behind "101 Switching Protocols" with these header fields (`Upgrade`
/// among them). What `start` gets carries bytes, not messages: portions mean nothing.
struct upgrade_reply {
  http_headers headers;
  std::function<void(std::shared_ptr<websocket>)> start;
};

/// The answer comes later: call the function given to `start` exactly once, on the same thread.
struct deferred_reply {
  std::function<void(std::function<void(http_response)>)> start;
};

using http_reply =
    std::variant<http_response, stream_reply, websocket_reply, upgrade_reply, deferred_reply>;
/// Called on the loop's thread for each request; must not block.
using http_handler = std::function<http_reply(const http_request&)>;

std::string percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);

} // namespace remed::tools
