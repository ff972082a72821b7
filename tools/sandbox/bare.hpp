// The stand-in for a sandbox under `--sandbox none`: a private folder and a loopback listener of
// the host. It protects from nothing.
#pragma once

#include "runtime/result.hpp"
#include "tools/sandbox.hpp"
#include "tools/spawn.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace remed::tools {

/// The folder with the spec's files; removed with it.
class bare_place {
public:
  /// Makes the folder and listens; writes the files and rewrites `cmd` to them.
  static result<std::shared_ptr<bare_place>> prepare(const sandbox_spec& spec, command& cmd);
  bare_place(std::filesystem::path folder) : folder_(std::move(folder)) {}
  ~bare_place();
  bare_place(const bare_place&) = delete;
  bare_place& operator=(const bare_place&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// The listener, if the spec asked for one; the caller owns it.
  int take_listener() { return listener_.release(); }

private:
  result<void> write(const sandbox_spec& spec);
  result<void> listen();
  std::string rewritten(const std::string& value) const;

  std::filesystem::path folder_;
  unique_fd listener_;
  std::uint16_t port_ = 0;
};

} // namespace remed::tools
