// A kind of patch, an object and the patch: "j|m|s|a" and two JSON documents, one a line.
#include "environments/embedded/api/patch.hpp"

#include "environments/embedded/api/apply.hpp"
#include "environments/embedded/api/resources.hpp"

#include <string_view>

using namespace remed;
using namespace remed::env;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto end = text.find('\n');
  if (size < 2 || end == std::string_view::npos) return -1;
  auto target = json::parse(text.substr(1, end - 1), nullptr, false);
  auto patch = json::parse(text.substr(end + 1), nullptr, false);
  if (target.is_discarded() || patch.is_discarded()) return -1;
  static const schema_node* type = [] {
    for (const auto& r : builtin_resources()) {
      if (r.kind == "Deployment") return r.schema;
    }
    return static_cast<const schema_node*>(nullptr);
  }();
  const field_manager who{"fuzz", "apps/v1", "", stepped_epoch};
  switch (text.front()) {
    case 'j':
      json_patch(target, patch);
      break;
    case 'm':
      merge_patch(target, patch);
      break;
    // The API refuses bodies that are no objects before they come here.
    case 's':
      if (target.is_object() && patch.is_object()) strategic_merge(type, target, patch);
      break;
    case 'a':
      if (target.is_object() && patch.is_object())
        server_side_apply(type, who, false, patch, target);
      break;
    default:
      return -1;
  }
  return 0;
}
