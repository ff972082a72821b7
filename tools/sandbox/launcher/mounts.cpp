#include "mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail.hpp"
#include <cerrno>

namespace remed::sandbox {

std::string inside(const std::string& path) {
  return new_root + path;
}

std::string host(const std::string& path) {
  return old_root + path;
}

void make_folders(const std::string& path) {
  for (std::size_t end = 1; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const auto part = path.substr(0, end);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) fail_errno("make folder " + part);
  }
}

namespace {

void make_parents(const std::string& path) {
  make_folders(path.substr(0, path.rfind('/')));
}

} // namespace

void write_file(const std::string& path, const std::string& content, unsigned mode) {
  make_parents(path);
  unlink(path.c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) fail_errno("create " + path);
  for (std::size_t done = 0; done < content.size();) {
    const auto n = write(fd, content.data() + done, content.size() - done);
    if (n < 0) fail_errno("write " + path);
    done += static_cast<std::size_t>(n);
  }
  if (fchmod(fd, mode) != 0) fail_errno("mode of " + path);
  close(fd);
}

void link_to(const std::string& target, const std::string& path) {
  if (symlink(target.c_str(), path.c_str()) != 0 && errno != EEXIST) fail_errno("link " + path);
}

void make_read_only(const std::string& target, bool with_submounts) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  const unsigned flags = with_submounts ? AT_RECURSIVE : 0;
  if (syscall(SYS_mount_setattr, AT_FDCWD, target.c_str(), flags, &attributes, sizeof attributes) !=
      0) {
    fail_errno("make " + target + " read-only (needs Linux 5.12)");
  }
}

bool bind_read_only(const std::string& source, const std::string& target) {
  struct stat what {};
  if (stat(source.c_str(), &what) != 0) return false;
  if (S_ISDIR(what.st_mode)) {
    make_folders(target);
  } else {
    write_file(target, "", 0644);
  }
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    fail_errno("bind " + source + " at " + target);
  }
  make_read_only(target, true);
  return true;
}

void bind_device(const std::string& name) {
  const auto target = inside("/dev/" + name);
  write_file(target, "", 0644);
  if (mount(host("/dev/" + name).c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    fail_errno("bind device " + name);
  }
}

void mount_tmpfs(const std::string& target, std::uint64_t bytes, unsigned mode) {
  make_folders(target);
  char octal[8];
  snprintf(octal, sizeof octal, "%o", mode);
  const auto options =
      "size=" + std::to_string(bytes) + ",nr_inodes=16384,mode=" + std::string(octal);
  if (mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    fail_errno("mount tmpfs at " + target);
  }
}

void stage() {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) fail_errno("detach mounts");
  const std::string base = "/tmp"; // exists everywhere; only this namespace sees the mount
  mount_tmpfs(base, 1 << 20, 0755);
  if (mkdir((base + old_root).c_str(), 0755) != 0) fail_errno("make old root");
  if (mkdir((base + new_root).c_str(), 0755) != 0) fail_errno("make new root");
  if (syscall(SYS_pivot_root, base.c_str(), (base + old_root).c_str()) != 0) fail_errno("stage");
  if (chdir("/") != 0) fail_errno("enter stage");
}

void unstage() {
  if (chdir(new_root) != 0) fail_errno("enter new root");
  if (syscall(SYS_pivot_root, ".", ".") != 0) fail_errno("swap roots");
  // The old root is stacked on the new one now; taking it away takes the host's files along.
  if (umount2(".", MNT_DETACH) != 0) fail_errno("drop the host's root");
  if (chdir("/") != 0) fail_errno("enter root");
}

} // namespace remed::sandbox
