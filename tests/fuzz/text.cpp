// Small languages: label and field selectors, quantities, JSONPath, continue tokens' base64, URLs.
#include "environments/embedded/api/text.hpp"

#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/table.hpp"
#include "environments/embedded/quantity.hpp"
#include "tools/http.hpp"

#include <cstdlib>
#include <string>

using namespace remed;
using namespace remed::env;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return -1;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const json labels = {{"app", "web"}, {"tier", "1"}, {"empty", ""}};
  static const json obj = {{"metadata", {{"name", "x"}, {"labels", labels}}},
                           {"status", {{"phase", "Running"}, {"list", {{{"type", "Ready"}}}}}}};
  switch (data[0]) {
    case 'l':
      if (auto terms = parse_label_selector(text)) matches(*terms, labels);
      break;
    case 'f':
      if (auto terms = parse_field_selector(builtin_resources().front(), text))
        matches_fields(*terms, obj);
      break;
    case 'q':
      if (auto value = parse_quantity(text)) {
        decimal_quantity(*value);
        binary_quantity(*value);
      }
      break;
    case 'p':
      json_path(obj, text);
      break;
    case 'b':
      if (base64_decode(base64_encode(text)) != text) std::abort();
      base64_decode(text);
      break;
    case 'u':
      tools::query_params::parse(text);
      if (tools::percent_decode(tools::percent_encode(text)) != text) std::abort();
      break;
    case 't':
      parse_time(text);
      break;
    default:
      return -1;
  }
  return 0;
}
