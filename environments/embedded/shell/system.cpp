// free, env, date, cat and other small programs.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/node/program.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/file_trouble.hpp"
#include "environments/embedded/shell/files.hpp"
#include "environments/embedded/traffic.hpp"

#include <cmath>
#include <ctime>

namespace remed::env {

namespace {

/// One line of a long listing, with the attributes that are told.
std::string long_line(const std::string& name, const json& told) {
  std::string mode = text_at(told, {"kind"}) == "file" ? "-rwxr-xr-x" : "drwxr-xr-x";
  const auto& perm = at_path(told, {"perm"});
  for (int bit = 0; perm.is_number_integer() && bit < 9; ++bit) {
    const bool set = perm.get<int>() >> (8 - bit) & 1;
    mode[static_cast<std::size_t>(bit) + 1] = set ? "rwx"[bit % 3] : '-';
  }
  auto owner = [&](const char* field) {
    const auto id = int_at(told, {field});
    return id == 0 ? std::string("root") : std::to_string(id);
  };
  return format("%s %4d %-8s %-8s %8lld Jan  1 00:00 %s\n", mode.c_str(),
                static_cast<int>(int_at(told, {"nlink"}, 1)), owner("uid").c_str(),
                owner("gid").c_str(), static_cast<long long>(int_at(told, {"size"}, 4096)),
                name.c_str());
}

/// strftime over virtual time, with %N as GNU date has it and BusyBox has not.
std::string date_text(const shell_call& s, const std::string& pattern) {
  auto micros = s.c.now().time_since_epoch().count();
  std::time_t t = micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&t, &parts);
  std::string given;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    auto rest = pattern.substr(i);
    auto gnu = s.tools.kind == image_tools::family::debian;
    if (rest.rfind("%s", 0) == 0) {
      given += std::to_string(t);
      ++i;
    } else if (gnu && rest.rfind("%N", 0) == 0) {
      given += format("%06ld000", static_cast<long>(micros % 1'000'000));
      ++i;
    } else if (gnu && rest.rfind("%3N", 0) == 0) {
      given += format("%03ld", static_cast<long>(micros % 1'000'000 / 1000));
      i += 2;
    } else if (rest[0] == '%' && rest.size() > 1 && std::isdigit(rest[1])) {
      given += "%%" + std::string(1, rest[1]); // BusyBox prints what it does not know
      ++i;
    } else {
      given += rest[0];
    }
  }
  char out[512];
  auto n = std::strftime(out, sizeof out, given.c_str(), &parts);
  return std::string(out, n);
}

} // namespace

shell_result shell_free(const shell_call& s) {
  double unit = 1024;
  bool human = false;
  for (const auto& w : s.argv) {
    if (w == "-m") unit = 1024.0 * 1024;
    if (w == "-g") unit = 1024.0 * 1024 * 1024;
    if (w == "-b") unit = 1;
    if (w == "-h") human = true;
  }
  auto total = node_memory_bytes(s.c);
  auto show = [&](double bytes) {
    return human ? format("%.1fG", bytes / 1024 / 1024 / 1024) : format("%.0f", bytes / unit);
  };
  std::string out =
      "              total        used        free      shared  buff/cache   available\n";
  out += format("Mem:    %11s %11s %11s %11s %11s %11s\n", show(total).c_str(),
                show(total * 0.31).c_str(), show(total * 0.49).c_str(), show(3.3e6).c_str(),
                show(total * 0.2).c_str(), show(total * 0.69).c_str());
  out += format("Swap:   %11s %11s %11s\n", show(0).c_str(), show(0).c_str(), show(0).c_str());
  return print(out);
}

shell_result shell_hostname(const shell_call& s) {
  if (s.argv.size() > 1 && (s.argv[1] == "-i" || s.argv[1] == "-I")) {
    return print(text_at(s.pod, {"status", "podIP"}) + "\n");
  }
  if (s.argv.size() > 1 && s.argv[1][0] != '-') {
    return complain(1, "hostname: sethostname: Operation not permitted\n");
  }
  return print(text_at(s.pod, {"metadata", "name"}) + "\n");
}

shell_result shell_env(const shell_call& s) {
  auto all = container_environment(s.c, s.pod, s.container);
  if (s.argv[0] == "env" && s.argv.size() > 1) {
    std::vector<std::string> rest;
    for (std::size_t i = 1; i < s.argv.size(); ++i) {
      if (!rest.empty() || s.argv[i].find('=') == std::string::npos) rest.push_back(s.argv[i]);
    }
    return run_pod_command(s.c, s.pod, s.container, rest, s.input);
  }
  std::string out;
  if (s.argv.size() > 1) {
    auto found = all.find(s.argv[1]);
    auto r = print(found == all.end() ? "" : found->second + "\n");
    r.code = found == all.end() ? 1 : 0;
    return r;
  }
  for (const auto& [name, value] : all) out += name + "=" + value + "\n";
  return print(out);
}

