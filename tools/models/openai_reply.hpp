// Chat Completions answers: whole ones and streamed ones.
#pragma once

#include "runtime/json_value.hpp"
#include "tools/models/openai.hpp"
#include "tools/models/openai_request.hpp"

#include <map>
#include <optional>
#include <string>

namespace remed::tools {

/// Reads a whole answer. `errc::failed` with the reason where it makes no sense.
result<model_reply> parse_openai_reply(const std::string& body,
                                       const std::optional<token_price>& price);
/// The same of what was parsed already; `body` is quoted where it is no JSON.
result<model_reply> read_openai_reply(const json& document, const std::string& body,
                                      const std::optional<token_price>& price);

/// Puts a streamed answer together from the data of its events.
class openai_stream {
public:
  /// One event's data. False once the answer cannot become complete any more; see `error`.
  bool take(const std::string& data);
  bool finished() const { return done_; }
  /// The answer, when the stream has ended.
  result<model_reply> end(const std::optional<token_price>& price);
  const std::optional<openai_error>& error() const { return error_; }
  bool started() const { return chunks_ > 0; }

private:
  void take_delta(const json& delta);

  model_reply reply_;
  std::map<std::int64_t, tool_call> calls_;
  json usage_;
  std::optional<openai_error> error_;
  std::string nonsense_;
  std::size_t chunks_ = 0;
  bool done_ = false;
};

} // namespace remed::tools
