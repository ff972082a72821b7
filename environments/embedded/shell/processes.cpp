// ps, top, kill and their kin: the container's process table.
#include "environments/embedded/node/processes.hpp"

#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/files.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <cmath>
#include <regex>
#include <set>

namespace remed::env {

namespace {

std::vector<process_info> table_of(const shell_call& s) {
  auto all = visible_processes(s.c, s.uid, s.container);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return all;
}

/// The table and the asking program itself.
std::vector<process_info> table_with_self(const shell_call& s) {
  auto all = table_of(s);
  process_info self;
  self.pid = std::max(s.runs.next_pid, all.empty() ? 1 : all.back().pid + 1);
  self.comm = s.argv[0];
  for (const auto& word : s.argv) self.args += (self.args.empty() ? "" : " ") + word;
  self.rss_bytes = 1.0e6;
  self.started = s.c.now();
  all.push_back(self);
  return all;
}

bool is_busy(const process_info& p) {
  return p.comm == "stress-ng-cpu";
}

/// Cores one process uses: hogs share what the container gets.
double share_of(const shell_call& s, const std::vector<process_info>& all, const process_info& p) {
  auto busy = std::count_if(all.begin(), all.end(), is_busy);
  auto total = cpu_cores(s.c, s.pod, s.container);
  if (busy > 0) return is_busy(p) ? total / static_cast<double>(busy) : 0;
  return p.pid == all.front().pid && !p.foreign() ? total : 0;
}

std::string clock_text(double cpu_seconds) {
  auto n = static_cast<long>(cpu_seconds);
  return format("%ld:%02ld", n / 60, n % 60);
}

double cpu_seconds(const shell_call& s, const std::vector<process_info>& all,
                   const process_info& p) {
  return share_of(s, all, p) * std::max(0.0, seconds(s.c.now() - p.started));
}

std::string column(const shell_call& s, const std::vector<process_info>& all, const process_info& p,
                   const std::string& what) {
  if (what == "pid") return std::to_string(p.pid);
  if (what == "ppid") return std::to_string(p.ppid);
  if (what == "user" || what == "ruser" || what == "euser") return p.user;
  if (what == "comm" || what == "ucmd") return p.comm;
  if (what == "args" || what == "cmd" || what == "command") return p.args;
  if (what == "rss") return std::to_string(static_cast<long>(p.rss_bytes / 1024));
  if (what == "vsz") return std::to_string(static_cast<long>(p.rss_bytes / 1024 + 1300));
  if (what == "stat" || what == "state" || what == "s") return is_busy(p) ? "R" : "S";
  if (what == "time") return clock_text(cpu_seconds(s, all, p));
  if (what == "%cpu" || what == "pcpu") return format("%.1f", 100 * share_of(s, all, p));
  if (what == "%mem" || what == "pmem") {
    return format("%.1f", 100 * p.rss_bytes / node_memory_bytes(s.c));
  }
  if (what == "etime") return clock_text(seconds(s.c.now() - p.started));
  return "-";
}

std::string upper(std::string text) {
  for (auto& ch : text) ch = static_cast<char>(std::toupper(static_cast<unsigned char>(ch)));
  if (text == "ARGS" || text == "COMM" || text == "CMD") return "COMMAND";
  return text;
}

shell_result columns(const shell_call& s, const std::string& wanted) {
  auto all = table_with_self(s);
  std::vector<std::vector<std::string>> lines(all.size() + 1);
  std::string word;
  for (char ch : wanted + ",") {
    if (ch != ',' && ch != ' ') {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
      continue;
    }
    if (word.empty()) continue;
    auto equals = word.find('=');
    auto name = word.substr(0, equals);
    lines[0].push_back(equals == std::string::npos ? upper(name) : word.substr(equals + 1));
    for (std::size_t i = 0; i < all.size(); ++i)
      lines[i + 1].push_back(column(s, all, all[i], name));
    word.clear();
  }
  std::string out;
  for (const auto& line : lines) {
    for (std::size_t k = 0; k < line.size(); ++k) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[k].size());
      out += line[k];
      if (k + 1 < line.size()) out += std::string(width - line[k].size() + 1, ' ');
    }
    out += '\n';
  }
  return print(out);
}

shell_result ps_busybox(const shell_call& s) {
  auto all = table_with_self(s);
  std::string out = "PID   USER     TIME  COMMAND\n";
  for (const auto& p : all) {
    out += format("%5d %-8s %5s %s\n", p.pid, p.user.c_str(),
                  clock_text(cpu_seconds(s, all, p)).c_str(), p.args.c_str());
  }
  return print(out);
}