shell_result shell_cat(const shell_call& s) {
  shell_result out;
  auto files = container_files(s.c, s.pod, s.runs);
  if (s.argv.size() == 1) return print(s.input);
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    const auto& path = s.argv[i];
    if (path[0] == '-' && path.size() > 1) continue;
    auto found = files.find(path);
    const auto trouble = draw_trouble(s, path, {{"open"}, {"read"}});
    if (trouble.error && found != files.end()) {
      out.err += "cat: " + path + ": " + error_text(trouble.error) + "\n";
      out.code = 1;
    } else if (path == "-") {
      out.out += s.input;
    } else if (found != files.end()) {
      out.out += misread(s, path, found->second);
    } else {
      auto quote = s.tools.kind == image_tools::family::busybox ? "'" : "";
      out.err +=
          (*quote ? "cat: can't open '" : "cat: ") + path + quote + ": No such file or directory\n";
      out.code = 1;
    }
    out.takes += from_seconds(trouble.seconds);
  }
  return out;
}

shell_result shell_ls(const shell_call& s) {
  std::string path = "/";
  bool lines = false;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    if (s.argv[i][0] != '-')
      path = s.argv[i];
    else
      lines = lines || s.argv[i].find('l') != std::string::npos;
  }
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  std::set<std::string> names;
  bool known = path == "/";
  auto add = [&](const std::string& full) {
    auto prefix = path == "/" ? "/" : path + "/";
    if (full == path) known = true;
    if (full.rfind(prefix, 0) != 0) return;
    known = true;
    auto rest = full.substr(prefix.size());
    names.insert(rest.substr(0, rest.find('/')));
  };
  for (const auto* base : {"/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp",
                           "/usr/bin", "/var/log", "/var/run"}) {
    add(base);
  }
  for (const auto& [file, content] : container_files(s.c, s.pod, s.runs)) add(file);
  for (const auto& m : container_mounts(s.c, s.pod, s.runs)) {
    add(m.path);
    // The mount that a slowed one covers is kept beside it.
    if (m.type == "fuse") {
      auto slash = m.path.rfind('/');
      add(m.path.substr(0, slash + 1) + "__chaosfs__" + m.path.substr(slash + 1) + "__");
    }
  }
  if (!known) return complain(1, "ls: " + path + ": No such file or directory\n");
  names.erase("");
  std::string out = lines ? "total 0\n" : "";
  for (const auto& name : names) {
    const auto full = (path == "/" ? "" : path) + "/" + name;
    out += lines ? long_line(name, false_attributes(s, full)) : name + "\n";
  }
  const auto trouble = draw_trouble(s, path, {{"opendir"}, {"readdir"}, {"getattr"}});
  if (trouble.error) return complain(1, "ls: " + path + ": " + error_text(trouble.error) + "\n");
  return print(out, trouble.seconds);
}

shell_result shell_date(const shell_call& s) {
  std::string pattern = "%a %b %e %H:%M:%S UTC %Y";
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    if (s.argv[i][0] == '+')
      pattern = s.argv[i].substr(1);
    else if (s.argv[i] == "-s")
      return complain(1, "date: can't set date: Operation not permitted\n");
    else if (s.argv[i] == "-Iseconds")
      pattern = "%Y-%m-%dT%H:%M:%S+00:00";
    else if (s.argv[i] == "-I")
      pattern = "%Y-%m-%d";
  }
  return print(date_text(s, pattern) + "\n");
}

shell_result shell_sleep(const shell_call& s) {
  if (s.argv.size() < 2) return complain(1, "sleep: missing operand\n");
  double total = 0;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    auto n = sleep_seconds(s.argv[i]);
    if (!n && s.argv[i] != "infinity") {
      return complain(1, "sleep: invalid number '" + s.argv[i] + "'\n");
    }
    total += n.value_or(86'400);
  }
  return print("", total);
}

shell_result shell_echo(const shell_call& s) {
  std::string out;
  std::size_t first = s.argv.size() > 1 && s.argv[1] == "-n" ? 2 : 1;
  for (std::size_t i = first; i < s.argv.size(); ++i) out += (i > first ? " " : "") + s.argv[i];
  return print(first == 2 ? out : out + "\n");
}

shell_result shell_true(const shell_call&) {
  return {};
}
shell_result shell_false(const shell_call&) {
  return complain(1, "");
}

shell_result shell_id(const shell_call& s) {
  if (s.argv[0] == "whoami") return print("root\n");
  if (s.argv.size() > 1 && s.argv[1] == "-u") return print("0\n");
  return print("uid=0(root) gid=0(root) groups=0(root)\n");
}

shell_result shell_uname(const shell_call& s) {
  if (s.argv.size() < 2) return print("Linux\n");
  if (s.argv[1] == "-r") return print("6.1.0-18-amd64\n");
  if (s.argv[1] == "-m") return print("x86_64\n");
  if (s.argv[1] == "-n")
    return shell_hostname(
        {s.c, s.pod, s.ns, s.uid, s.container, s.runs, s.tools, {"hostname"}, ""});
  return print("Linux " + text_at(s.pod, {"metadata", "name"}) +
               " 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n");
}

shell_result shell_nproc(const shell_call& s) {
  return print(format("%.0f\n", surroundings(s.c, s.pod, s.container).node_cores));
}

} // namespace remed::env
