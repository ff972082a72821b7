#include "environments/embedded/shell/file_trouble.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"

#include <algorithm>

namespace remed::env {

namespace {

/// So many draws stand for more.
constexpr double most_draws = 4096;

random_source chance_of(const shell_call& s, const std::string& what, const std::string& path) {
  return s.c.random().split(what + "|" + s.uid + "|" + path + "|" +
                            std::to_string(s.c.now().time_since_epoch().count()));
}

double hits_of(const effect& e, double operations, random_source& chance) {
  const auto share = e.params.value("percent", 100.0) / 100;
  const auto drawn = std::min(operations, most_draws);
  double hits = 0;
  for (int i = 0; i < static_cast<int>(drawn); ++i) hits += chance.unit() < share ? 1 : 0;
  return drawn > 0 ? hits * operations / drawn : 0;
}

/// One stretch becomes zeros or noise.
void damage(const json& mistake, std::string& content, random_source& chance) {
  const auto most = static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::min<std::int64_t>(int_at(mistake, {"maxLength"}, 1),
                                                       static_cast<std::int64_t>(content.size()))));
  const auto length = 1 + chance.below(most);
  const auto from = chance.below(content.size() - length + 1);
  const bool zeros = text_at(mistake, {"filling"}) != "random";
  for (auto i = from; i < from + length; ++i) {
    content[i] = zeros ? '\0' : static_cast<char>(chance.below(256));
  }
}

} // namespace

file_trouble draw_trouble(const shell_call& s, const std::string& path,
                          const std::vector<file_operations>& all) {
  file_trouble out;
  auto chance = chance_of(s, "io", path);
  for (const auto* e : io_effects_on(s.c, s.uid, s.container, path)) {
    if (e->kind != "io_delay" && e->kind != "io_fault") continue;
    double hits = 0;
    for (const auto& one : all) {
      if (meets_method(*e, one.method)) hits += hits_of(*e, one.count, chance);
    }
    if (e->kind == "io_delay") out.seconds += hits * e->params.value("ms", 0.0) / 1000;
    if (e->kind == "io_fault" && hits > 0 && !out.error) out.error = e->params.value("errno", 5);
  }
  return out;
}

std::string misread(const shell_call& s, const std::string& path, std::string content) {
  auto chance = chance_of(s, "mistake", path);
  for (const auto* e : io_effects_on(s.c, s.uid, s.container, path)) {
    if (e->kind != "io_mistake" || content.empty() || !meets_method(*e, "read")) continue;
    if (hits_of(*e, 1, chance) < 1) continue;
    const auto& mistake = at_path(e->params, {"mistake"});
    const auto most = static_cast<std::uint64_t>(
        std::max<std::int64_t>(1, int_at(mistake, {"maxOccurrences"}, 1)));
    for (auto n = 1 + chance.below(most); n > 0; --n) damage(mistake, content, chance);
  }
  return content;
}

json false_attributes(const shell_call& s, const std::string& path) {
  auto out = json::object();
  auto chance = chance_of(s, "attr", path);
  for (const auto* e : io_effects_on(s.c, s.uid, s.container, path)) {
    if (e->kind != "io_attr" || !meets_method(*e, "getattr")) continue;
    if (hits_of(*e, 1, chance) >= 1) out.update(at_path(e->params, {"attr"}));
  }
  return out;
}

} // namespace remed::env
