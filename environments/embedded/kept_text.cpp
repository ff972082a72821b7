#include "environments/embedded/kept_text.hpp"

#include "environments/embedded/api/cell_draft.hpp"
#include "environments/embedded/kept.hpp"
#include "environments/embedded/object_facts.hpp"
#include "runtime/json_end.hpp"
#include "runtime/json_text.hpp"

#include <utility>

namespace remed::env {

namespace {

struct object_text {
  std::string members;
  std::size_t metadata_from = 0, metadata_length = 0; ///< within `members`
};

/// Lives in the control block of the pointer, beside the counts, and so exactly as long as the
/// object.
class keeper {
public:
  keeper() = default;
  keeper(keeper&&) noexcept {} // only before anything is kept
  void operator()(json* value) const {
    take_apart(*value);
    delete value;
  }

  kept<object_text> text;
  kept<object_facts> facts;
  kept<managed_names> names;
  kept<std::optional<cell_draft>> cells;
  kept<std::shared_ptr<const void>> derived;
};

object_text text_of(const json& value) {
  object_text out;
  for (const auto& [key, member] : value.items()) {
    if (key == "kind" || key == "apiVersion") continue;
    if (!out.members.empty()) out.members += ',';
    append_json(key, out.members);
    out.members += ':';
    const auto from = out.members.size();
    append_json(member, out.members);
    if (key != "metadata") continue;
    out.metadata_from = from;
    out.metadata_length = out.members.size() - from;
  }
  return out;
}

/// Hands the object's text to `use`.
template <class Use>
void with_text(const object& obj, bool keep, Use use) {
  auto* keeps = std::get_deleter<keeper>(obj);
  const auto* text = keeps ? keeps->text.get() : nullptr;
  if (!text && keeps && keep) text = keeps->text.keep(text_of(*obj));
  if (text)
    use(*text);
  else
    use(text_of(*obj));
}

} // namespace

object make_object(json value) {
  return object(new json(std::move(value)), keeper{});
}

void append_members(const object& obj, bool keep, std::string& out) {
  with_text(obj, keep, [&](const object_text& text) { out += text.members; });
}

void append_metadata(const object& obj, bool keep, std::string& out) {
  with_text(obj, keep, [&](const object_text& text) {
    if (text.metadata_length == 0)
      out += "{}";
    else
      out.append(text.members, text.metadata_from, text.metadata_length);
  });
}

/// What is told of an object into a place of its keeper.
template <class T>
static const T* kept_in(kept<T> keeper::*place, const object& obj) {
  auto* keeps = std::get_deleter<keeper>(obj);
  if (!keeps) return nullptr;
  const auto* there = (keeps->*place).get();
  return there ? there : (keeps->*place).keep(T(*obj));
}

const object_facts* kept_facts(const object& obj) {
  return kept_in(&keeper::facts, obj);
}

const managed_names* kept_names(const object& obj) {
  return kept_in(&keeper::names, obj);
}

const cell_draft* kept_cells(const object& obj,
                             const std::function<std::optional<cell_draft>()>& draft) {
  auto* keeps = std::get_deleter<keeper>(obj);
  if (!keeps) return nullptr;
  const auto& there = keeps->cells.or_make(draft);
  return there ? &*there : nullptr;
}

std::shared_ptr<const void> kept_with(const object& obj,
                                      const std::function<std::shared_ptr<const void>()>& make) {
  auto* keeps = std::get_deleter<keeper>(obj);
  if (!keeps) return make();
  if (const auto* there = keeps->derived.get()) return *there;
  return *keeps->derived.keep(make());
}

} // namespace remed::env
