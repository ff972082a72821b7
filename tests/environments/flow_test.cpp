#include "environments/embedded/flow.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace remed::env;

namespace {

system_profile two_services() {
  system_profile s;
  s.name = "demo";
  s.load_rps = 5;
  s.entry = {"front"};
  service_profile front;
  front.name = "front";
  front.cpu_ms = 2;
  front.latency_ms = 4;
  front.calls.push_back({"back", 1, 2, true});
  service_profile back;
  back.name = "back";
  back.cpu_ms = 1;
  back.latency_ms = 3;
  s.services = {{"front", front}, {"back", back}};
  return s;
}

flow_input healthy() {
  flow_container pod;
  pod.cores = 0.5;
  pod.pod = "p";
  return {{"front", {true, {pod}}}, {"back", {true, {pod}}}};
}

} // namespace

TEST_CASE("permanent hogs stretch a request by the processor-sharing law") {
  flow_container c;
  c.cores = 0.2;
  c.hog_threads = 10;
  // Measured with these numbers: mean 276.6 ms, predicted 275.
  CHECK(cpu_mean_ms(c, 5, 0) == doctest::Approx(275));
  double sum = 0;
  std::vector<double> all;
  for (int i = 0; i < 4000; ++i) all.push_back(cpu_draw_ms(c, 5, 0, (i + 0.5) / 4000));
  for (auto ms : all) sum += ms / 4000;
  CHECK(sum == doctest::Approx(275).epsilon(0.05));
  std::sort(all.begin(), all.end());
  CHECK(all[3600] == doctest::Approx(414).epsilon(0.1));
}

TEST_CASE("short work slips in before the quota is gone or waits for the next period") {
  flow_container c;
  c.cores = 0.2;
  c.node_cores = 2;
  c.hog_threads = 10;
  CHECK(cpu_draw_ms(c, 1, 0, 0.05) == doctest::Approx(1));
  CHECK(cpu_draw_ms(c, 1, 0, 0.99) > 80);
  CHECK(cpu_draw_ms(c, 1, 0, 0.99) < 102);
}

TEST_CASE("hogs fill the limit and no more, and a tiny quota is raised to ten millicores") {
  flow_container c;
  c.cores = 0.5;
  c.hog_threads = 10;
  CHECK(cpu_usage(c, 0.02) == doctest::Approx(0.5));
  c.hog_threads = 0;
  CHECK(cpu_usage(c, 0.02) == doctest::Approx(0.02));
  CHECK(effective_cores(0.002) == doctest::Approx(0.01));
}

TEST_CASE("lost handshakes wait one, three, seven seconds with halving probability") {
  CHECK(retransmit_ms(0, 1000, 0.001) == 0);
  CHECK(retransmit_ms(0.5, 1000, 0.9) == 0);
  CHECK(retransmit_ms(0.5, 1000, 0.4) == doctest::Approx(1000));
  CHECK(retransmit_ms(0.5, 1000, 0.2) == doctest::Approx(3000));
  CHECK(std::isinf(retransmit_ms(1, 1000, 0.2)));
}

TEST_CASE("a healthy system answers everything fast and the same for the same seed") {
  auto one = evaluate_flow(two_services(), healthy(), 7);
  CHECK(one.success == 1);
  CHECK(one.p50_ms > 5);
  CHECK(one.p95_ms < 40);
  CHECK(one.services["back"].rps == doctest::Approx(5));
  auto two = evaluate_flow(two_services(), healthy(), 7);
  CHECK(one.p95_ms == two.p95_ms);
  CHECK(one.services["front"].busy_cores["p"] == doctest::Approx(0.01));
}

TEST_CASE(
    "without endpoints behind a required callee every request fails; an optional one is left out") {
  auto in = healthy();
  in["back"].endpoints.clear();
  CHECK(evaluate_flow(two_services(), in, 1).success == 0);
  auto relaxed = two_services();
  relaxed.services["front"].calls[0].required = false;
  CHECK(evaluate_flow(relaxed, in, 1).success == 1);
}

TEST_CASE(
    "a delay of one second at the callee exceeds the caller's time limit; at the caller it slows "
    "users") {
  auto in = healthy();
  in["back"].endpoints[0].delay_ms = 1000;
  CHECK(evaluate_flow(two_services(), in, 1).success == 0);
  in = healthy();
  in["front"].endpoints[0].delay_ms = 600;
  auto r = evaluate_flow(two_services(), in, 1);
  CHECK(r.success == 1);
  CHECK(r.p50_ms > 2400);
}

TEST_CASE("half of the packets lost costs requests and seconds") {
  auto in = healthy();
  in["front"].endpoints[0].loss = 0.5;
  auto r = evaluate_flow(two_services(), in, 3);
  CHECK(r.success > 0.4);
  CHECK(r.success < 0.95);
  CHECK(r.p95_ms > 1000);
}

TEST_CASE("one faulty replica of two hurts half of the requests") {
  auto in = healthy();
  auto bad = in["front"].endpoints[0];
  bad.listening = false;
  in["front"].endpoints.push_back(bad);
  CHECK(evaluate_flow(two_services(), in, 1).success == doctest::Approx(0.5));
}

TEST_CASE("more work than quota: the share that fits is served") {
  auto in = healthy();
  in["front"].endpoints[0].cores = 0.005;
  auto r = evaluate_flow(two_services(), in, 1);
  CHECK(r.success == doctest::Approx(0.49).epsilon(0.1));
  CHECK(utilisation(in["front"].endpoints[0], 5, 2) == doctest::Approx(2));
}

TEST_CASE("a cycle in the call graph ends") {
  auto s = two_services();
  s.services["back"].calls.push_back({"front", 1, 2, true});
  CHECK(evaluate_flow(s, healthy(), 1).success == 1);
}
