#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/batch/cron_schedule.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

std::string next(const std::string& schedule, const std::string& after,
                 const std::string& zone = {}) {
  auto parsed = cron_schedule::parse(schedule);
  REQUIRE_MESSAGE(parsed.ok(), schedule);
  auto loaded = time_zone::load(zone);
  REQUIRE(loaded.ok());
  auto found = parsed->next(*parse_time(after), *loaded);
  return found ? rfc3339(*found) : "never";
}

json cron(const std::string& schedule, const std::string& script) {
  auto j = json::object();
  j["apiVersion"] = "batch/v1";
  j["kind"] = "CronJob";
  j["metadata"]["name"] = "tick";
  j["spec"]["schedule"] = schedule;
  auto& pod = j["spec"]["jobTemplate"]["spec"]["template"]["spec"];
  pod["restartPolicy"] = "Never";
  pod["containers"] = json::array({shell("main", script)});
  return j;
}

json status_of(const shop& s) {
  return at_path(*s.get("cronjobs.batch", "tick"), {"status"});
}

} // namespace

TEST_CASE("schedules are read as cron reads them") {
  CHECK(next("*/15 * * * *", "2026-01-01T00:07:30Z") == "2026-01-01T00:15:00Z");
  CHECK(next("0 9-17/4 * * MON-FRI", "2026-01-02T17:30:00Z") == "2026-01-05T09:00:00Z");
  CHECK(next("30 2 29 feb *", "2026-01-01T00:00:00Z") == "2028-02-29T02:30:00Z");
  CHECK(next("@hourly", "2026-01-01T00:00:00Z") == "2026-01-01T01:00:00Z");
  CHECK(next("@weekly", "2026-01-01T00:00:00Z") == "2026-01-04T00:00:00Z");
  CHECK(next("@every 90s", "2026-01-01T00:00:10Z") == "2026-01-01T00:01:40Z");
  // With both days restricted either will do.
  CHECK(next("0 0 13 * FRI", "2026-01-01T00:00:00Z") == "2026-01-02T00:00:00Z");
  CHECK(next("0 0 31 2 *", "2026-01-01T00:00:00Z") == "never");
  CHECK(cron_schedule::parse("61 * * * *").why().what ==
        "end of range (61) above maximum (59): 61");
  CHECK(cron_schedule::parse("* * * *").why().what ==
        "expected exactly 5 fields, found 4: [* * * *]");
}

TEST_CASE("a schedule follows the clocks of its time zone") {
  if (!time_zone::load("Europe/Berlin").ok()) return; // a machine without zoneinfo
  CHECK(next("0 12 * * *", "2026-01-10T00:00:00Z", "Europe/Berlin") == "2026-01-10T11:00:00Z");
  CHECK(next("0 12 * * *", "2026-07-10T00:00:00Z", "Europe/Berlin") == "2026-07-10T10:00:00Z");
  CHECK(next("0 12 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin") == "2026-03-29T10:00:00Z");
  CHECK(next("0 12 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin") == "2026-10-25T11:00:00Z");
  CHECK(time_zone::load("Mars/Base").why().what == "unknown time zone Mars/Base");
}

TEST_CASE("a CronJob starts a job each time and keeps a short history") {
  shop s;
  s.create("cronjobs.batch", cron("* * * * *", "sleep 5"));
  CHECK(s.c->objects().list("jobs.batch", "shop").empty());
  s.wait(65);
  auto jobs = s.c->objects().list("jobs.batch", "shop");
  REQUIRE(jobs.size() == 1);
  CHECK(text_at(*jobs[0], {"metadata", "name"}) == "tick-29453761");
  CHECK(text_at(*jobs[0],
                {"metadata", "annotations", "batch.kubernetes.io/cronjob-scheduled-timestamp"}) ==
        "2026-01-01T00:01:00Z");
  CHECK(at_path(status_of(s), {"active"}).size() == 1);
  CHECK(text_at(status_of(s), {"lastScheduleTime"}) == "2026-01-01T00:01:00Z");
  CHECK(s.events("SuccessfulCreate", "Created job tick-29453761") == 1);
  s.wait(40);
  CHECK(s.events("SawCompletedJob", "Saw completed job: tick-29453761, condition: Complete") == 1);
  CHECK(text_at(status_of(s), {"lastSuccessfulTime"}) > "2026-01-01T00:01:00Z");
  s.wait(600);
  CHECK(s.c->objects().list("jobs.batch", "shop").size() == 3);
  CHECK(s.events("SuccessfulDelete", "Deleted job tick-29453761") == 1);
}

TEST_CASE("Forbid waits for the running job, Replace ends it") {
  for (std::string policy : {"Forbid", "Replace"}) {
    shop s;
    auto c = cron("* * * * *", "sleep 1000");
    c["spec"]["concurrencyPolicy"] = policy;
    s.create("cronjobs.batch", c);
    s.wait(185);
    auto jobs = s.c->objects().list("jobs.batch", "shop");
    REQUIRE(jobs.size() == 1);
    bool first = text_at(*jobs[0], {"metadata", "name"}) == "tick-29453761";
    CHECK(first == (policy == "Forbid"));
    CHECK((s.events("JobAlreadyActive", "concurrency policy is Forbid") > 0) == first);
  }
}

TEST_CASE("a suspended CronJob starts nothing, and after it only the last missed time counts") {
  shop s;
  auto c = cron("* * * * *", "sleep 1");
  c["spec"]["suspend"] = true;
  s.create("cronjobs.batch", c);
  s.wait(200);
  CHECK(s.c->objects().list("jobs.batch", "shop").empty());
  s.change("cronjobs.batch", "tick", [](json& j) { j["spec"]["suspend"] = false; });
  s.wait(1);
  auto jobs = s.c->objects().list("jobs.batch", "shop");
  REQUIRE(jobs.size() == 1);
  CHECK(text_at(*jobs[0], {"metadata", "name"}) == "tick-29453763");
}

TEST_CASE("times missed by more than the starting deadline are let go") {
  shop s;
  auto c = cron("0 * * * *", "sleep 1");
  c["spec"]["suspend"] = true;
  c["spec"]["startingDeadlineSeconds"] = 60;
  s.create("cronjobs.batch", c);
  s.wait(3600 + 300);
  s.change("cronjobs.batch", "tick", [](json& j) { j["spec"]["suspend"] = false; });
  s.wait(1);
  CHECK(s.c->objects().list("jobs.batch", "shop").empty());
}

TEST_CASE("a schedule nobody can read is an event, not an end") {
  shop s;
  s.create("cronjobs.batch", cron("* * * *", "sleep 1"));
  CHECK(s.events("UnparseableSchedule", "unparseable schedule: * * * * : expected exactly 5") == 1);
}
