#include "experiments/bench/control.hpp"

#include "runtime/json.hpp"
#include "runtime/paths.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& folder) {
  return folder / "control";
}

} // namespace

result<void> order_cancel(const fs::path& folder, const std::string& id) {
  json order = json::object();
  order["cancel"] = id;
  const auto line = dump(order) + "\n";
  const auto file = file_of(folder);
  // One write of O_APPEND: orders of several people do not mix.
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool done =
      fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return failure{errc::failed, file.string() + ": " + std::strerror(why)};
  return {};
}

bench_control::bench_control(const fs::path& folder) : file_(file_of(folder)) {
  std::error_code ec;
  const auto size = fs::file_size(file_, ec);
  if (!ec) read_ = size;
}

std::vector<std::string> bench_control::look() {
  std::vector<std::string> out;
  std::error_code ec;
  const auto size = fs::file_size(file_, ec);
  if (ec || size <= read_) return out;
  const auto text = read_file(file_);
  if (!text) return out;
  for (auto end = text->find('\n', read_); end != std::string::npos;
       end = text->find('\n', read_)) {
    const auto order = parse_json(std::string_view(*text).substr(read_, end - read_));
    read_ = end + 1;
    if (!order || !order->is_object()) continue;
    const auto id = order->find("cancel");
    if (id != order->end() && id->is_string()) out.push_back(id->get<std::string>());
  }
  return out;
}

} // namespace remed::experiments
