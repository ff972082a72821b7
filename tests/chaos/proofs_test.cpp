// Each shipped fault is proven on each service that it is offered for.
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

/// Healthy, injected, felt, stays, undone, healthy again. `remed prove` (tests/experiments) does
/// more.
void prove(const std::string& id, const std::string& service) {
  CAPTURE(id);
  CAPTURE(service);
  lab l;
  if (id.rfind("jvm-", 0) == 0) put_into_jvm(l, service);
  auto s = about(id, service);
  CHECK(l.wait_for(s.what.oracle, s, 60));
  auto knife = std::make_shared<surgery>(l.world, s, object_name(s.what, service));
  knife->inject([](result<void> d) { CHECK_MESSAGE(d.ok(), (d.ok() ? "" : d.why().what)); });
  l.pass(1);
  const bool felt = l.wait_for(s.what.symptom, s, 120);
  CHECK_MESSAGE(felt, l.check(s.what.symptom, s).failing());
  for (int minute = 0; minute < 5; ++minute) {
    CHECK_FALSE(l.check(s.what.oracle, s).hold());
    l.pass(60);
  }
  knife->undo([](result<void> d) { CHECK_MESSAGE(d.ok(), (d.ok() ? "" : d.why().what)); });
  const bool well = l.wait_for(s.what.oracle, s, 180);
  CHECK_MESSAGE(well, l.check(s.what.oracle, s).failing());
  CHECK(knife->remains(l.observe()) == "");
}

void prove_all(const std::string& category) {
  int proven = 0;
  for (const auto& id : shipped_faults()) {
    const auto f = *load_fault(id);
    if (f.category != category || f.rearm || f.control) continue; // see tests/experiments
    for (const auto& service : simple_micro().targets) {
      const bool jvm = id.rfind("jvm-", 0) == 0;
      if (!jvm && !check_target(simple_micro(), id, service)) continue;
      prove(id, service);
      ++proven;
    }
  }
  CHECK(proven > 0);
}

} // namespace

TEST_CASE("faults of resources are felt, stay, and are undone") {
  prove_all("resource");
}
TEST_CASE("faults of the network are felt, stay, and are undone") {
  prove_all("network");
}
TEST_CASE("faults of disks are felt, stay, and are undone") {
  prove_all("disk");
}
TEST_CASE("faults of availability are felt, stay, and are undone") {
  prove_all("availability");
}
TEST_CASE("faults of images, probes and scheduling are felt, stay, and are undone") {
  for (const auto* category : {"image", "probe", "scheduling"}) prove_all(category);
}
TEST_CASE("faults of Services, names and load are felt, stay, and are undone") {
  for (const auto* category : {"service", "dns", "load"}) prove_all(category);
}
TEST_CASE("faults of the control plane and compound ones are felt, stay, and are undone") {
  for (const auto* category : {"control-plane", "compound"}) prove_all(category);
}
TEST_CASE("faults of configuration are felt, stay, and are undone") {
  prove_all("configuration");
}
