// The append-only record of an experiment: one JSON object a line. Written by the world's tap and
// I/O only, never by roles. Large texts go to content-addressed blobs; secrets are scrubbed.
#pragma once

#include "runtime/json.hpp"
#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace remed {

/// One line of the log. `kind`: msg, model.request, model.reply, tool.start, tool.end, fault,
/// metric, note.
struct event {
  std::uint64_t seq = 0;   ///< from 1, no gaps; set by the log
  std::uint64_t cause = 0; ///< seq of what led to it; 0: the beginning
  std::string kind, type, from, to;
  std::uint32_t trial = 0;
  double t = 0;    ///< virtual seconds since the experiment began
  double wall = 0; ///< wall seconds since then; virtual in a stepped world
  json body;
};
FIELDS(event, seq, cause, kind, type, from, to, trial, t, wall, body)

class event_log {
public:
  using line_sink = std::function<void(const std::string& line)>;
  using listener = std::function<void(const event&)>;

  /// Lines go to `sink`, each without its line end.
  explicit event_log(line_sink sink) : sink_(std::move(sink)) {}

  /// Writes to `folder`/events.jsonl and `folder`/blobs. Lines go to the disk together: at `flush`,
  /// when there are many, and at the end. Nothing is kept open meanwhile: thousands of experiments
  /// wait at once, and each holds a socket already.
  static result<event_log> open(const std::filesystem::path& folder);

  /// Appends and returns the event's seq. Strings of the body above `blob_bytes` are replaced by
  /// {"blob": "sha256:…", "bytes": n}.
  std::uint64_t append(event e);
  /// What was appended so far is on the disk after it. Worlds call it before they wait.
  void flush();
  /// What went wrong with writing, if anything did; the log goes on without what it lost.
  std::string problem() const;
  /// Someone who follows live, for example the console. Sees scrubbed events.
  void on_event(listener callback) { listener_ = std::move(callback); }
  /// From now on this text never reaches the log: tokens, keys.
  void add_secret(std::string secret);

  std::uint64_t last() const { return next_ - 1; }
  /// SHA-256 over all lines so far, in hex: equal logs have equal hashes.
  std::string hash() const { return chain_; }

  static constexpr std::size_t blob_bytes = 64 * 1024;

private:
  void scrub(json& value) const;
  void store_blobs(json& value);

  class file;
  line_sink sink_;
  std::shared_ptr<file> file_;
  listener listener_;
  std::function<void(const std::string& name, const std::string& text)> blob_sink_;
  std::vector<std::string> secrets_;
  std::uint64_t next_ = 1;
  std::string chain_;
};

/// Reads a log; a torn last line is left out, a broken one before it is an error naming the line.
result<std::vector<event>> read_events(const std::filesystem::path& file);

/// SHA-256 in hex.
std::string sha256(std::string_view text);

} // namespace remed
