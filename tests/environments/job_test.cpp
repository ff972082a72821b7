#include "environments/embedded/controllers/batch/job_status.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json job(const std::string& script, const std::string& restart = "Never") {
  auto j = json::object();
  j["apiVersion"] = "batch/v1";
  j["kind"] = "Job";
  j["metadata"]["name"] = "work";
  j["spec"]["template"]["spec"]["restartPolicy"] = restart;
  j["spec"]["template"]["spec"]["containers"] = json::array({shell("main", script)});
  return j;
}

json status_of(const shop& s) {
  return at_path(*s.get("jobs.batch", "work"), {"status"});
}

json condition_in(const shop& s, const std::string& type) {
  return condition_of(*s.get("jobs.batch", "work"), type);
}

} // namespace

TEST_CASE("indexes print as intervals and are read back") {
  CHECK(index_text({0, 1, 2, 5, 7, 8}) == "0-2,5,7,8");
  CHECK(parse_indexes("0-2,5,7,8") == std::set<std::int64_t>{0, 1, 2, 5, 7, 8});
  CHECK(parse_indexes("").empty());
}

TEST_CASE("a job completes and says so as Kubernetes does") {
  shop s;
  s.create("jobs.batch", job("sleep 5"));
  REQUIRE(s.pods().size() == 1);
  auto finalizers = at_path(*s.pods().at(0), {"metadata", "finalizers"});
  CHECK(finalizers[0] == "batch.kubernetes.io/job-tracking");
  CHECK(int_at(status_of(s), {"active"}) == 1);
  s.wait(30);
  auto status = status_of(s);
  CHECK(int_at(status, {"succeeded"}) == 1);
  CHECK_FALSE(status.contains("active"));
  CHECK(int_at(status, {"ready"}, -1) == 0);
  CHECK(text_at(status, {"completionTime"}) > text_at(status, {"startTime"}));
  CHECK(text_at(condition_in(s, "Complete"), {"status"}) == "True");
  CHECK(text_at(condition_in(s, "Complete"), {"reason"}) == "CompletionsReached");
  CHECK(text_at(condition_in(s, "SuccessCriteriaMet"), {"message"}) ==
        "Reached expected number of succeeded pods");
  CHECK(s.events("Completed", "Job completed") == 1);
  CHECK(s.events("SuccessfulCreate", "Created pod: work-") == 1);
  REQUIRE(s.pods().size() == 1);
  CHECK(at_path(*s.pods().at(0), {"metadata", "finalizers"}).empty());
}

TEST_CASE("parallelism bounds how many run, completions how many succeed") {
  shop s;
  auto j = job("sleep 5");
  j["spec"]["completions"] = 5;
  j["spec"]["parallelism"] = 2;
  s.create("jobs.batch", j);
  for (int i = 0; i < 240; ++i) {
    s.wait(0.25);
    CHECK(int_at(status_of(s), {"active"}) <= 2);
  }
  CHECK(int_at(status_of(s), {"succeeded"}) == 5);
  CHECK(job_is_finished(*s.get("jobs.batch", "work")));
}

TEST_CASE("a job that keeps failing backs off and ends at its limit") {
  shop s;
  auto j = job("exit 3");
  j["spec"]["backoffLimit"] = 2;
  s.create("jobs.batch", j);
  s.wait(8);
  CHECK(int_at(status_of(s), {"failed"}) == 1);
  CHECK(s.pods().size() == 1);
  s.wait(10);
  CHECK(s.pods().size() == 2);
  s.wait(40);
  CHECK(int_at(status_of(s), {"failed"}) == 3);
  CHECK(text_at(condition_in(s, "Failed"), {"reason"}) == "BackoffLimitExceeded");
  CHECK(text_at(condition_in(s, "FailureTarget"), {"status"}) == "True");
  CHECK(s.events("BackoffLimitExceeded", "Job has reached the specified backoff limit") == 1);
  s.wait(600);
  CHECK(s.pods().size() == 3);
}

TEST_CASE("restarts of containers count where pods are restarted in place") {
  shop s;
  auto j = job("exit 3", "OnFailure");
  j["spec"]["backoffLimit"] = 1;
  s.create("jobs.batch", j);
  s.wait(60);
  CHECK(text_at(condition_in(s, "Failed"), {"reason"}) == "BackoffLimitExceeded");
  CHECK(s.pods().empty());
}

