// What the runtime asks for: the spec of one sandbox, read from JSON. Files in this folder form a
// program of their own and include nothing of the rooms.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace remed::sandbox {

struct file {
  std::string path; ///< absolute, inside
  std::string content;
  bool executable = false;
};

struct spec {
  bool pod = false; ///< busybox only, instead of the host's read-only tools
  std::string hostname = "remed";
  std::vector<file> files;
  std::map<std::string, std::string> binds; ///< inside path -> host path, read-only
  std::uint16_t listener_port = 0;          ///< 0: no door
  int control_fd = -1;                      ///< SOCK_SEQPACKET: "L" with the listener, "E" + error
  std::vector<int> keep_fds;                ///< stay open for the command beside 0, 1 and 2
  std::string cwd = "/";
  std::vector<std::string> argv;           ///< used by the program only
  std::map<std::string, std::string> env;  ///< used by the program only
  std::uint64_t memory_bytes = 512u << 20; ///< of one process
  std::uint64_t total_bytes = 1u << 30;    ///< of all; 0: not watched
  std::uint64_t cpu_seconds = 0;           ///< of all, waited for or not; 0: not watched
  std::uint64_t processes = 256;
  std::uint64_t file_bytes = 64u << 20;
  std::uint64_t tmpfs_bytes = 64u << 20;
  std::vector<std::string> applets; ///< busybox links of a pod, found before the roots are swapped
};

/// Reads the spec; ends the process with a clear error when it is malformed.
spec parse_spec(const std::string& text);

} // namespace remed::sandbox
