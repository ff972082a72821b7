// What a Job knows of its pods: how they ended and what that means for it.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

#include <optional>
#include <set>

namespace remed::env {

/// Indexes as Kubernetes writes them: "0-2,5,7-9".
std::string index_text(const std::set<std::int64_t>& indexes);
std::set<std::int64_t> parse_indexes(const std::string& text);
/// batch.kubernetes.io/job-completion-index of a pod; none: it has none.
std::optional<std::int64_t> index_of(const json& pod);

/// What spec.podFailurePolicy says about a failed pod.
struct failure_verdict {
  enum class action { count, ignore, fail_job } what = action::count;
  std::string message; ///< of fail_job
};
failure_verdict judge_failure(const json& job, const json& pod);

/// When a pod ended: the latest end of its containers, else its deletion, else `otherwise`.
vtime finish_time(const json& pod, vtime otherwise);

/// Complete, Failed, … is True.
bool has_true(const json& job, const std::string& type);
bool job_is_finished(const json& job);
/// Sets a condition of the job; one with the same status and reason stays as it is. True: changed.
bool set_job_condition(json& status, const std::string& type, bool value, const std::string& reason,
                       const std::string& message, vtime now);

} // namespace remed::env
