// The shipped suites and targets against the benchmark's own lists (tests/golden/experiments).

#include "environments/systems/system.hpp"
#include "experiments/bench/relocate.hpp"
#include "experiments/plan.hpp"
#include "runtime/paths.hpp"
#include "runtime/yaml.hpp"
#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>

using namespace remed;
using namespace remed::experiments;

namespace {

json lists() {
  auto read = read_yaml_document(data_root() / "tests" / "golden" / "experiments" / "lists.yaml");
  REQUIRE_MESSAGE(read.ok(), (read ? "" : read.why().what));
  return read->value;
}

std::set<std::string> as_set(const json& names) {
  return names.get<std::set<std::string>>();
}

} // namespace

TEST_CASE("the shipped suites are the benchmark's lists, kind by kind") {
  const auto golden = lists();
  REQUIRE_EQ(golden["suites"].size(), 10);
  for (const auto& [name, letters] : golden["suites"].items()) {
    CAPTURE(name);
    std::vector<std::string> wanted;
    for (const char letter : letters.get<std::string>()) {
      wanted.push_back(golden["kinds"][std::string(1, letter)].get<std::string>());
    }
    const auto s = load_suite(name);
    REQUIRE(s);
    CHECK(s->faults == wanted);
  }
}

TEST_CASE("each system offers the benchmark's targets, of disk faults its own") {
  const auto golden = lists()["targets"];
  REQUIRE_EQ(golden.size(), 3);
  for (const auto& [name, targets] : golden.items()) {
    CAPTURE(name);
    const auto system = env::load_system(name);
    REQUIRE(system);
    CHECK(std::set<std::string>(system->targets.begin(), system->targets.end()) ==
          as_set(targets["default"]));
    const auto own = system->targets_by_fault.find("disk-io");
    const auto& disk = own == system->targets_by_fault.end() ? system->targets : own->second;
    CHECK(std::set<std::string>(disk.begin(), disk.end()) == as_set(targets["disk-io"]));
  }
}

TEST_CASE("every scenario of every suite on every system has an eligible target") {
  const auto golden = lists();
  bench_request all{{}, {}, {"thinkremed"}, {"noop"}, {1, 2}};
  for (const auto& [name, letters] : golden["suites"].items()) all.suites.push_back(name);
  for (const auto& [name, targets] : golden["targets"].items()) all.systems.push_back(name);
  const auto specs = plan(all);
  REQUIRE_MESSAGE(specs.ok(), (specs ? "" : specs.why().what));
  CHECK_EQ(specs->size(), (23 + 49 + 80 + 7 * 15) * 3 * 2);
  std::set<std::string> ids;
  int strays = 0;
  for (const auto& spec : *specs) {
    ids.insert(spec.id);
    const auto& offered =
        golden["targets"][spec.system][spec.fault == "disk-io" ? "disk-io" : "default"];
    strays += std::find(offered.begin(), offered.end(), spec.target) == offered.end();
  }
  CHECK_EQ(strays, 0);
  CHECK_EQ(ids.size(), specs->size());
}

TEST_CASE("a list of kinds as MicroRemed keeps them is a suite") {
  test::scratch_folder folder;
  const auto file = (folder.path / "mine.txt").string();
  std::ofstream(file) << "# kinds\ncpu-stress\r\n\n  disk-io  \n";
  const auto s = load_suite(file);
  REQUIRE(s);
  CHECK_EQ(s->name, "mine");
  CHECK(s->faults == std::vector<std::string>{"cpu-stress", "disk-io"});
  CHECK_EQ(list_of_kinds(file), file);
  CHECK_EQ(list_of_kinds("experiments/hard.txt"), "hard");
  CHECK_FALSE(load_suite(list_of_kinds("experiments/unheard-of.txt")));
  std::ofstream(folder.path / "empty.txt") << "\n#\n";
  CHECK_FALSE(load_suite((folder.path / "empty.txt").string()));
}

TEST_CASE("random kinds are of the benchmark's seven, and the same each time") {
  const auto s = load_suite("random:50");
  REQUIRE(s);
  CHECK_EQ(s->faults.size(), 50);
  CHECK(load_suite("random:50")->faults == s->faults);
  CHECK_EQ(std::set<std::string>(s->faults.begin(), s->faults.end()).size(), 7);
  CHECK_FALSE(load_suite("random:0"));
  CHECK_FALSE(load_suite("random:x"));
}

TEST_CASE("a system in another namespace is there whole, and agents are told") {
  auto system = *env::load_system("simple-micro");
  const auto manifests = system.manifests.size();
  relocate(system, "elsewhere");
  CHECK_EQ(system.name, "elsewhere");
  CHECK_EQ(system.manifests.size(), manifests);
  for (const auto& m : system.manifests) {
    CHECK_NE(m["metadata"].value("namespace", ""), "simple-micro");
    if (m["kind"] == "Namespace") CHECK_EQ(m["metadata"]["name"], "elsewhere");
  }
  CHECK_NE(system.context.find("in the namespace elsewhere"), std::string::npos);
}
