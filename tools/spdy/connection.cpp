#include "tools/spdy.hpp"
#include "tools/spdy/headers.hpp"

#include <map>

namespace remed::tools {

namespace {

constexpr std::size_t head_bytes = 8;
constexpr std::size_t data_frame_bytes = 32 * 1024;
constexpr unsigned version = 3;
constexpr unsigned flag_fin = 1;
enum frame_type : unsigned { syn_stream = 1, syn_reply = 2, rst_stream = 3, ping = 6, goaway = 7 };
enum reset_reason : std::uint32_t { protocol_error = 1, refused_stream = 3, cancel = 5 };

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

std::string word(std::uint32_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((n >> shift) & 0xff);
  return out;
}

std::string control_frame(unsigned type, unsigned flags, const std::string& body) {
  auto size = static_cast<std::uint32_t>(body.size());
  return word(0x80000000u | version << 16 | type) + word(flags << 24 | size) + body;
}

std::string data_frame(std::uint32_t id, unsigned flags, std::string_view body) {
  auto size = static_cast<std::uint32_t>(body.size());
  return (word(id) + word(flags << 24 | size)).append(body);
}

} // namespace

struct spdy_connection::state {
  struct stream {
    bool theirs_open = true, ours_open = true;
  };

  state(std::function<void(std::string)> o, listener t, spdy_limits l)
      : out(std::move(o)), to(std::move(t)), limits(l) {}

  result<void> control(unsigned type, unsigned flags, std::string_view body);
  result<void> open(unsigned flags, std::string_view body);
  result<void> data(std::uint32_t id, unsigned flags, std::string_view body);
  void half_close(std::uint32_t id);
  void forget_if_done(std::uint32_t id) {
    auto at = streams.find(id);
    if (at != streams.end() && !at->second.theirs_open && !at->second.ours_open) streams.erase(at);
  }
  void send_reset(std::uint32_t id, std::uint32_t reason) {
    out(control_frame(rst_stream, 0, word(id) + word(reason)));
  }
  failure broken(const std::string& why) {
    out(control_frame(goaway, 0, word(last_stream) + word(protocol_error)));
    dead = true;
    return {errc::bad_input, "SPDY: " + why};
  }

  std::function<void(std::string)> out;
  listener to;
  spdy_limits limits;
  spdy_deflater deflater;
  spdy_inflater inflater;
  std::map<std::uint32_t, stream> streams;
  std::string buffer;
  std::uint32_t last_stream = 0;
  bool dead = false;
};

result<void> spdy_connection::state::open(unsigned flags, std::string_view body) {
  if (body.size() < 10) return broken("short SYN_STREAM");
  auto id = number_at(body, 0) & 0x7fffffffu;
  auto headers = inflater.headers(body.substr(10));
  if (!headers) return broken(headers.why().what);
  if (id % 2 == 0 || id <= last_stream) return broken("bad stream number");
  last_stream = id;
  if (streams.size() >= limits.streams) {
    send_reset(id, refused_stream);
    return {};
  }
  streams[id] = {};
  out(control_frame(syn_reply, 0, word(id) + deflater.block({})));
  if (to.opened) to.opened(id, *headers);
  if (flags & flag_fin) half_close(id);
  return {};
}

result<void> spdy_connection::state::control(unsigned type, unsigned flags, std::string_view body) {
  if (type == syn_stream) return open(flags, body);
  if (type == ping) {
    if (body.size() != 4) return broken("malformed PING");
    // Even numbers would be answers to ours, and we ask none.
    if (number_at(body, 0) % 2 == 1) out(control_frame(ping, 0, std::string(body)));
    return {};
  }
  if (type == rst_stream) {
    if (body.size() != 8) return broken("malformed RST_STREAM");
    auto id = number_at(body, 0) & 0x7fffffffu;
    if (streams.erase(id) > 0 && to.ended) to.ended(id, true);
  }
  // SETTINGS, GOAWAY, HEADERS and WINDOW_UPDATE change nothing here.
  return {};
}

void spdy_connection::state::half_close(std::uint32_t id) {
  auto at = streams.find(id);
  if (at == streams.end() || !at->second.theirs_open) return;
  at->second.theirs_open = false;
  forget_if_done(id);
  if (to.ended) to.ended(id, false);
}

result<void> spdy_connection::state::data(std::uint32_t id, unsigned flags, std::string_view body) {
  auto at = streams.find(id);
  if (at == streams.end() || !at->second.theirs_open) return {}; // crossed our end of it
  if (!body.empty() && to.data) to.data(id, body);
  if (flags & flag_fin) half_close(id);
  return {};
}

spdy_connection::spdy_connection(std::function<void(std::string)> out, listener to,
                                 spdy_limits limits)
    : state_(std::make_unique<state>(std::move(out), std::move(to), limits)) {}

spdy_connection::~spdy_connection() = default;

result<void> spdy_connection::receive(std::string_view bytes) {
  auto& s = *state_;
  if (s.dead) return failure{errc::bad_input, "SPDY: the connection has ended"};
  s.buffer.append(bytes);
  std::size_t at = 0;
  while (!s.dead && s.buffer.size() - at >= head_bytes) {
    auto first = number_at(s.buffer, at), second = number_at(s.buffer, at + 4);
    std::size_t size = second & 0xffffffu;
    if (size > s.limits.frame_bytes) return s.broken("frame too large");
    if (s.buffer.size() - at - head_bytes < size) break;
    auto body = s.buffer.substr(at + head_bytes, size);
    at += head_bytes + size;
    auto flags = second >> 24;
    if ((first & 0x80000000u) == 0) {
      if (auto done = s.data(first, flags, body); !done) return done.why();
    } else {
      if ((first >> 16 & 0x7fffu) != version) return s.broken("unknown version");
      if (auto done = s.control(first & 0xffffu, flags, body); !done) return done.why();
    }
  }
  s.buffer.erase(0, at);
  return {};
}

void spdy_connection::send(stream_id id, std::string_view data) {
  auto at = state_->streams.find(id);
  if (state_->dead || at == state_->streams.end() || !at->second.ours_open) return;
  while (!data.empty()) {
    auto piece = data.substr(0, data_frame_bytes);
    data.remove_prefix(piece.size());
    state_->out(data_frame(id, 0, piece));
  }
}

void spdy_connection::finish(stream_id id) {
  auto at = state_->streams.find(id);
  if (state_->dead || at == state_->streams.end() || !at->second.ours_open) return;
  at->second.ours_open = false;
  state_->out(data_frame(id, flag_fin, {}));
  state_->forget_if_done(id);
}

void spdy_connection::reset(stream_id id) {
  if (state_->dead || state_->streams.erase(id) == 0) return;
  state_->send_reset(id, cancel);
}

void spdy_connection::go_away() {
  if (!state_->dead) state_->out(control_frame(goaway, 0, word(state_->last_stream) + word(0)));
}

std::size_t spdy_connection::open_streams() const {
  return state_->streams.size();
}

} // namespace remed::tools
