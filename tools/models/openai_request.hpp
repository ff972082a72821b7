// Chat Completions requests: building the body, and giving up what a server does not understand.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/shared_list.hpp"
#include "tools/models/openai.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace remed::tools {

/// A conversation as JSON text. It grows by the end, call after call: what was written for the last
/// request is not written again. Bytes that are no UTF-8 are replaced. Thousands of conversations
/// wait at once, so each is there once: what was written is kept in the last request's own text.
class conversation_text {
public:
  /// The messages, each as an object, with commas between them; before them `head`, behind `tail`.
  shared_value<std::string> between(std::string_view head,
                                    const shared_list<chat_message>& messages,
                                    std::string_view tail);

private:
  struct written {
    std::size_t hash; ///< of the message
    std::size_t end;  ///< where its text ends, from that of the first on
  };
  std::size_t known_of(const shared_list<chat_message>& messages) const;

  shared_value<std::string> last_;
  std::size_t begin_ = 0;          ///< of the first message's text there
  std::weak_ptr<const void> mark_; ///< of the list it was written from
  std::vector<written> done_;
};

/// The request body as JSON text; `said` is what earlier requests of the conversation left.
shared_value<std::string> openai_request_body(const model_request& request,
                                              const openai_options& options,
                                              conversation_text& said);

/// What the server says is wrong, from whichever of the usual error shapes.
struct openai_error {
  std::string message, type, code, param;
};
openai_error parse_openai_error(const std::string& body);
openai_error read_openai_error(const json& document);

/// Gives up, in `dialect`, the parameter of a request sent in dialect `sent` that the error
/// complains about. False: there is nothing to give up.
bool step_down(openai_dialect& dialect, const openai_dialect& sent, const openai_error& error,
               const model_request& request);

/// Whether waiting cannot help: money or a daily quota is used up.
bool is_out_of_quota(const openai_error& error);

} // namespace remed::tools
