#include "environments/embedded/prometheus/endpoint.hpp"
#include "environments/embedded/prometheus/engine.hpp"
#include "environments/embedded/prometheus/metrics_source.hpp"
#include "tests/environments/small_world.hpp"
#include "tools/http.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace remed::env::prometheus;
using test::small_world;

namespace {

/// Two counters a and b of jobs x and y, one sample every 15 s from 0 to 600: 2 and 4 a second; a
/// gauge g that is its job's number.
std::vector<series> fixture(const std::string& metric, const std::vector<matcher>& matchers,
                            double from, double to) {
  std::vector<series> out;
  auto add = [&](const std::string& name, const std::string& job, double start, double slope) {
    if (!metric.empty() && metric != name) return;
    label_set labels{{"__name__", name}, {"job", job}};
    for (const auto& m : matchers) {
      auto found = labels.find(m.label);
      if (!m.accepts(found == labels.end() ? "" : found->second)) return;
    }
    series s{labels, {}};
    for (double t = 0; t <= 600; t += 15) {
      if (t >= from && t <= to) s.samples.push_back({t, start + slope * t});
    }
    out.push_back(s);
  };
  add("requests_total", "x", 0, 2);
  add("requests_total", "y", 0, 4);
  add("g", "x", 1, 0);
  add("g", "y", 2, 0);
  return out;
}

std::vector<element> eval(const std::string& query, double at = 600) {
  auto parsed = parse_query(query);
  REQUIRE_MESSAGE(parsed.ok(), query, ": ", (parsed.ok() ? "" : parsed.why().what));
  auto v = engine(*parsed, fixture, at, at).at(at);
  REQUIRE_MESSAGE(v.ok(), query, ": ", (v.ok() ? "" : v.why().what));
  if (auto* number = std::get_if<double>(&*v)) return {{{}, *number}};
  return std::get<std::vector<element>>(*v);
}

double one(const std::string& query) {
  auto all = eval(query);
  REQUIRE_MESSAGE(all.size() == 1, query, " gives ", all.size());
  return all[0].value;
}

std::string refusal(const std::string& query) {
  auto parsed = parse_query(query);
  return parsed.ok() ? "" : parsed.why().what;
}

json get(const cluster& c, const std::string& target, int status = 200) {
  auto got = respond(c, target);
  CHECK_MESSAGE(got.status == status, target, ": ", got.body);
  return json::parse(got.body, nullptr, false);
}

json query(const cluster& c, const std::string& text) {
  return get(c, "/api/v1/query?query=" + tools::percent_encode(text))["data"]["result"];
}

double only(const json& result) {
  REQUIRE_MESSAGE(result.size() == 1, result.dump());
  return std::stod(result[0]["value"][1].get<std::string>());
}

} // namespace

TEST_CASE("PromQL: selectors, rates, aggregation and arithmetic") {
  CHECK(eval("g").size() == 2);
  CHECK(one("g{job=\"x\"}") == 1);
  CHECK(one("g{job!=\"x\"}") == 2);
  CHECK(one("g{job=~\"y|z\"}") == 2);
  CHECK(one("g{job!~\"y.*\"}") == 1);
  CHECK(one("{__name__=\"g\",job=\"x\"}") == 1);
  CHECK(one("rate(requests_total{job=\"x\"}[5m])") == doctest::Approx(2));
  CHECK(one("increase(requests_total{job=\"y\"}[1m])") == doctest::Approx(240));
  CHECK(one("irate(requests_total{job=\"y\"}[5m])") == doctest::Approx(4));
  CHECK(one("sum(rate(requests_total[5m]))") == doctest::Approx(6));
  CHECK(eval("sum by (job) (rate(requests_total[5m]))").size() == 2);
  CHECK(one("sum without (job) (g)") == 3);
  CHECK(one("avg(g)") == 1.5);
  CHECK(one("max(g) - min(g)") == 1);
  CHECK(one("count(g)") == 2);
  CHECK(one("topk(1, g)") == 2);
  CHECK(one("requests_total{job=\"x\"} offset 5m") == 600);
  CHECK(one("1 + 2 * 3 ^ 2") == 19);
  CHECK(one("-2 ^ 2") == -4);
  CHECK(one("2 ^ 3 ^ 2") == 512);
  CHECK(one("g > 1") == 2);
  CHECK(eval("g > bool 1").size() == 2);
  CHECK(one("max_over_time(g{job=\"x\"}[5m])") == 1);
  CHECK(one("avg_over_time(requests_total{job=\"x\"}[30s])") == doctest::Approx(1185));
  CHECK(one("max_over_time(sum(g)[5m:1m])") == 3);
  CHECK(one("clamp_max(g{job=\"y\"}, 1)") == 1);
  CHECK(one("round(2.6 + g{job=\"x\"} * 0)") == 3);
}