TEST_CASE("a job past its deadline is ended with its pods") {
  shop s;
  auto j = job("sleep 1000");
  j["spec"]["activeDeadlineSeconds"] = 20;
  s.create("jobs.batch", j);
  s.wait(15);
  CHECK(int_at(status_of(s), {"ready"}) == 1);
  s.wait(60);
  CHECK(text_at(condition_in(s, "Failed"), {"reason"}) == "DeadlineExceeded");
  CHECK(text_at(condition_in(s, "Failed"), {"message"}) ==
        "Job was active longer than specified deadline");
  CHECK(int_at(status_of(s), {"failed"}) == 1);
  CHECK(s.pods().empty());
}

TEST_CASE("an indexed job gives each index one success") {
  shop s;
  auto j = job("sleep 2");
  j["spec"]["completionMode"] = "Indexed";
  j["spec"]["completions"] = 3;
  j["spec"]["parallelism"] = 3;
  s.create("jobs.batch", j);
  std::set<std::string> hosts;
  for (const auto& pod : s.pods()) {
    hosts.insert(text_at(*pod, {"spec", "hostname"}));
    auto name = text_at(*pod, {"metadata", "name"});
    auto index =
        text_at(*pod, {"metadata", "annotations", "batch.kubernetes.io/job-completion-index"});
    CHECK(name.starts_with("work-" + index + "-"));
    const auto& env = at_path(at_path(*pod, {"spec", "containers"})[0], {"env"});
    CHECK(text_at(env[0], {"name"}) == "JOB_COMPLETION_INDEX");
  }
  CHECK(hosts == std::set<std::string>{"work-0", "work-1", "work-2"});
  s.wait(40);
  CHECK(text_at(status_of(s), {"completedIndexes"}) == "0-2");
  CHECK(text_at(condition_in(s, "Complete"), {"status"}) == "True");
}

TEST_CASE("a suspended job ends its pods without counting them, and starts again") {
  shop s;
  s.create("jobs.batch", job("sleep 100"));
  s.wait(20);
  s.change("jobs.batch", "work", [](json& j) { j["spec"]["suspend"] = true; });
  s.wait(60);
  CHECK(s.pods().empty());
  CHECK_FALSE(status_of(s).contains("failed"));
  CHECK_FALSE(status_of(s).contains("startTime"));
  CHECK(text_at(condition_in(s, "Suspended"), {"reason"}) == "JobSuspended");
  CHECK(s.events("Suspended", "Job suspended") == 1);
  s.change("jobs.batch", "work", [](json& j) { j["spec"]["suspend"] = false; });
  s.wait(20);
  CHECK(text_at(condition_in(s, "Suspended"), {"reason"}) == "JobResumed");
  CHECK(int_at(status_of(s), {"active"}) == 1);
  CHECK(status_of(s).contains("startTime"));
}

TEST_CASE("a finished job is removed after its time to live, its pods with it") {
  shop s;
  auto j = job("exit 0");
  j["spec"]["ttlSecondsAfterFinished"] = 30;
  s.create("jobs.batch", j);
  s.wait(20);
  CHECK(s.get("jobs.batch", "work"));
  s.wait(60);
  CHECK_FALSE(s.get("jobs.batch", "work"));
  CHECK(s.pods().empty());
}

TEST_CASE("a pod failure policy fails the job at once or forgives") {
  shop s;
  auto j = job("exit 42");
  j["spec"]["podFailurePolicy"]["rules"] =
      json::parse(R"([{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}])");
  s.create("jobs.batch", j);
  s.wait(20);
  CHECK(text_at(condition_in(s, "Failed"), {"reason"}) == "PodFailurePolicy");
  auto text = text_at(condition_in(s, "Failed"), {"message"});
  CHECK(text.starts_with("Container main for pod shop/work-"));
  CHECK(text.ends_with(" failed with exit code 42 matching FailJob rule at index 0"));
}

TEST_CASE("deleting a job in the background lets its tracked pods go") {
  shop s;
  s.create("jobs.batch", job("sleep 1000"));
  s.wait(20);
  s.c->erase("jobs.batch", {"shop", "work"});
  s.wait(60);
  CHECK(s.pods().empty());
}