shell_result ps_procps(const shell_call& s, bool bsd) {
  auto all = table_with_self(s);
  std::string out =
      bsd ? "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
          : "UID          PID    PPID  C STIME TTY          TIME CMD\n";
  auto stamp = [](vtime t) { return rfc3339(t).substr(11, 5); };
  for (const auto& p : all) {
    auto cpu = 100 * share_of(s, all, p);
    auto used = cpu_seconds(s, all, p);
    if (bsd) {
      out += format("%-8s %7d %4.1f %4.1f %6ld %5ld ?        %-4s %s %6s %s\n", p.user.c_str(),
                    p.pid, cpu, 100 * p.rss_bytes / node_memory_bytes(s.c),
                    static_cast<long>(p.rss_bytes / 1024 + 1300),
                    static_cast<long>(p.rss_bytes / 1024), is_busy(p) ? "R" : "S",
                    stamp(p.started).c_str(), clock_text(used).c_str(), p.args.c_str());
    } else {
      out += format("%-8s %7d %7d %2.0f %s ?        00:%02ld:%02ld %s\n", p.user.c_str(), p.pid,
                    p.ppid, std::min(99.0, cpu), stamp(p.started).c_str(),
                    static_cast<long>(used) / 60, static_cast<long>(used) % 60, p.args.c_str());
    }
  }
  return print(out);
}

int signal_number(std::string name) {
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
    return std::stoi(name.substr(0, 4));
  }
  name = name.rfind("SIG", 0) == 0 ? name.substr(3) : name;
  static const std::map<std::string, int> known{
      {"HUP", 1},   {"INT", 2},   {"QUIT", 3},  {"ABRT", 6},  {"KILL", 9},  {"USR1", 10},
      {"USR2", 12}, {"TERM", 15}, {"CONT", 18}, {"STOP", 19}, {"ALRM", 14}, {"PIPE", 13}};
  auto found = known.find(name);
  return found == known.end() ? -1 : found->second;
}

/// Takes -9, -KILL, -s TERM, -n 9 off the words; -1 for a bad signal.
int take_signal(std::vector<std::string>& words) {
  int signal = 15;
  for (std::size_t i = 1; i < words.size();) {
    auto& w = words[i];
    if ((w == "-s" || w == "-n") && i + 1 < words.size()) {
      signal = signal_number(words[i + 1]);
      words.erase(words.begin() + static_cast<long>(i), words.begin() + static_cast<long>(i) + 2);
    } else if (w.size() > 1 && w[0] == '-' && (std::isdigit(w[1]) || std::isupper(w[1]))) {
      signal = signal_number(w.substr(1));
      words.erase(words.begin() + static_cast<long>(i));
    } else {
      ++i;
    }
  }
  return signal;
}

} // namespace

shell_result shell_ps(const shell_call& s) {
  std::string wanted;
  bool dash_f = false;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    const auto& w = s.argv[i];
    auto at = w.size() > 1 && w[0] == '-' ? w.find('o') : std::string::npos;
    if (at != std::string::npos && at + 1 < w.size()) {
      wanted += w.substr(at + 1) + ",";
    } else if (at != std::string::npos && i + 1 < s.argv.size()) {
      wanted += s.argv[++i] + ",";
    } else if (w[0] == '-' && w.find_first_of("ef") != std::string::npos) {
      dash_f = true;
    }
  }
  if (!wanted.empty()) return columns(s, wanted);
  if (s.tools.kind == image_tools::family::busybox) return ps_busybox(s);
  return ps_procps(s, !dash_f);
}

shell_result shell_top(const shell_call& s) {
  auto all = table_with_self(s);
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) {
    return share_of(s, all, a) > share_of(s, all, b);
  });
  auto memory = node_memory_bytes(s.c) / 1024;
  auto around = surroundings(s.c, s.pod, s.container);
  auto used = cpu_cores(s.c, s.pod, s.container) / around.node_cores * 100 + 2;
  auto out = format("Mem: %.0fK used, %.0fK free, 3348K shrd, 102420K buff, %.0fK cached\n",
                    memory * 0.31, memory * 0.69, memory * 0.2);
  out += format("CPU: %3.0f%% usr   1%% sys   0%% nic %3.0f%% idle   0%% io   0%% irq   0%% sirq\n",
                used, 99 - used);
  out += "Load average: " + load_average(s.c) + "\n";
  out += "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n";
  for (const auto& p : all) {
    out += format("%5d %5d %-8s %-4s %6.0f %3.0f%% %3d %3.0f%% %s\n", p.pid, p.ppid, p.user.c_str(),
                  is_busy(p) ? "R" : "S", p.rss_bytes / 1024 + 1300,
                  100 * p.rss_bytes / 1024 / memory, p.pid % static_cast<int>(around.node_cores),
                  100 * share_of(s, all, p) / around.node_cores, p.args.c_str());
  }
  return print(out);
}

