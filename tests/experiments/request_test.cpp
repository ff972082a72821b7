#include "experiments/bench/request.hpp"

#include "tests/support/scratch.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace remed;
using namespace remed::experiments;

TEST_CASE("durations and sums are read in the forms people write, and nothing else") {
  CHECK_EQ(*parse_duration("90"), 90);
  CHECK_EQ(*parse_duration("90s"), 90);
  CHECK_EQ(*parse_duration("30m"), 1800);
  CHECK_EQ(*parse_duration("1h30m"), 5400);
  for (const auto* bad : {"", "0", "-5s", "5d", "m", "1h 30m", "ten"}) {
    CHECK_FALSE(parse_duration(bad));
  }
  CHECK_EQ(*parse_money("5"), 5);
  CHECK_EQ(*parse_money("2.50usd"), 2.5);
  CHECK_EQ(*parse_money("$3"), 3);
  for (const auto* bad : {"", "usd", "-1", "5eur", "nan"}) CHECK_FALSE(parse_money(bad));
}

TEST_CASE("MicroRemed's arguments mean here what they mean there") {
  bench_arguments a;
  a.old.experiments = 50;
  a.old.env = "online-boutique";
  a.old.name_space = "shop";
  a.old.wait_interval_s = 10;
  a.old.injection_timeout_s = 60;
  a.old.remediate_method = "SoloGen";
  a.old.experiment_path = "experiments/easy.txt";
  a.old.strict_restart = "False";
  a.wanted.models = {"noop"};
  const auto order = read_order(a);
  REQUIRE_MESSAGE(order.ok(), (order ? "" : order.why().what));
  CHECK(order->request.suites == std::vector<std::string>{"easy"}); // a list goes before a number
  CHECK(order->request.systems == std::vector<std::string>{"online-boutique"});
  CHECK(order->request.methods == std::vector<std::string>{"sologen"});
  CHECK_EQ(order->conditions.name_space, "shop");
  CHECK_EQ(order->conditions.wait_interval_s, 10);
  CHECK_EQ(order->conditions.injection_timeout_s, 60);
  CHECK_FALSE(order->strict_restart); // there, "False" is true
  a.old = {};
  a.old.experiments = 12;
  a.old.strict_restart = "True";
  const auto drawn = read_order(a);
  REQUIRE(drawn);
  CHECK(drawn->request.suites == std::vector<std::string>{"random:12"});
  CHECK(drawn->request.systems == std::vector<std::string>{"train-ticket"}); // its default
  CHECK(drawn->strict_restart);
  a.old.strict_restart = "perhaps";
  CHECK_FALSE(read_order(a));
}

TEST_CASE("what is retried is failed, infra or both") {
  bench_arguments a;
  a.retry = "failed";
  CHECK_FALSE(read_order(a)); // of which bench?
  test::scratch_folder folder;
  const auto m = make_manifest({{"easy"}, {"simple-micro"}, {"thinkremed"}, {"noop"}, {3}}, {});
  REQUIRE(m);
  REQUIRE(save_manifest(folder.path, *m));
  a.resume = folder.path.string();
  a.retry = "failed,infra";
  const auto both = read_order(a);
  REQUIRE_MESSAGE(both.ok(), (both ? "" : both.why().what));
  CHECK(both->sit.resume);
  CHECK(both->sit.retry_failed);
  CHECK(both->sit.retry_infra);
  a.retry = "all";
  CHECK_FALSE(read_order(a));
}

TEST_CASE("what is not said when a bench is resumed is as in its manifest") {
  test::scratch_folder folder;
  bench_conditions how;
  how.tools = "inprocess";
  how.t_max = 3;
  const auto m = make_manifest({{"hard"}, {"simple-micro"}, {"sologen"}, {"noop"}, {4, 5}}, how);
  REQUIRE(m);
  REQUIRE(save_manifest(folder.path, *m));
  bench_arguments a;
  a.resume_given = true;
  a.common.out = folder.path.string(); // --out DIR --resume
  const auto same = read_order(a);
  REQUIRE_MESSAGE(same.ok(), (same ? "" : same.why().what));
  CHECK(differences(*m, *make_manifest(same->request, same->conditions)).empty());
  a.given = {"--suite"};
  a.wanted.suites = {"easy"};
  const auto other = read_order(a);
  REQUIRE(other);
  CHECK_FALSE(differences(*m, *make_manifest(other->request, other->conditions)).empty());
}

TEST_CASE("a cap on money is refused for a model whose price nobody knows") {
  test::scratch_folder folder;
  const auto file = (folder.path / "m.yaml").string();
  std::ofstream(file) << "base_url: http://127.0.0.1:1/v1\nmodel: m\n";
  const auto refused = check_prices({"runbook", file});
  REQUIRE_FALSE(refused);
  CHECK_NE(refused.why().what.find("prices"), std::string::npos);
  std::ofstream(file, std::ios::app) << "prices: {input: 1, output: 2}\n";
  CHECK(check_prices({"runbook", file}));
}