TEST_CASE("PromQL: matching between vectors, sets, absence and labels") {
  CHECK(eval("requests_total / g").size() == 2);
  CHECK(one("sum(requests_total) / on() sum(g)") == doctest::Approx(3600.0 / 3));
  CHECK(one("g and g{job=\"x\"}") == 1);
  CHECK(one("g unless g{job=\"x\"}") == 2);
  CHECK(eval("g{job=\"x\"} or g{job=\"y\"}").size() == 2);
  CHECK(eval("g * on(job) group_left requests_total").size() == 2);
  auto gone = eval("absent(nothing{job=\"q\"})");
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].labels == label_set{{"job", "q"}});
  CHECK(eval("absent(g)").empty());
  auto named = eval("label_replace(g{job=\"x\"}, \"to\", \"$1!\", \"job\", \"(.*)\")");
  REQUIRE(named.size() == 1);
  CHECK(named[0].labels.at("to") == "x!");
  auto bad = parse_query("g * on() g");
  REQUIRE(bad);
  auto v = engine(*bad, fixture, 600, 600).at(600);
  REQUIRE_FALSE(v);
  CHECK(v.why().what.find("many-to-many matching not allowed") != std::string::npos);
}

TEST_CASE("PromQL: histogram quantiles interpolate within a class") {
  CHECK(prometheus::histogram_quantile(0.5, {{1, 0}, {2, 10}, {HUGE_VAL, 10}}) == 1.5);
  CHECK(prometheus::histogram_quantile(0.9, {{1, 5}, {HUGE_VAL, 10}}) == 1);
}

