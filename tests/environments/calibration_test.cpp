// The shipped systems behave as clusters that were measured.
#include "environments/embedded/flow.hpp"
#include "environments/embedded/quantity.hpp"
#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <doctest/doctest.h>

using namespace remed::env;

namespace {

/// Every workload with one ready pod under its declared CPU limit.
flow_input healthy(const system_profile& system) {
  flow_input in;
  for (const auto& m : system.manifests) {
    if (!m.contains("spec") || !m["spec"].contains("template")) continue;
    const auto& main = m["spec"]["template"]["spec"]["containers"][0];
    flow_container pod;
    pod.pod = m["metadata"]["name"];
    auto limit = main.value(remed::json::json_pointer("/resources/limits/cpu"), "");
    if (!limit.empty()) pod.cores = *parse_quantity(limit);
    in[pod.pod] = {true, {pod}};
  }
  return in;
}

double cpu_of(const system_profile& system, const flow_result& flow, const std::string& service) {
  const auto& busy = flow.services.at(service).busy_cores;
  return system.services.at(service).idle_millicores +
         (busy.empty() ? 0 : 1000 * busy.begin()->second);
}

void check_within(double factor, double got, double measured, const std::string& what) {
  CHECK_MESSAGE(got <= measured * factor, what, ": ", got, " measured ", measured);
  CHECK_MESSAGE(got >= measured / factor, what, ": ", got, " measured ", measured);
}

void compare(const std::string& name) {
  auto system = load_system(name);
  REQUIRE(system);
  auto file =
      open_yaml((remed::data_root() / "tests/environments/measured_baselines.yaml").string());
  REQUIRE(file);
  auto all = file->map(name);
  REQUIRE(all.has_value());
  REQUIRE(all->keys().size() >= 10);
  const auto in = healthy(*system);
  for (std::uint64_t seed : {1, 2, 3}) {
    const auto flow = evaluate_flow(*system, in, seed);
    CHECK(flow.success > 0.99);
    for (const auto& service : all->keys()) {
      auto measured = *all->map(service);
      auto at = service + " seed " + std::to_string(seed);
      auto cpu = measured.number("cpu_m", 0, 0, 1e6),
           memory = measured.number("memory_mib", 0, 0, 1e6);
      auto p90 = measured.number("p90_ms", 0, 0, 1e6);
      auto stressed = measured.number("under_cpu_stress", 0, 0, 1e6);
      if (cpu > 0) check_within(1.5, cpu_of(*system, flow, service), cpu, at + " CPU");
      if (memory > 0)
        check_within(1.5, system->services.at(service).memory_mib, memory, at + " memory");
      if (p90 > 0) check_within(1.5, flow.services.at(service).p90_ms, p90, at + " p90");
      if (stressed <= 0) continue;
      auto hurt = in;
      hurt.at(service).endpoints[0].hog_threads = 10;
      auto under = evaluate_flow(*system, hurt, seed);
      check_within(2.5, under.services.at(service).p90_ms, stressed, at + " p90 under CPU stress");
    }
  }
}

} // namespace

TEST_CASE("online-boutique's CPU, memory and latency are as measured, with and without stress") {
  compare("online-boutique");
}

TEST_CASE("train-ticket's CPU, memory and latency are as measured, with and without stress") {
  compare("train-ticket");
}
