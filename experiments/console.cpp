#include "experiments/console.hpp"

#include <cstdio>
#include <iomanip>
#include <sstream>

namespace remed::experiments {

namespace {

std::string indented(const std::string& text) {
  std::string out = "      ";
  for (char c : text) {
    out += c;
    if (c == '\n') out += "      ";
  }
  return out;
}

std::string text_of(const json& body, const char* key) {
  const auto it = body.find(key);
  if (it == body.end() || it->is_null()) return {};
  return it->is_string() ? it->get<std::string>() : it->dump();
}

std::string block(const std::string& head, const std::string& text, std::size_t lines = 12) {
  const auto clean = printable(text, lines);
  return clean.empty() ? head : head + "\n" + indented(clean);
}

std::string tell_reply(const json& body) {
  auto out = block("model: " + printable(text_of(body, "text"), 6), {});
  for (const auto& call : body.value("tool_calls", json::array())) {
    out += block("\n  calls " + printable(text_of(call, "name"), 1), text_of(call, "arguments"), 4);
  }
  return out;
}

std::string tell_outcome(const json& body) {
  auto out = "ansible: " + text_of(body, "reason") + " (exit " + text_of(body, "exit_code") + ")";
  for (const auto& task : body.value("tasks", json::array())) {
    out += "\n      " + printable(text_of(task, "status") + ": [" + text_of(task, "host") + "] " +
                                      text_of(task, "task") + " " + text_of(task, "message"),
                                  2);
  }
  return out;
}

std::string tell_verdict(const json& body) {
  auto out = "verdict: " + text_of(body, "status") + ", score " + text_of(body, "score");
  for (const auto& ground : body.value("grounds", json::array())) {
    out += std::string("\n      ") + (ground.value("passed", false) ? "✓ " : "✗ ") +
           printable(text_of(ground, "check") + ": " + text_of(ground, "detail"), 2);
  }
  return out;
}

std::string describe_event(const event& e) {
  if (e.kind == "fault") return block(e.type, e.body.dump(1), 8);
  if (e.kind == "model.reply") return tell_reply(e.body);
  if (e.kind == "tool.start" && e.type == "command") {
    return "$ " + printable(text_of(e.body, "command"), 3);
  }
  if (e.kind == "tool.end" && e.type == "command") {
    return block("exit " + text_of(e.body, "exit_code"), text_of(e.body, "output"));
  }
  if (e.kind != "msg") return {};
  if (e.type == "trial") return "trial " + std::to_string(e.trial);
  if (e.type == "incident") {
    return block("report", text_of(e.body, "report") + "\n" + text_of(e.body, "feedback"));
  }
  if (e.type == "playbook") return block("playbook", text_of(e.body, "yaml"), 40);
  if (e.type == "outcome") return tell_outcome(e.body);
  if (e.type == "verdict") return tell_verdict(e.body);
  if (e.type == "give_up") return block("gives up", text_of(e.body, "reason"));
  if (e.type == "role_failed") return block("role failed", e.body.dump());
  if (e.type == "cleared") return "fault cleared: " + text_of(e.body, "clean");
  return {};
}

} // namespace

std::string printable(const std::string& text, std::size_t lines) {
  std::string out;
  std::size_t seen = 1;
  for (unsigned char c : text) {
    if (c == '\n' && ++seen > lines) {
      out += "\n…";
      break;
    }
    out += c == '\n' || (c >= 0x20 && c != 0x7f) ? static_cast<char>(c) : ' ';
  }
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

std::string tell(const event& e) {
  const auto text = describe_event(e);
  if (text.empty()) return {};
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << std::setw(8) << e.t << "s  " << e.from;
  if (!e.to.empty() && e.to != "world") out << " → " << e.to;
  out << ": " << text;
  return out.str();
}

std::string tell(const record& r) {
  std::ostringstream out;
  out << (r.outcome == outcome_kind::recovered ? "✓ " : "✗ ") << r.id << "  "
      << to_string(r.outcome);
  if (!r.detail.empty()) out << " (" << printable(r.detail, 1) << ")";
  out << std::fixed << std::setprecision(3) << "  score " << r.score << std::setprecision(1)
      << "  trials " << r.trials << "  downtime " << r.downtime_s << " s";
  if (r.wall_s >= 0) out << "  wall " << r.wall_s << " s";
  for (const auto& flag : r.flags) out << "  !" << flag;
  return out.str();
}

void console::say(const std::string& line) {
  if (quiet_ || line.empty()) return;
  std::lock_guard guard(lock_);
  std::fprintf(stderr, "%s\n", line.c_str());
}

void console::show(const event& e) {
  say(tell(e));
}

void console::ended(const record& r) {
  if (quiet_) return;
  std::lock_guard guard(lock_);
  ++done_;
  std::fprintf(stderr, "[%*zu/%zu] %s\n", 3, done_, planned_, tell(r).c_str());
}

} // namespace remed::experiments
