// Bytes of a peer that speaks SPDY, in portions: exec and port-forward of older kubectl.
#include "tools/spdy.hpp"

#include <algorithm>
#include <string_view>

using namespace remed::tools;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return -1;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t portion = 1 + data[0];
  spdy_connection* connection = nullptr;
  spdy_connection::listener to;
  to.opened = [&](spdy_connection::stream_id id, const http_headers&) {
    connection->send(id, "hello");
  };
  to.data = [&](spdy_connection::stream_id id, std::string_view text) {
    connection->send(id, text);
    if (text.size() % 7 == 3) connection->finish(id);
    if (text.size() % 7 == 5) connection->reset(id);
  };
  to.ended = [&](spdy_connection::stream_id id, bool) { connection->finish(id); };
  spdy_connection made([](std::string) {}, to);
  connection = &made;
  while (!bytes.empty()) {
    auto part = bytes.substr(0, portion);
    if (!made.receive(part)) break;
    bytes.remove_prefix(part.size());
  }
  return 0;
}
