// remed-sandbox: reads a spec from the given descriptor, enters the sandbox and runs its argv.
#include <sys/stat.h>
#include <unistd.h>

#include "enter.hpp"
#include "fail.hpp"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

namespace {

std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) remed::sandbox::fail_errno("read the spec");
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

[[noreturn]] void run(const remed::sandbox::spec& s) {
  std::vector<std::string> env;
  for (const auto& [name, value] : s.env) env.push_back(name + "=" + value);
  std::vector<char*> argv, envp;
  for (const auto& a : s.argv) argv.push_back(const_cast<char*>(a.c_str()));
  for (const auto& e : env) envp.push_back(const_cast<char*>(e.c_str()));
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  // The program is looked up in the command's PATH, not in this one's.
  clearenv();
  if (auto path = s.env.find("PATH"); path != s.env.end()) setenv("PATH", path->second.c_str(), 1);
  execvpe(argv[0], argv.data(), envp.data());
  remed::sandbox::fail_errno("run '" + s.argv[0] + "'");
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: remed-sandbox SPEC_FD\n"
                 "Runs a command in a sandbox; started by remed with a JSON spec on SPEC_FD.\n";
    return 2;
  }
  const int fd = std::atoi(argv[1]);
  auto s = remed::sandbox::parse_spec(read_all(fd));
  close(fd);
  if (s.argv.empty()) remed::sandbox::fail_with("spec: argv is empty");
  remed::sandbox::enter(s);
  run(s);
}
