#include "tools/model.hpp"

namespace remed::tools {

const char* to_string(chat_message::role r) {
  switch (r) {
    case chat_message::role::system:
      return "system";
    case chat_message::role::user:
      return "user";
    case chat_message::role::assistant:
      return "assistant";
    case chat_message::role::tool:
      return "tool";
  }
  return "user";
}

} // namespace remed::tools
