#include "experiments/bench/progress.hpp"

#include "experiments/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace remed::experiments {

namespace {

/// Without a terminal: seconds between two status lines.
constexpr double status_every_s = 15;

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

/// As many characters of UTF-8 text as fit; longer lines could not be drawn over.
std::string fitting_in(const std::string& text, std::size_t most) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (++seen > most) return text.substr(0, at);
  }
  return text;
}

std::string money(double usd) {
  char text[32];
  std::snprintf(text, sizeof text, "$%.2f", usd);
  return text;
}

} // namespace

std::string spell_seconds(double s) {
  const auto whole = static_cast<long>(std::lround(s));
  char text[48];
  if (whole < 100)
    std::snprintf(text, sizeof text, "%ld s", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
  return text;
}

std::string status_line(const bench_state& s) {
  const auto& c = s.counts;
  const auto other = c.done - c.recovered - c.not_judged;
  auto out = "[" + std::to_string(s.kept + c.done) + "/" + std::to_string(s.kept + c.planned) +
             "] ✓ " + std::to_string(c.recovered) + " ✗ " + std::to_string(other) + " ⚠ " +
             std::to_string(c.not_judged) + " · " + std::to_string(c.running) + " running";
  if (s.processes > 0 || s.in_line > 0) {
    out += " (" + std::to_string(s.processes) + " in a process, " + std::to_string(s.in_line) +
           " in line)";
  }
  out += ", " + std::to_string(c.waiting()) + " waiting · " + spell_seconds(s.elapsed_s);
  const auto left = c.planned - c.done;
  if (c.done > 0 && left > 0) {
    out += ", ~" +
           spell_seconds(s.elapsed_s / static_cast<double>(c.done) * static_cast<double>(left)) +
           " left";
  }
  if (s.spent_usd > 0 || s.cap_usd >= 0) out += " · " + money(s.spent_usd);
  if (s.cap_usd >= 0) out += " of " + money(s.cap_usd);
  return out;
}

progress::manner progress::fitting(bool quiet) {
  if (quiet) return manner::silent;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return ::isatty(STDERR_FILENO) && !dumb ? manner::terminal : manner::lines;
}

progress::progress(manner how, std::size_t kept, std::shared_ptr<purse> money_of_bench)
    : how_(how), kept_(kept), money_(std::move(money_of_bench)) {}

void progress::print(const std::string& line) {
  if (how_ == manner::terminal)
    std::fprintf(stderr, "\r\x1b[K%s\n%s", line.c_str(), status_.c_str());
  else
    std::fprintf(stderr, "%s\n", line.c_str());
}

void progress::say(const std::string& line) {
  if (how_ == manner::silent) return;
  std::lock_guard guard(lock_);
  print(line);
}

void progress::ended(const record& r) {
  say(tell(r));
}

void progress::show(const desk& from, const agents::process_gate& gate) {
  if (how_ == manner::silent) return;
  const auto now = std::chrono::steady_clock::now();
  if (how_ == manner::lines && now - told_ < std::chrono::duration<double>(status_every_s)) return;
  told_ = now;
  bench_state s;
  s.counts = from.counts();
  s.kept = kept_;
  s.processes = gate.busy();
  s.in_line = gate.waiting();
  s.elapsed_s = std::chrono::duration<double>(now - began_).count();
  if (money_) {
    s.spent_usd = money_->spent();
    s.cap_usd = std::isfinite(money_->most()) ? money_->most() : -1;
  }
  std::lock_guard guard(lock_);
  if (how_ == manner::lines) return print(status_line(s));
  status_ = fitting_in(status_line(s), columns() - 1);
  std::fprintf(stderr, "\r\x1b[K%s", status_.c_str());
}

void progress::close() {
  if (how_ != manner::terminal) return;
  std::lock_guard guard(lock_);
  status_.clear();
  std::fprintf(stderr, "\r\x1b[K");
}

} // namespace remed::experiments
