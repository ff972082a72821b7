// Job: pods that are to end well, so many of them, so many at once.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/batch/job_status.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/controllers/pods.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "job-controller";
constexpr const char* table = "jobs.batch";
constexpr const char* tracking = "batch.kubernetes.io/job-tracking";
constexpr const char* index_key = "batch.kubernetes.io/job-completion-index";
constexpr duration first_backoff = std::chrono::seconds{10};
constexpr duration longest_backoff = std::chrono::minutes{10};

bool is_ended(const json& pod) {
  auto phase = text_at(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

/// One pass over one Job (Controller.syncJob).
class pass {
public:
  pass(cluster& c, object job, std::string key)
      : c_(c), job_(std::move(job)), key_(std::move(key)), status_(at_path(*job_, {"status"})) {
    if (!status_.is_object()) status_ = json::object();
  }

  void run() {
    if (job_is_finished(*job_)) {
      let_go();
      expire();
      return;
    }
    pods_ = claim(c_, "pods", *job_, at_path(*job_, {"spec", "selector"}));
    if (!suspended() && !status_.contains("startTime")) status_["startTime"] = rfc3339(c_.now());
    take_stock();
    judge();
    if (!is_deleting(*job_)) {
      if (verdict_)
        end_active();
      else
        manage();
    }
    finish();
    write();
  }

private:
  struct decision {
    bool complete = false;
    std::string reason, message;
  };

  std::int64_t spec_int(const char* field, std::int64_t otherwise) const {
    return int_at(*job_, {"spec", field}, otherwise);
  }
  std::optional<std::int64_t> completions() const {
    const auto& n = at_path(*job_, {"spec", "completions"});
    return n.is_number() ? std::optional(n.get<std::int64_t>()) : std::nullopt;
  }
  bool suspended() const { return at_path(*job_, {"spec", "suspend"}) == true; }
  bool indexed() const { return text_at(*job_, {"spec", "completionMode"}) == "Indexed"; }
  bool replaces_failed_only() const {
    return text_at(*job_, {"spec", "podReplacementPolicy"}) == "Failed";
  }

  void event(const char* type, const std::string& reason, const std::string& message) {
    c_.record_event(*job_, type, reason, message, std::string(actor));
  }

  /// Counts what ended since the last look, each pod once: its finalizer says it was not yet.
  void take_stock() {
    succeeded_ = int_at(status_, {"succeeded"});
    failed_ = int_at(status_, {"failed"});
    done_ = parse_indexes(text_at(status_, {"completedIndexes"}));
    std::vector<object> news;
    for (const auto& pod : pods_) {
      bool over = is_ended(*pod) || (is_deleting(*pod) && !replaces_failed_only());
      if (!over) {
        if (!is_deleting(*pod)) active_.push_back(pod);
        continue;
      }
      if (has_finalizer(*pod, tracking)) news.push_back(pod);
    }
    std::stable_sort(news.begin(), news.end(), [&](const auto& a, const auto& b) {
      return finish_time(*a, c_.now()) < finish_time(*b, c_.now());
    });
    for (const auto& pod : news) count(*pod);
    terminating_ = std::count_if(pods_.begin(), pods_.end(), [](const auto& pod) {
      return is_deleting(*pod) && !is_ended(*pod);
    });
  }

  void count(const json& pod) {
    auto& record = c_.memory(actor, key_);
    if (text_at(pod, {"status", "phase"}) == "Succeeded") {
      auto index = index_of(pod);
      if (!indexed())
        ++succeeded_;
      else if (index && done_.insert(*index).second)
        ++succeeded_;
      record = nullptr;
    } else {
      auto verdict = judge_failure(*job_, pod);
      if (verdict.what == failure_verdict::action::fail_job && policy_.empty()) {
        policy_ = verdict.message;
      }
      if (verdict.what != failure_verdict::action::ignore) {
        ++failed_;
        new_failure_ = true;
        if (!record.is_object()) record = json::object();
        record["failures"] = int_at(record, {"failures"}) + 1;
        record["last"] = rfc3339(finish_time(pod, c_.now()));
      }
    }
    drop_finalizer(c_, "pods", key_of(pod), tracking);
  }

  /// Has it come to an end?
  void judge() {
    const auto& target = condition_of(*job_, "FailureTarget");
    if (text_at(target, {"status"}) == "True") {
      verdict_ = decision{false, text_at(target, {"reason"}), text_at(target, {"message"})};
    } else if (has_true(*job_, "SuccessCriteriaMet")) {
      verdict_ = decision{true, "CompletionsReached", "Reached expected number of succeeded pods"};
    } else if (!policy_.empty()) {
      verdict_ = decision{false, "PodFailurePolicy", policy_};
    } else if ((new_failure_ && failed_ > spec_int("backoffLimit", 6)) || restarted_too_often()) {
      verdict_ =
          decision{false, "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
    } else if (past_deadline()) {
      verdict_ =
          decision{false, "DeadlineExceeded", "Job was active longer than specified deadline"};
    } else if (is_complete()) {
      verdict_ = decision{true, "CompletionsReached", "Reached expected number of succeeded pods"};
    }
  }

  bool is_complete() const {
    auto n = completions();
    if (!n) return succeeded_ > 0 && active_.empty();
    return succeeded_ >= *n && !suspended();
  }

  /// With restartPolicy OnFailure the containers' restarts count, not the pods.
  bool restarted_too_often() const {
    if (text_at(*job_, {"spec", "template", "spec", "restartPolicy"}) != "OnFailure") return false;
    std::int64_t restarts = 0;
    for (const auto& pod : active_) {
      for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
        for (const auto& one : at_path(*pod, {"status", list})) {
          restarts += int_at(one, {"restartCount"});
        }
      }
    }
    auto limit = spec_int("backoffLimit", 6);
    return limit == 0 ? restarts > 0 : restarts >= limit;
  }

  bool past_deadline() {
    const auto& limit = at_path(*job_, {"spec", "activeDeadlineSeconds"});
    auto start = parse_time(text_at(status_, {"startTime"}));
    if (!limit.is_number() || !start || suspended()) return false;
    auto end = *start + std::chrono::seconds{limit.get<std::int64_t>()};
    if (c_.now() >= end) return true;
    c_.schedule(end - c_.now(), actor, key_);
    return false;
  }

  void remove(const json& pod, bool counts) {
    if (!counts) drop_finalizer(c_, "pods", key_of(pod), tracking);
    delete_pod(c_, *job_, key_of(pod), actor);
  }

  /// The job is decided: what still runs ends, and counts as failed.
  void end_active() {
    for (const auto& pod : active_) {
      remove(*pod, true);
      if (!verdict_->complete) ++failed_;
      drop_finalizer(c_, "pods", key_of(*pod), tracking);
      ++terminating_;
    }
    active_.clear();
  }

  void manage() {
    bool was = has_true(*job_, "Suspended");
    if (suspended()) {
      for (const auto& pod : active_) remove(*pod, false);
      active_.clear();
      if (set_job_condition(status_, "Suspended", true, "JobSuspended", "Job suspended", c_.now()))
        event("Normal", "Suspended", "Job suspended");
      status_.erase("startTime");
      return;
    }
    if (was) {
      set_job_condition(status_, "Suspended", false, "JobResumed", "Job resumed", c_.now());
      event("Normal", "Resumed", "Job resumed");
      status_["startTime"] = rfc3339(c_.now());
    }
    auto have = static_cast<std::int64_t>(active_.size());
    auto want = wanted_active(have);
    if (have > want)
      shrink(static_cast<std::size_t>(have - want));
    else if (have < want)
      grow(want - have);
  }

  std::int64_t wanted_active(std::int64_t have) const {
    auto parallel = spec_int("parallelism", 1);
    auto n = completions();
    if (!n) return succeeded_ > 0 ? std::min(have, parallel) : parallel;
    return std::max<std::int64_t>(0, std::min(parallel, *n - succeeded_));
  }

  void shrink(std::size_t n) {
    sort_for_deletion(active_, {}, c_.now());
    for (std::size_t i = 0; i < n; ++i) remove(*active_[i], false);
    active_.erase(active_.begin(), active_.begin() + static_cast<std::ptrdiff_t>(n));
  }

  /// After failures the next attempt waits: 10 s, 20 s, 40 s … up to 10 minutes.
  bool backing_off() {
    const auto& record = c_.memory(actor, key_);
    auto last = parse_time(text_at(record, {"last"}));
    if (!last) return false;
    auto n = std::min<std::int64_t>(int_at(record, {"failures"}), 10);
    auto until = *last + std::min(first_backoff * (std::int64_t{1} << (n - 1)), longest_backoff);
    if (c_.now() >= until) return false;
    c_.schedule(until - c_.now(), actor, key_);
    return true;
  }

  void grow(std::int64_t n) {
    if (replaces_failed_only()) n -= terminating_;
    if (n <= 0 || backing_off()) return;
    auto free = indexed() ? free_indexes(n) : std::vector<std::int64_t>{};
    for (std::int64_t i = 0; i < n; ++i) {
      if (indexed() && i >= static_cast<std::int64_t>(free.size())) return;
      auto draft = indexed() ? indexed_pod(free[static_cast<std::size_t>(i)]) : plain_pod();
      auto pod = create_pod(c_, *job_, std::move(draft), actor);
      if (!pod) {
        retry_later(c_, actor, key_);
        return;
      }
      active_.push_back(pod);
    }
    succeeded(c_, actor, key_);
  }

  std::vector<std::int64_t> free_indexes(std::int64_t n) const {
    std::set<std::int64_t> taken = done_;
    for (const auto& pod : active_) {
      if (auto index = index_of(*pod)) taken.insert(*index);
    }
    std::vector<std::int64_t> out;
    for (std::int64_t i = 0; i < completions().value_or(0); ++i) {
      if (static_cast<std::int64_t>(out.size()) == n) break;
      if (!taken.count(i)) out.push_back(i);
    }
    return out;
  }

  json plain_pod() const {
    auto pod = pod_draft(*job_, at_path(*job_, {"spec", "template"}));
    auto& all = pod["metadata"]["finalizers"];
    if (!all.is_array()) all = json::array();
    all.push_back(tracking);
    return pod;
  }

  json indexed_pod(std::int64_t index) const {
    auto pod = plain_pod();
    auto text = std::to_string(index);
    auto base = text_at(*job_, {"metadata", "name"}) + "-" + text;
    pod["metadata"]["generateName"] = base + "-";
    pod["metadata"]["annotations"][index_key] = text;
    pod["metadata"]["labels"][index_key] = text;
    pod["spec"]["hostname"] = base;
    auto var = json::object();
    var["name"] = "JOB_COMPLETION_INDEX";
    var["valueFrom"]["fieldRef"]["fieldPath"] = "metadata.labels['" + std::string(index_key) + "']";
    for (const char* list : {"initContainers", "containers"}) {
      if (!pod["spec"].contains(list)) continue;
      for (auto& container : pod["spec"][list]) container["env"].push_back(var);
    }
    return pod;
  }

  /// The last word is said when the last pod is gone; until then only what is aimed at.
  void finish() {
    if (!verdict_) return;
    const char* target = verdict_->complete ? "SuccessCriteriaMet" : "FailureTarget";
    set_job_condition(status_, target, true, verdict_->reason, verdict_->message, c_.now());
    if (terminating_ > 0) return;
    set_job_condition(status_, verdict_->complete ? "Complete" : "Failed", true, verdict_->reason,
                      verdict_->message, c_.now());
    if (verdict_->complete) {
      status_["completionTime"] = rfc3339(c_.now());
      event("Normal", "Completed", "Job completed");
    } else {
      event("Warning", verdict_->reason, verdict_->message);
    }
    c_.forget(actor, key_);
  }

  void write() {
    auto ready = std::count_if(active_.begin(), active_.end(),
                               [](const auto& pod) { return pod_is_ready(*pod); });
    auto set_or_drop = [&](const char* field, std::int64_t n) {
      if (n)
        status_[field] = n;
      else
        status_.erase(field);
    };
    set_or_drop("active", static_cast<std::int64_t>(active_.size()));
    set_or_drop("succeeded", succeeded_);
    set_or_drop("failed", failed_);
    status_["ready"] = ready;
    status_["terminating"] = terminating_;
    status_["uncountedTerminatedPods"] = json::object();
    if (indexed() && !done_.empty()) status_["completedIndexes"] = index_text(done_);
    if (status_ == at_path(*job_, {"status"})) return;
    auto now = *job_;
    now["status"] = status_;
    c_.put(table, std::move(now));
  }

  /// Nothing is counted any more.
  void let_go() {
    for (const auto& pod : owned(c_, "pods", *job_)) {
      drop_finalizer(c_, "pods", key_of(*pod), tracking);
    }
  }

  void expire() {
    const auto& ttl = at_path(*job_, {"spec", "ttlSecondsAfterFinished"});
    if (!ttl.is_number() || is_deleting(*job_)) return;
    const auto& how = condition_of(*job_, has_true(*job_, "Complete") ? "Complete" : "Failed");
    auto since = parse_time(text_at(how, {"lastTransitionTime"}));
    if (!since) return;
    auto end = *since + std::chrono::seconds{ttl.get<std::int64_t>()};
    if (c_.now() < end) {
      c_.schedule(end - c_.now(), actor, key_);
      return;
    }
    auto now = *job_;
    now["metadata"]["finalizers"].push_back("foregroundDeletion");
    c_.put(table, std::move(now));
    delete_object(c_, table, parse_key(key_));
  }

  cluster& c_;
  object job_;
  std::string key_;
  json status_;
  std::vector<object> pods_, active_;
  std::set<std::int64_t> done_;
  std::int64_t succeeded_ = 0, failed_ = 0, terminating_ = 0;
  bool new_failure_ = false;
  std::string policy_;
  std::optional<decision> verdict_;
};

class job_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == table) {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      notify_owners(c, seen, actor, "Job", table);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto id = parse_key(key);
    if (auto job = c.objects().get(table, id)) {
      pass(c, job, key).run();
      return;
    }
    c.forget(actor, key);
    // Pods of a job that is gone are not kept back for counting.
    for (const auto& pod : c.objects().list("pods", id.ns)) {
      const auto& owner = controller_of(*pod);
      if (text_at(owner, {"kind"}) == "Job" && text_at(owner, {"name"}) == id.name) {
        drop_finalizer(c, "pods", key_of(*pod), tracking);
      }
    }
  }
};

} // namespace

std::shared_ptr<const controller> make_job_controller() {
  return std::make_shared<job_controller>();
}

} // namespace remed::env
