#include "tools/spdy/headers.hpp"

#include <zlib.h>

#include <array>

namespace remed::tools {

namespace {

void put_number(std::string& out, std::size_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((n >> shift) & 0xff);
}

/// Takes a 32-bit number off the front; false when there is none.
bool take_number(std::string_view& from, std::size_t& n) {
  if (from.size() < 4) return false;
  n = 0;
  for (int i = 0; i < 4; ++i) n = n << 8 | static_cast<unsigned char>(from[static_cast<size_t>(i)]);
  from.remove_prefix(4);
  return true;
}

bool take_text(std::string_view& from, std::string& text) {
  std::size_t n = 0;
  if (!take_number(from, n) || n > from.size()) return false;
  text = from.substr(0, n);
  from.remove_prefix(n);
  return true;
}

const Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

result<http_headers> parse(std::string_view plain) {
  std::size_t count = 0;
  http_headers out;
  if (!take_number(plain, count)) return failure{errc::bad_input, "SPDY: short header block"};
  for (std::size_t i = 0; i < count; ++i) {
    std::string name, value;
    if (!take_text(plain, name) || !take_text(plain, value)) {
      return failure{errc::bad_input, "SPDY: malformed header block"};
    }
    out.add(std::move(name), std::move(value));
  }
  return out;
}

} // namespace

struct spdy_deflater::native {
  z_stream stream{};
};

spdy_deflater::spdy_deflater() : native_(std::make_unique<native>()) {
  deflateInit(&native_->stream, Z_BEST_SPEED);
  const auto& dictionary = spdy_dictionary();
  deflateSetDictionary(&native_->stream, bytes_of(dictionary),
                       static_cast<uInt>(dictionary.size()));
}

spdy_deflater::~spdy_deflater() {
  deflateEnd(&native_->stream);
}

std::string spdy_deflater::block(const http_headers& headers) {
  std::string plain;
  put_number(plain, headers.all().size());
  for (const auto& [name, value] : headers.all()) {
    for (const auto* text : {&name, &value}) {
      put_number(plain, text->size());
      plain += *text;
    }
  }
  auto& z = native_->stream;
  z.next_in = const_cast<Bytef*>(bytes_of(plain));
  z.avail_in = static_cast<uInt>(plain.size());
  std::string out;
  std::array<char, 1024> piece;
  do {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = piece.size();
    deflate(&z, Z_SYNC_FLUSH);
    out.append(piece.data(), piece.size() - z.avail_out);
  } while (z.avail_out == 0);
  return out;
}

struct spdy_inflater::native {
  z_stream stream{};
};

spdy_inflater::spdy_inflater() : native_(std::make_unique<native>()) {
  inflateInit(&native_->stream);
}

spdy_inflater::~spdy_inflater() {
  inflateEnd(&native_->stream);
}

result<http_headers> spdy_inflater::headers(std::string_view block) {
  auto& z = native_->stream;
  z.next_in = const_cast<Bytef*>(bytes_of(block));
  z.avail_in = static_cast<uInt>(block.size());
  std::string plain;
  std::array<char, 4096> piece;
  for (;;) {
    z.next_out = reinterpret_cast<Bytef*>(piece.data());
    z.avail_out = piece.size();
    auto code = inflate(&z, Z_SYNC_FLUSH);
    if (code == Z_NEED_DICT) {
      const auto& dictionary = spdy_dictionary();
      code = inflateSetDictionary(&z, bytes_of(dictionary), static_cast<uInt>(dictionary.size()));
      if (code == Z_OK) continue;
    }
    // Z_BUF_ERROR: all was taken already.
    if (code != Z_OK && code != Z_BUF_ERROR) {
      return failure{errc::bad_input, "SPDY: header block does not unpack"};
    }
    plain.append(piece.data(), piece.size() - z.avail_out);
    if (plain.size() > max_block) return failure{errc::bad_input, "SPDY: header block too large"};
    if (z.avail_out > 0) break;
  }
  return parse(plain);
}

} // namespace remed::tools
