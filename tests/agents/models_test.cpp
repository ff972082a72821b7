#include "agents/models.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace remed;
using namespace remed::agents;

TEST_CASE("a policy is made by its name and labelled as one") {
  const auto m = make_model("runbook", nullptr, 0);
  REQUIRE(m.ok());
  CHECK((*m)->name() == "runbook");
  CHECK((*m)->is_policy());
}

TEST_CASE("an unknown model is refused with the nearest known one") {
  const auto m = make_model("runbok", nullptr, 0);
  REQUIRE_FALSE(m.ok());
  CHECK(m.why().what.find("did you mean \"runbook\"?") != std::string::npos);
}

TEST_CASE("the shipped examples are valid") {
  for (const char* name : {"example-openai", "example-local"}) {
    CAPTURE(name);
    const auto m = load_model_file(name);
    CHECK_MESSAGE(m.ok(), m.why().what);
  }
}

TEST_CASE("a missing key is named with the variable that should hold it") {
  const auto file = std::filesystem::temp_directory_path() / "remed-model-without-key.yaml";
  std::ofstream(file) << "base_url: http://127.0.0.1:1\nmodel: m\napi_key_env: REMED_NO_SUCH_KEY\n";
  tools::io_loop loop;
  const auto m = make_model(file.string(), &loop, 0);
  std::filesystem::remove(file);
  REQUIRE_FALSE(m.ok());
  CHECK(m.why().what.find("REMED_NO_SUCH_KEY") != std::string::npos);
}
