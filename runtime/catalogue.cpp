#include "runtime/catalogue.hpp"

#include "runtime/messages.hpp"

namespace remed {

std::optional<described> describe(const caf::type_erased_tuple& content) {
#define REMED_DESCRIBE(type)                                \
  if (content.match_elements<type>()) {                     \
    return described{#type, json(content.get_as<type>(0))}; \
  }
  REMED_MESSAGES(REMED_DESCRIBE)
#undef REMED_DESCRIBE
  return std::nullopt;
}

} // namespace remed
