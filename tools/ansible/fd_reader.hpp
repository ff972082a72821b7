// Reads a descriptor on the loop until its end.
#pragma once

#include "tools/io_loop.hpp"
#include "tools/net.hpp"
#include "tools/spawn.hpp"

#include <array>
#include <functional>
#include <memory>
#include <string_view>

namespace remed::tools {

class fd_reader : public std::enable_shared_from_this<fd_reader> {
public:
  fd_reader(io_loop& loop, unique_fd fd, std::function<void(std::string_view)> on_data,
            std::function<void()> on_end);
  void start();
  bool open() const { return fd_.is_open(); }
  /// Ends the other side's waiting for us without closing what we still want to read.
  void hang_up();
  /// Closes and forgets the callbacks.
  void stop();

private:
  descriptor fd_;
  std::function<void(std::string_view)> on_data_;
  std::function<void()> on_end_;
  std::array<char, 16 * 1024> buffer_;
};

} // namespace remed::tools
