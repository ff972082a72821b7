#include "tools/sandbox/bare.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace remed::tools {

namespace fs = std::filesystem;

namespace {

std::string with_port(std::string text, std::uint16_t port) {
  const std::string constant = "127.0.0.1:" + std::to_string(sandbox_api_port);
  const auto actual = "127.0.0.1:" + std::to_string(port);
  for (std::size_t at = 0; (at = text.find(constant, at)) != std::string::npos;) {
    text.replace(at, constant.size(), actual);
    at += actual.size();
  }
  return text;
}

failure system_failure(const std::string& what) {
  return {errc::failed, what + ": " + std::strerror(errno)};
}

} // namespace

bare_place::~bare_place() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

result<std::shared_ptr<bare_place>> bare_place::prepare(const sandbox_spec& spec, command& cmd) {
  std::error_code ec;
  auto pattern = (fs::temp_directory_path(ec) / "remed-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return system_failure("make a folder like " + pattern);
  auto place = std::make_shared<bare_place>(pattern);
  if (spec.api_listener) {
    if (auto listening = place->listen(); !listening) return listening.why();
  }
  if (auto written = place->write(spec); !written) return written.why();
  for (auto& [name, value] : cmd.env) value = place->rewritten(value);
  for (auto& argument : cmd.argv) argument = place->rewritten(argument);
  cmd.cwd = place->rewritten(cmd.cwd);
  cmd.env["REMED_ROOT"] = place->folder_.string();
  if (spec.api_listener) cmd.env["REMED_API_PORT"] = std::to_string(place->port_);
  return place;
}

result<void> bare_place::listen() {
  listener_ = unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (!listener_.valid() || ::bind(listener_.get(), generic, size) != 0 ||
      ::listen(listener_.get(), 128) != 0 || ::getsockname(listener_.get(), generic, &size) != 0) {
    return system_failure("listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  return {};
}

result<void> bare_place::write(const sandbox_spec& spec) {
  std::error_code ec;
  for (const char* name : {"root", "tmp", "work"}) fs::create_directories(folder_ / name, ec);
  for (const auto& f : spec.files) {
    const auto path = folder_ / fs::path(f.path).relative_path();
    fs::create_directories(path.parent_path(), ec);
    std::ofstream out(path, std::ios::binary);
    out << (spec.api_listener ? with_port(f.content, port_) : f.content);
    out.close();
    if (!out) return failure{errc::failed, "cannot write " + path.string()};
    const auto mode = f.executable ? fs::perms::owner_all : fs::perms(0600);
    fs::permissions(path, mode, ec);
  }
  return {};
}

std::string bare_place::rewritten(const std::string& value) const {
  if (value.size() < 2 || value[0] != '/') return value;
  const auto candidate = folder_ / fs::path(value).relative_path();
  std::error_code ec;
  return fs::exists(candidate, ec) ? candidate.string() : value;
}

} // namespace remed::tools