shell_result shell_kill(const shell_call& s) {
  auto words = s.argv;
  if (words.size() == 2 && words[1] == "-l")
    return print("HUP INT QUIT ABRT KILL USR1 USR2 TERM\n");
  auto signal = take_signal(words);
  if (signal < 0) return complain(1, "kill: bad signal name\n");
  if (words.size() < 2) return complain(1, "kill: you need to specify whom to kill\n");
  shell_result out;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--") continue;
    if (words[i].find_first_not_of("0123456789") != std::string::npos || words[i].size() > 9) {
      out.err += "kill: invalid number '" + words[i] + "'\n";
      out.code = 1;
      continue;
    }
    auto done = kill_process(s.c, s.uid, s.container, std::stoi(words[i]), signal);
    if (done) continue;
    out.err += "kill: can't kill pid " + words[i] + ": " + done.why().what + "\n";
    out.code = 1;
  }
  traffic_touched(s.c);
  return out;
}

/// Processes a pattern names: pkill and pgrep match anywhere, killall and pidof the whole name.
static std::vector<process_info> matching(const shell_call& s, const std::string& pattern,
                                          bool whole, bool arguments) {
  std::vector<process_info> out;
  try {
    std::regex expression(pattern);
    for (const auto& p : table_of(s)) {
      const auto& text = arguments ? p.args : p.comm;
      auto hit = whole ? p.comm == pattern.substr(0, 15) : std::regex_search(text, expression);
      if (hit) out.push_back(p);
    }
  } catch (const std::regex_error&) {
    return {};
  }
  return out;
}

shell_result shell_pkill(const shell_call& s) {
  auto words = s.argv;
  auto signal = take_signal(words);
  auto whole = words[0] == "killall";
  bool arguments = false;
  std::vector<std::string> names;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i][0] != '-') {
      names.push_back(words[i]);
    } else {
      arguments = arguments || words[i].find('f') != std::string::npos;
      whole = whole || words[i].find('x') != std::string::npos;
    }
  }
  if (signal < 0 || names.empty()) return complain(1, words[0] + ": bad usage\n");
  shell_result out;
  bool any = false;
  for (const auto& name : names) {
    auto found = matching(s, name, whole, arguments);
    if (found.empty() && words[0] == "killall") {
      out.err += "killall: " + name + ": no process killed\n";
    }
    for (const auto& p : found) {
      any = true;
      // An earlier kill may have taken this one along.
      (void)kill_process(s.c, s.uid, s.container, p.pid, signal).ok();
    }
  }
  out.code = any ? 0 : 1;
  traffic_touched(s.c);
  return out;
}

shell_result shell_pgrep(const shell_call& s) {
  auto whole = s.argv[0] == "pidof";
  bool arguments = false, list = false;
  std::string pattern;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    const auto& w = s.argv[i];
    if (w[0] != '-') {
      pattern = w;
      continue;
    }
    arguments = arguments || w.find('f') != std::string::npos;
    list = list || w.find_first_of("la") != std::string::npos;
    whole = whole || w.find('x') != std::string::npos;
  }
  std::string out;
  for (const auto& p : matching(s, pattern, whole, arguments)) {
    if (s.argv[0] == "pidof") {
      out += (out.empty() ? "" : " ") + std::to_string(p.pid);
    } else {
      out += std::to_string(p.pid) + (list ? " " + (arguments ? p.args : p.comm) : "") + "\n";
    }
  }
  auto r = print(out.empty() || s.argv[0] != "pidof" ? out : out + "\n");
  r.code = out.empty() ? 1 : 0;
  return r;
}

shell_result shell_uptime(const shell_call& s) {
  auto up = static_cast<long>(node_uptime_seconds(s.c));
  auto days = up / 86400 > 0 ? std::to_string(up / 86400) + " days, " : std::string{};
  return print(format(" %s up %s%2ld:%02ld,  0 users,  load average: %s\n",
                      rfc3339(s.c.now()).substr(11, 8).c_str(), days.c_str(), up / 3600 % 24,
                      up / 60 % 60, load_average(s.c, true).c_str()));
}

} // namespace remed::env
