// HorizontalPodAutoscaler: as many replicas as the metrics ask for. Looks every 15 s while there is
// one.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/autoscaler/replica_calculator.hpp"
#include "environments/embedded/controllers/autoscaler/scaling_rules.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/controllers/ownership.hpp"

#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "horizontal-pod-autoscaler";
constexpr const char* table = "horizontalpodautoscalers.autoscaling";
constexpr duration period = std::chrono::seconds{15};

/// One look at one autoscaler (HorizontalController.reconcileAutoscaler).
class pass {
public:
  pass(cluster& c, object hpa, std::string key)
      : c_(c), hpa_(std::move(hpa)), key_(std::move(key)), status_(at_path(*hpa_, {"status"})) {
    if (!status_.is_object()) status_ = json::object();
    id_ = parse_key(key_);
  }

  void run() {
    if (find_target()) decide();
    status_["observedGeneration"] = int_at(*hpa_, {"metadata", "generation"}, 1);
    if (status_ == at_path(*hpa_, {"status"})) return;
    auto now = *hpa_;
    now["status"] = status_;
    c_.put(table, std::move(now));
  }

private:
  void event(const char* type, const std::string& reason, const std::string& message) {
    c_.record_event(*hpa_, type, reason, message, std::string(actor));
  }

  void set_condition(const char* type, bool value, const std::string& reason,
                     const std::string& message) {
    env::set_condition(status_, type, value, reason, message, c_.now());
  }
  void set_condition(const char* type, const condition_text& c) {
    set_condition(type, c.status, c.reason, c.message);
  }

  bool find_target() {
    static const std::map<std::string, std::string> tables{
        {"Deployment", "deployments.apps"},
        {"ReplicaSet", "replicasets.apps"},
        {"StatefulSet", "statefulsets.apps"},
        {"ReplicationController", "replicationcontrollers"}};
    const auto& ref = at_path(*hpa_, {"spec", "scaleTargetRef"});
    auto kind = text_at(ref, {"kind"}), name = text_at(ref, {"name"});
    auto known = tables.find(kind);
    std::string why;
    if (known == tables.end()) {
      auto version = text_at(ref, {"apiVersion"});
      why = "no matches for kind \"" + kind + "\" in group \"" +
            version.substr(0, version.find('/') == std::string::npos ? 0 : version.find('/')) +
            "\"";
    } else {
      table_ = known->second;
      target_ = c_.objects().get(table_, {id_.ns, name});
      if (!target_) why = table_ + " \"" + name + "\" not found";
    }
    if (target_) {
      set_condition("AbleToScale", true, "SucceededGetScale",
                    "the HPA controller was able to get the target's current scale");
      return true;
    }
    event("Warning", "FailedGetScale", why);
    set_condition("AbleToScale", false, "FailedGetScale",
                  "the HPA controller was unable to get the target's current scale: " + why);
    return false;
  }

  void decide() {
    auto current = int_at(*target_, {"spec", "replicas"}, 1);
    auto least = int_at(*hpa_, {"spec", "minReplicas"}, 1);
    auto most = int_at(*hpa_, {"spec", "maxReplicas"}, 1);
    status_["currentReplicas"] = int_at(*target_, {"status", "replicas"});
    if (current == 0 && least != 0) {
      set_condition("ScalingActive", false, "ScalingDisabled",
                    "scaling is disabled since the replica count of the target is zero");
      status_["desiredReplicas"] = 0;
    } else if (current > most) {
      rescale(current, most, "Current number of replicas above Spec.MaxReplicas");
    } else if (current < least) {
      rescale(current, least, "Current number of replicas below Spec.MinReplicas");
    } else {
      follow_metrics(current);
    }
  }

  void follow_metrics(std::int64_t current) {
    replica_proposal best;
    auto statuses = json::array();
    std::size_t bad = 0, all = 0;
    std::string first_error, first_reason, first_name;
    for (const auto& metric : at_path(*hpa_, {"spec", "metrics"})) {
      ++all;
      auto proposal = propose_replicas(c_, metric, id_.ns, selector_of(*target_), current);
      if (!proposal) {
        event("Warning", metric_failure_reason(metric), proposal.why().what);
        if (bad++ == 0) {
          first_error = proposal.why().what;
          first_reason = metric_failure_reason(metric);
          first_name = error_prefix(metric);
        }
        continue;
      }
      statuses.push_back(proposal->status);
      if (best.name.empty() || proposal->replicas > best.replicas) best = std::move(*proposal);
    }
    // A metric that cannot be had never makes it scale down.
    if (best.name.empty() || (bad > 0 && best.replicas < current)) {
      set_condition("ScalingActive", false, first_reason,
                    "the HPA was unable to compute the replica count: " + first_error);
      event("Warning", "FailedComputeMetricsReplicas",
            "invalid metrics (" + std::to_string(bad) + " invalid out of " + std::to_string(all) +
                "), first error is: " + first_name + first_error);
      return;
    }
    status_["currentMetrics"] = std::move(statuses);
    set_condition("ScalingActive", true, "ValidMetricFound",
                  "the HPA was able to successfully calculate a replica count from " + best.name);
    auto decision = bounded(*hpa_, c_.memory(actor, key_), current, best.replicas, c_.now());
    set_condition("AbleToScale", decision.able);
    set_condition("ScalingLimited", decision.limited);
    if (decision.replicas == current) {
      status_["desiredReplicas"] = current;
      return;
    }
    rescale(current, decision.replicas,
            decision.replicas > current ? best.name + " above target" : "All metrics below target");
  }

  static std::string error_prefix(const json& metric) {
    auto type = text_at(metric, {"type"});
    if (type == "Resource")
      return "failed to get " + text_at(metric, {"resource", "name"}) + " resource metric value: ";
    if (type == "ContainerResource")
      return "failed to get " + text_at(metric, {"containerResource", "name"}) +
             " container metric value: ";
    return "failed to get " +
           std::string(type == "External" ? "external"
                       : type == "Object" ? "object"
                                          : "pods") +
           " metric value: ";
  }

  void rescale(std::int64_t from, std::int64_t to, const std::string& why) {
    auto now = *target_;
    now["spec"]["replicas"] = to;
    now["metadata"]["generation"] = int_at(now, {"metadata", "generation"}, 1) + 1;
    c_.put(table_, std::move(now));
    set_condition(
        "AbleToScale", true, "SucceededRescale",
        "the HPA controller was able to update the target scale to " + std::to_string(to));
    event("Normal", "SuccessfulRescale", "New size: " + std::to_string(to) + "; reason: " + why);
    note_scaling(c_.memory(actor, key_), from, to, c_.now());
    status_["desiredReplicas"] = to;
    status_["lastScaleTime"] = rfc3339(c_.now());
  }

  cluster& c_;
  object hpa_, target_;
  std::string key_, table_;
  object_key id_;
  json status_;
};

class autoscaler final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource != table) return;
    if (seen.what == change::type::deleted)
      c.forget(actor, key_text(seen.key));
    else
      c.schedule(period, actor, key_text(seen.key));
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto hpa = c.objects().get(table, parse_key(key));
    if (!hpa || is_deleting(*hpa)) return;
    pass(c, hpa, key).run();
    c.schedule(period, actor, key);
  }
};

} // namespace

std::shared_ptr<const controller> make_autoscaler() {
  return std::make_shared<autoscaler>();
}

} // namespace remed::env
