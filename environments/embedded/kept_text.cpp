#include "environments/embedded/kept_text.hpp"

#include <atomic>
#include <memory>

namespace remed::env {

namespace {

/// Lives in the control block of the pointer, beside the counts, and so exactly as long as the
/// object. Forks may be read from several threads: whoever is first leaves its text there.
class text_keeper {
public:
  text_keeper() = default;
  text_keeper(text_keeper&&) noexcept {} // only before anything is kept
  ~text_keeper() { delete text_.load(); }
  void operator()(const json* value) const { delete value; }

  const std::string* get() const { return text_.load(std::memory_order_acquire); }
  void keep(std::string text) {
    auto made = std::make_unique<const std::string>(std::move(text));
    const std::string* none = nullptr;
    if (text_.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel)) made.release();
  }

private:
  std::atomic<const std::string*> text_{nullptr};
};

std::string members_of(const json& value) {
  auto dump = [](const json& v) { return v.dump(-1, ' ', false, json::error_handler_t::replace); };
  std::string out;
  for (const auto& [key, member] : value.items()) {
    if (key == "kind" || key == "apiVersion") continue;
    if (!out.empty()) out += ',';
    out += dump(json(key));
    out += ':';
    out += dump(member);
  }
  return out;
}

} // namespace

object make_object(json value) {
  return object(new json(std::move(value)), text_keeper{});
}

void append_members(const object& obj, bool keep, std::string& out) {
  auto* keeper = std::get_deleter<text_keeper>(obj);
  if (const auto* kept = keeper ? keeper->get() : nullptr) {
    out += *kept;
    return;
  }
  auto text = members_of(*obj);
  out += text;
  if (keeper && keep) keeper->keep(std::move(text));
}

} // namespace remed::env