TEST_CASE("PromQL: errors have Prometheus' texts, and size and depth are bounded") {
  CHECK(refusal("") == "1:1: parse error: no expression found in input");
  CHECK(refusal("sum(") == "1:5: parse error: unexpected end of input");
  CHECK(refusal("nofunc(g)") == "1:1: parse error: unknown function with name \"nofunc\"");
  CHECK(refusal("rate(g)") ==
        "1:6: parse error: expected type range vector in call to function \"rate\", got instant "
        "vector");
  CHECK(refusal("g g") == "1:3: parse error: unexpected identifier \"g\"");
  CHECK(refusal("sum(g") == "1:6: parse error: unclosed left parenthesis");
  CHECK(refusal("1 > 2") == "1:3: parse error: comparisons between scalars must use BOOL modifier");
  CHECK(refusal("{}") ==
        "1:1: parse error: vector selector must contain at least one non-empty matcher");
  CHECK(refusal(std::string(200, '(') + "1").find("nested too deeply") != std::string::npos);
  CHECK(refusal(std::string(20'000, '1')).find("too long") != std::string::npos);
}

TEST_CASE("the cluster's figures answer queries: CPU, memory, requests, restarts") {
  small_world w;
  w.pass(600);
  const auto& c = *w.c;
  CHECK(only(query(c, "sum(rate(http_requests_total{service=\"hello-service\"}[5m]))")) ==
        doctest::Approx(5).epsilon(0.1));
  auto cpu =
      "rate(container_cpu_usage_seconds_total{pod=\"hello-service-1\","
      "container=\"hello-service\"}[5m])";
  CHECK(only(query(c, cpu)) < 0.05);
  CHECK(only(query(c, "container_memory_working_set_bytes{container=\"hello-service\"}")) ==
        doctest::Approx(22.0 * 1048576).epsilon(0.05));
  auto p95 =
      "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket"
      "{service=\"hello-service\"}[5m])))";
  CHECK(only(query(c, p95)) < 0.1);
  w.hurt("hello-service", "cpu_hog", {{"workers", 10}, {"load", 100}});
  w.pass(600);
  CHECK(only(query(c, cpu)) > 0.4);
  CHECK(only(query(c,
                   "rate(container_cpu_cfs_throttled_seconds_total{container=\"hello-service\"}"
                   "[5m])")) > 0.3);
  CHECK(only(query(c,
                   "rate(container_cpu_cfs_throttled_seconds_total{container=\"time-service\"}"
                   "[5m])")) == 0);
  // The past stays what it was.
  auto earlier = std::string(cpu);
  earlier.insert(earlier.size() - 1, " offset 11m");
  CHECK(only(query(c, earlier)) < 0.05);
  CHECK(query(c, cpu) == query(c, cpu));
}

TEST_CASE("the query endpoint answers as Prometheus does") {
  small_world w;
  w.pass(300);
  const auto& c = *w.c;
  auto bad = get(c, "/api/v1/query?query=sum(", 400);
  CHECK(bad["status"] == "error");
  CHECK(bad["errorType"] == "bad_data");
  CHECK(bad["error"] == "invalid parameter \"query\": 1:5: parse error: unexpected end of input");
  auto now = seconds(c.now().time_since_epoch());
  auto window = "&start=" + std::to_string(now - 120) + "&end=" + std::to_string(now);
  auto range = get(c, "/api/v1/query_range?query=up&step=30s" + window);
  CHECK(range["data"]["resultType"] == "matrix");
  REQUIRE(!range["data"]["result"].empty());
  CHECK(range["data"]["result"][0]["values"].size() == 5);
  get(c, "/api/v1/query_range?query=up&step=0.001" + window, 400);
  get(c, "/api/v1/query_range?query=up&step=0" + window, 400);
  auto names = get(c, "/api/v1/label/__name__/values")["data"].dump();
  for (const auto* name : {"up", "container_cpu_usage_seconds_total", "http_requests_total"})
    CHECK_MESSAGE(names.find("\"" + std::string(name) + "\"") != std::string::npos, name);
  CHECK(get(c, "/api/v1/labels")["data"].dump().find("\"namespace\"") != std::string::npos);
  auto found = get(c, "/api/v1/series?match[]=up{job=\"prometheus\"}")["data"];
  CHECK(found.size() == 1);
  get(c, "/api/v1/series", 400);
  CHECK(respond(c, "/nowhere").status == 404);
  CHECK(get(c, "/api/v1/query?query=1%2B1")["data"]["result"][1] == "2");
}

TEST_CASE("a service tells its requests at /metrics, and Prometheus answers in the cluster") {
  small_world w;
  auto s = service_manifests()[1];
  s["spec"]["clusterIP"] = "10.43.0.90";
  w.c->put("services", s);
  w.pass(300);
  auto hello = w.pod("hello-service");
  auto own = send_request(*w.c, &hello, "time-service", 5001, "/metrics", 5, "t");
  CHECK(own.body.find("http_requests_total{code=\"200\"} ") != std::string::npos);
  CHECK(own.body.find("http_request_duration_seconds_bucket{le=\"+Inf\"} ") != std::string::npos);
  auto got =
      send_request(*w.c, &hello, "prometheus.monitoring", 9090, "/api/v1/query?query=up", 5, "t");
  CHECK(got.status == 200);
  CHECK(got.body.find("\"status\":\"success\"") != std::string::npos);
}
