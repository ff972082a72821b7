// CronJob: a Job each time its schedule says so.
#include "environments/embedded/api/admission.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/batch/cron_schedule.hpp"
#include "environments/embedded/controllers/batch/job_status.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/pods.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "cronjob-controller";
constexpr const char* table = "cronjobs.batch";
constexpr const char* jobs_table = "jobs.batch";
constexpr int most_missed = 100; // beyond this a clock is taken to be wrong

std::string name_of(const json& obj) {
  return text_at(obj, {"metadata", "name"});
}

/// One pass over one CronJob (ControllerV2.syncCronJob).
class pass {
public:
  pass(cluster& c, object cron, std::string key)
      : c_(c), cron_(std::move(cron)), key_(std::move(key)), status_(at_path(*cron_, {"status"})) {
    if (!status_.is_object()) status_ = json::object();
  }

  void run() {
    if (is_deleting(*cron_)) return;
    jobs_ = owned(c_, jobs_table, *cron_);
    update_active();
    if (at_path(*cron_, {"spec", "suspend"}) != true) start_what_is_due();
    clean_up("Complete", "successfulJobsHistoryLimit", 3);
    clean_up("Failed", "failedJobsHistoryLimit", 1);
    write();
  }

private:
  void event(const char* type, const std::string& reason, const std::string& message) {
    c_.record_event(*cron_, type, reason, message, std::string(actor));
  }

  bool is_listed(const std::string& uid) const {
    const auto& all = at_path(status_, {"active"});
    return std::any_of(all.begin(), all.end(),
                       [&](const json& ref) { return text_at(ref, {"uid"}) == uid; });
  }

  void unlist(const std::string& uid) {
    auto kept = json::array();
    for (const auto& ref : at_path(status_, {"active"})) {
      if (text_at(ref, {"uid"}) != uid) kept.push_back(ref);
    }
    if (kept.empty())
      status_.erase("active");
    else
      status_["active"] = std::move(kept);
  }

  /// What ended or went since the last look.
  void update_active() {
    for (const auto& job : jobs_) {
      auto uid = text_at(*job, {"metadata", "uid"});
      bool done = job_is_finished(*job);
      if (!is_listed(uid) && !done) {
        event("Warning", "UnexpectedJob",
              "Saw a job that the controller did not create or forgot: " + name_of(*job));
      } else if (is_listed(uid) && done) {
        unlist(uid);
        event("Normal", "SawCompletedJob",
              "Saw completed job: " + name_of(*job) +
                  ", condition: " + (has_true(*job, "Complete") ? "Complete" : "Failed"));
      }
      auto end = text_at(*job, {"status", "completionTime"});
      if (has_true(*job, "Complete") && end > text_at(status_, {"lastSuccessfulTime"})) {
        status_["lastSuccessfulTime"] = end;
      }
    }
    auto listed = at_path(status_, {"active"});
    for (const auto& ref : listed) {
      auto job =
          c_.objects().get(jobs_table, {text_at(ref, {"namespace"}), text_at(ref, {"name"})});
      if (job && text_at(*job, {"metadata", "uid"}) == text_at(ref, {"uid"})) continue;
      event("Normal", "MissingJob", "Active job went missing: " + text_at(ref, {"name"}));
      unlist(text_at(ref, {"uid"}));
    }
  }

  void start_what_is_due() {
    auto zone_name = text_at(*cron_, {"spec", "timeZone"});
    auto zone = time_zone::load(zone_name);
    if (!zone) {
      event("Warning", "UnknownTimeZone",
            "invalid timeZone: " + go_quote(zone_name) + ": " + zone.why().what);
      return;
    }
    auto text = text_at(*cron_, {"spec", "schedule"});
    auto schedule = cron_schedule::parse(text);
    if (!schedule) {
      event("Warning", "UnparseableSchedule",
            "unparseable schedule: " + text + " : " + schedule.why().what);
      return;
    }
    auto due = most_recent(*schedule, *zone);
    if (due) start(*due, *zone);
    if (auto next = schedule->next(c_.now(), *zone)) {
      c_.schedule(*next - c_.now(), actor, key_);
    }
  }

  /// The last time that was missed since the last start, if any.
  std::optional<vtime> most_recent(const cron_schedule& schedule, const time_zone& zone) {
    auto since = parse_time(text_at(status_, {"lastScheduleTime"}));
    if (!since) since = parse_time(text_at(*cron_, {"metadata", "creationTimestamp"}));
    if (!since) return std::nullopt;
    const auto& deadline = at_path(*cron_, {"spec", "startingDeadlineSeconds"});
    if (deadline.is_number()) {
      since = std::max(*since, c_.now() - std::chrono::seconds{deadline.get<std::int64_t>()});
    }
    std::optional<vtime> out;
    int missed = 0;
    for (auto t = schedule.next(*since, zone); t && *t <= c_.now(); t = schedule.next(*t, zone)) {
      out = t;
      if (++missed == most_missed + 1) {
        event("Warning", "TooManyMissedTimes",
              "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check "
              "clock skew");
      }
    }
    return out;
  }

