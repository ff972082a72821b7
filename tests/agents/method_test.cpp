#include "agents/method.hpp"

#include "agents/registry.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace remed;
using namespace remed::agents;

namespace {

method ring_of(std::vector<std::string> ring) {
  method m;
  m.name = "test";
  m.ring = std::move(ring);
  return m;
}

std::string refusal(const method& m) {
  const auto fits = check_ring(m);
  return fits.ok() ? "" : fits.why().what;
}

bool says(const std::string& text, const std::string& part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

/// A file that is gone at the end of the test.
struct temporary {
  explicit temporary(const std::string& text)
      : path(std::filesystem::temp_directory_path() /
             ("remed-method-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".yaml")) {
    std::ofstream(path) << text;
  }
  ~temporary() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

} // namespace

TEST_CASE("the shipped methods load and their prompts are there") {
  const auto names = shipped_methods();
  CHECK(names.size() >= 2);
  for (const auto& name : names) {
    CAPTURE(name);
    const auto m = load_method(name);
    REQUIRE_MESSAGE(m.ok(), m.why().what);
    const auto mind = read_mind(*m);
    REQUIRE_MESSAGE(mind.ok(), mind.why().what);
    CHECK(mind->texts.system.find("{{context}}") != std::string::npos);
    CHECK(mind->texts.incident.find("{{report}}") != std::string::npos);
    CHECK(mind->texts.reflection.find("{{feedback}}") != std::string::npos);
  }
  CHECK(load_method("thinkremed")->limits.t_max == 7);
  CHECK(load_method("sologen")->limits.t_max == 1);
  CHECK_FALSE(read_mind(*load_method("sologen"))->may_probe);
}

TEST_CASE("every role tells what it eats and emits") {
  REQUIRE(find_role("coordinator") != nullptr);
  CHECK(find_role("coordinator")->eats == "incident");
  CHECK(find_role("coordinator")->emits == "playbook");
  CHECK(find_role("verification")->emits == "verdict");
  CHECK(find_role("nobody") == nullptr);
}

TEST_CASE("a ring whose messages do not meet is refused with the two roles named") {
  CHECK(refusal(ring_of({"coordinator", "execution", "verification"})).empty());
  const auto swapped = refusal(ring_of({"coordinator", "verification", "execution"}));
  CHECK(says(swapped, "coordinator emits playbook, verification eats outcome"));
  CHECK(says(refusal(ring_of({"execution", "verification"})),
             "injector emits incident, execution eats playbook"));
  CHECK(says(refusal(ring_of({"coordinator", "execution"})),
             "execution emits outcome, supervisor eats verdict"));
  CHECK(says(refusal(ring_of({})), "the ring is empty"));
}

TEST_CASE("an unknown role is refused with the nearest known one") {
  CHECK(says(refusal(ring_of({"coordinater", "execution", "verification"})),
             "no role \"coordinater\"; did you mean \"coordinator\"?"));
}

TEST_CASE("an adviser must answer what the coordinator asks") {
  auto m = ring_of({"coordinator", "execution", "verification"});
  m.advisers = {"execution"};
  CHECK(says(refusal(m), "coordinator emits probe_request, execution eats playbook"));
  m.advisers = {"probe", "probe"};
  CHECK(says(refusal(m), "one adviser, not 2"));
}

TEST_CASE("reviewers stand between the coordinator and the execution") {
  auto m = ring_of({"coordinator", "execution", "verification"});
  m.reviewers = {"critic"};
  CHECK(full_ring(m) ==
        std::vector<std::string>{"coordinator", "critic", "execution", "verification"});
  CHECK(says(refusal(m), "no role \"critic\""));
}

TEST_CASE("errors of a method file name the file, the line and the key") {
  temporary misspelt("ring: [coordinator, execution, verification]\nadvisors: [probe]\n");
  const auto m = load_method(misspelt.path.string());
  REQUIRE_FALSE(m.ok());
  CHECK(says(m.why().what, misspelt.path.string() + ":2"));
  CHECK(says(m.why().what, "advisers"));
  temporary wrong_order("ring: [coordinator, verification, execution]\n");
  const auto w = load_method(wrong_order.path.string());
  REQUIRE_FALSE(w.ok());
  CHECK(says(w.why().what, wrong_order.path.string()));
}

TEST_CASE("an unknown method is refused with the nearest shipped one") {
  const auto m = load_method("thinkremd");
  REQUIRE_FALSE(m.ok());
  CHECK(says(m.why().what, "did you mean \"thinkremed\"?"));
}
