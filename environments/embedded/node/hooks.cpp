#include "environments/embedded/node/hooks.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/program.hpp"
#include "environments/embedded/traffic.hpp"

namespace remed::env {

hook_outcome run_hook(const cluster& c, const json& pod, const std::string& container,
                      const json& handler, const image_catalogue& images,
                      const std::string& image) {
  if (handler.contains("sleep")) {
    return {true, std::chrono::seconds{int_at(handler, {"sleep", "seconds"})}};
  }
  if (!handler.contains("exec")) {
    auto outcome = probe(c, pod, container, handler);
    return {outcome.ok, from_seconds(outcome.seconds)};
  }
  auto found = images.look_up(c, image);
  const auto* facts = std::get_if<image_facts>(&found);
  if (!facts) return {false, duration{0}};
  auto command = json::object();
  command["command"] = at_path(handler, {"exec", "command"});
  auto what = read_program(command, *facts);
  if (!what.missing.empty()) return {false, duration{0}};
  return {what.exit_code == 0, what.ends_after.value_or(std::chrono::hours{24})};
}

} // namespace remed::env