  void start(vtime due, const time_zone& zone) {
    auto policy = text_at(*cron_, {"spec", "concurrencyPolicy"}, "Allow");
    if (policy == "Forbid" && !at_path(status_, {"active"}).empty()) {
      event("Normal", "JobAlreadyActive",
            "Not starting job because prior execution is running and concurrency policy is Forbid");
      return;
    }
    if (policy == "Replace") {
      auto listed = at_path(status_, {"active"});
      for (const auto& ref : listed) {
        remove(object_key{text_at(ref, {"namespace"}), text_at(ref, {"name"})});
        unlist(text_at(ref, {"uid"}));
      }
    }
    auto job = make_job(due, zone);
    auto key = key_of(job);
    if (c_.objects().get(jobs_table, key)) return;
    auto complete = prepared(c_, jobs_table, std::move(job));
    if (auto ok = admit(c_, jobs_table, complete); !ok) {
      event("Warning", "FailedCreate",
            "Error creating job: jobs.batch \"" + key.name + "\" is forbidden: " + ok.why().what);
      retry_later(c_, actor, key_);
      return;
    }
    succeeded(c_, actor, key_);
    auto made = c_.put(jobs_table, std::move(complete));
    event("Normal", "SuccessfulCreate", "Created job " + key.name);
    auto ref = json::object();
    ref["apiVersion"] = "batch/v1";
    ref["kind"] = "Job";
    for (const char* field : {"name", "namespace", "uid", "resourceVersion"}) {
      ref[field] = text_at(*made, {"metadata", field});
    }
    status_["active"].push_back(std::move(ref));
    status_["lastScheduleTime"] = rfc3339(due);
  }

  /// getJobFromTemplate2: the name holds the scheduled minute, so that no time is served twice.
  json make_job(vtime due, const time_zone& zone) const {
    const auto& like = at_path(*cron_, {"spec", "jobTemplate"});
    auto seconds = std::chrono::floor<std::chrono::seconds>(due.time_since_epoch()).count();
    auto job = json::object();
    job["apiVersion"] = "batch/v1";
    job["kind"] = "Job";
    auto& meta = job["metadata"];
    meta["name"] = name_of(*cron_) + "-" + std::to_string(seconds / 60);
    meta["namespace"] = text_at(*cron_, {"metadata", "namespace"});
    for (const char* field : {"labels", "annotations"}) {
      const auto& value = at_path(like, {"metadata", field});
      if (!value.is_null() && !value.empty()) meta[field] = value;
    }
    meta["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] =
        local_time(due, zone.offset(seconds));
    meta["ownerReferences"] = json::array({owner_reference(*cron_)});
    job["spec"] = at_path(like, {"spec"});
    return job;
  }

  static std::string local_time(vtime t, std::int64_t offset) {
    auto text = rfc3339(t + std::chrono::seconds{offset});
    if (offset == 0) return text;
    auto minutes = std::abs(offset) / 60;
    auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    text.back() = offset < 0 ? '-' : '+';
    return text + two(minutes / 60) + ":" + two(minutes % 60);
  }

  void remove(const object_key& key) {
    delete_object(c_, jobs_table, key);
    event("Normal", "SuccessfulDelete", "Deleted job " + key.name);
  }

  void clean_up(const char* condition, const char* limit, std::int64_t otherwise) {
    std::vector<object> ended;
    for (const auto& job : jobs_) {
      if (has_true(*job, condition) && !is_deleting(*job)) ended.push_back(job);
    }
    std::stable_sort(ended.begin(), ended.end(), [](const auto& a, const auto& b) {
      return text_at(*a, {"status", "startTime"}) < text_at(*b, {"status", "startTime"});
    });
    auto keep = static_cast<std::size_t>(
        std::max<std::int64_t>(0, int_at(*cron_, {"spec", limit}, otherwise)));
    for (std::size_t i = 0; i + keep < ended.size(); ++i) remove(key_of(*ended[i]));
  }

  void write() {
    if (status_ == at_path(*cron_, {"status"})) return;
    auto now = *cron_;
    now["status"] = status_;
    c_.put(table, std::move(now));
  }

  cluster& c_;
  object cron_;
  std::string key_;
  json status_;
  std::vector<object> jobs_;
};

class cronjob_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == table) {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == jobs_table) {
      const auto& owner = controller_of(*seen.now);
      if (text_at(owner, {"kind"}) == "CronJob") {
        c.schedule(duration{0}, actor, seen.key.ns + "/" + text_at(owner, {"name"}));
      }
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto cron = c.objects().get(table, parse_key(key));
    if (cron) pass(c, cron, key).run();
  }
};

} // namespace

std::shared_ptr<const controller> make_cronjob_controller() {
  return std::make_shared<cronjob_controller>();
}

} // namespace remed::env
