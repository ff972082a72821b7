#include "tools/ansible/fd_reader.hpp"

#include <sys/socket.h>

namespace remed::tools {

fd_reader::fd_reader(io_loop& loop, unique_fd fd, std::function<void(std::string_view)> on_data,
                     std::function<void()> on_end)
    : fd_(loop.impl().context.get_executor()),
      on_data_(std::move(on_data)),
      on_end_(std::move(on_end)) {
  error_code ec;
  fd_.assign(fd.get(), ec);
  if (!ec) fd.release();
  if (!ec) fd_.non_blocking(true, ec);
}

void fd_reader::start() {
  fd_.async_read_some(net::buffer(buffer_),
                      [self = shared_from_this()](error_code ec, std::size_t n) {
                        if (n > 0 && self->on_data_) self->on_data_({self->buffer_.data(), n});
                        if (!ec) return self->start();
                        auto end = std::move(self->on_end_);
                        self->stop();
                        if (end) end();
                      });
}

void fd_reader::hang_up() {
  if (fd_.is_open()) ::shutdown(fd_.native_handle(), SHUT_WR);
}

void fd_reader::stop() {
  on_data_ = {};
  on_end_ = {};
  error_code ignored;
  fd_.close(ignored);
}

} // namespace remed::tools
