// Small verbs for building a root under `new_root` out of the host's files under `old_root`.
#pragma once

#include <cstdint>
#include <string>

namespace remed::sandbox {

/// While the new root is built, the host's root is reachable here and the new one there.
inline constexpr const char* old_root = "/old";
inline constexpr const char* new_root = "/new";

std::string inside(const std::string& path);
std::string host(const std::string& path);

/// Makes the folder and its parents.
void make_folders(const std::string& path);
/// A file, replacing what is there (never written through a link).
void write_file(const std::string& path, const std::string& content, unsigned mode);
void link_to(const std::string& target, const std::string& path);
/// Shows the host's `source` at `target`, read-only, without devices or set-uid; false when the
/// host has no `source`.
bool bind_read_only(const std::string& source, const std::string& target);
/// A host device node.
void bind_device(const std::string& name);
/// A private file system in memory, bounded in bytes and in number of files.
void mount_tmpfs(const std::string& target, std::uint64_t bytes, unsigned mode);
void make_read_only(const std::string& target, bool with_submounts);
/// Swaps to a small staging root in which `old_root` and `new_root` exist.
void stage();
/// Makes `new_root` the root and drops everything else.
void unstage();

} // namespace remed::sandbox
