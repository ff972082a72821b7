// Header blocks of SPDY/3: names and values, compressed by one zlib stream per direction.
#pragma once

#include "runtime/result.hpp"
#include "tools/http.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace remed::tools {

/// Primes both zlib streams.
const std::string& spdy_dictionary();

/// The compressing side. Stateful: blocks must be sent in the order they were made.
class spdy_deflater {
public:
  spdy_deflater();
  ~spdy_deflater();
  std::string block(const http_headers& headers);

private:
  struct native;
  std::unique_ptr<native> native_;
};

/// The decompressing side. A block larger than `max_block` bytes when unpacked is refused
/// (errc::bad_input), as is anything malformed; the connection is of no use after that.
class spdy_inflater {
public:
  static constexpr std::size_t max_block = 64 * 1024;
  spdy_inflater();
  ~spdy_inflater();
  result<http_headers> headers(std::string_view block);

private:
  struct native;
  std::unique_ptr<native> native_;
};

} // namespace remed::tools
