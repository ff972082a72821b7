// Open files that travel over a Unix socket, beside a text (unix(7), SCM_RIGHTS). A header alone,
// because the sandbox launcher is a program that links no other part of remed.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

namespace remed::tools {

inline constexpr std::size_t most_passed_files = 8;

/// sendmsg(2) of `text`, not empty, and up to `most_passed_files` files; goes on when a signal
/// interrupts it. Returns what sendmsg does, with errno.
inline ssize_t send_files(int over, std::string_view text, std::span<const int> files,
                          int flags = 0) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(most_passed_files * sizeof(int))> space{};
  if (files.size() > most_passed_files) return errno = EINVAL, -1;
  iovec data{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = CMSG_SPACE(files.size_bytes());
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(files.size_bytes());
  std::memcpy(CMSG_DATA(header), files.data(), files.size_bytes());
  for (;;) {
    const auto n = ::sendmsg(over, &message, MSG_NOSIGNAL | flags);
    if (n >= 0 || errno != EINTR) return n;
  }
}

/// recvmsg(2) into `text`; `file` becomes the file that came with it, the caller's to close, or -1.
inline ssize_t receive_file(int from, std::span<char> text, int& file, int flags = 0) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  iovec data{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  file = -1;
  const auto n = ::recvmsg(from, &message, MSG_CMSG_CLOEXEC | flags);
  const auto* header = n < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS)
    std::memcpy(&file, CMSG_DATA(header), sizeof file);
  return n;
}

} // namespace remed::tools
