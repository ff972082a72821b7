#include "runtime/json.hpp"

#include "runtime/json_text.hpp"

namespace remed {

result<json> parse_json(std::string_view text) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& e) {
    return failure{errc::bad_input, e.what()};
  }
}

std::string dump(const json& value) {
  std::string out;
  append_json(value, out);
  return out;
}

} // namespace remed
