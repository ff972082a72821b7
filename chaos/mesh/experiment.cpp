#include "chaos/mesh/experiment.hpp"

#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/sameness.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

/// One pass over one experiment. Steps read the object anew: an earlier one may have changed it.
class pass {
public:
  pass(env::cluster& c, const kind_info& kind, object_key key, const action& how)
      : c_(c), kind_(kind), key_(std::move(key)), how_(how) {}

  std::optional<duration> run() {
    init_finalizers();
    auto again = set_desired_phase();
    set_conditions();
    const auto retry = run_records();
    // Also after a failure: an object may be let go by force.
    clean_finalizers();
    return retry ? retry : again;
  }

private:
  env::object load() const { return c_.objects().get(kind_.resource, key_); }
  void store(json cr) { write(c_, kind_.resource, std::move(cr)); }

  void init_finalizers() {
    auto cr = load();
    if (!cr || is_deleted(*cr)) return;
    const auto& there = at_path(*cr, {"metadata", "finalizers"});
    if (std::find(there.begin(), there.end(), records_finalizer) != there.end()) return;
    say(c_, *cr, "initFinalizers", "Normal", "FinalizerInited", "Finalizer has been inited",
        "finalizer-inited");
    auto now = *cr;
    auto& all = now["metadata"]["finalizers"];
    if (all.is_null()) all = json::array();
    all.push_back(records_finalizer);
    store(std::move(now));
    say_updated(c_, *cr, "initFinalizers", "finalizer");
  }

  std::optional<duration> set_desired_phase() {
    auto cr = load();
    if (!cr) return std::nullopt;
    auto wanted = desired_phase(*cr, c_.now());
    if (text_at(*cr, {"status", "experiment", "desiredPhase"}) == wanted.phase) {
      return wanted.until_stop;
    }
    if (!wanted.reason.empty()) {
      say(c_, *cr, "desiredphase", "Normal", wanted.reason, wanted.message, kebab(wanted.reason));
    }
    auto now = *cr;
    now["status"]["experiment"]["desiredPhase"] = wanted.phase;
    store(std::move(now));
    say_updated(c_, *cr, "desiredphase", "desiredPhase");
    return wanted.until_stop;
  }

  void set_conditions() {
    auto cr = load();
    if (!cr) return;
    auto wanted = conditions_of(*cr);
    if (at_path(*cr, {"status", "conditions"}) == wanted) return;
    auto now = *cr;
    now["status"]["conditions"] = std::move(wanted);
    store(std::move(now));
  }

  std::optional<duration> run_records() {
    auto found = load();
    if (!found) return std::nullopt;
    const auto wanted = text_at(*found, {"status", "experiment", "desiredPhase"});
    const auto& were = at_path(*found, {"status", "experiment", "containerRecords"});
    if (!were.is_null() && none_needs(wanted, were)) return std::nullopt;
    auto cr = *found;
    auto records = were;
    bool changed = false;
    if (records.is_null()) {
      auto chosen = make_records(c_.objects(), kind_, cr, c_.random());
      if (!chosen) {
        // Nobody tries again until the object changes.
        say_failed(c_, cr, "records", "select targets", chosen.why().what);
        return std::nullopt;
      }
      records = std::move(*chosen);
      changed = true;
      // Actions look at the records of the other side.
      cr["status"]["experiment"]["containerRecords"] = records;
    }
    std::optional<duration> retry;
    for (auto& record : records) {
      const auto phase = text_at(record, {"phase"});
      const auto operation = operation_for(wanted, phase);
      if (operation.empty()) continue;
      const bool apply = operation == "apply";
      auto done = apply ? how_.apply(c_, cr, record) : how_.recover(c_, cr, record);
      record["phase"] = done.phase;
      changed = changed || done.phase != phase || !done.error.empty();
      if (!done.error.empty()) {
        note(record, "Failed", apply, done.error);
        say_failed(c_, cr, "records", operation + " chaos", done.error);
        const auto delay = retry_delay(failures(record));
        retry = retry ? std::min(*retry, delay) : delay;
        continue;
      }
      if (done.phase == (apply ? injected : not_injected)) succeed(cr, record, apply);
    }
    if (!changed) return retry;
    // An action may have written to other objects meanwhile, but to no other part of this one.
    cr["status"]["experiment"]["containerRecords"] = std::move(records);
    store(std::move(cr));
    say_updated(c_, *found, "records", "records");
    return retry;
  }

  static bool none_needs(const std::string& wanted, const json& records) {
    return std::all_of(records.begin(), records.end(), [&](const json& record) {
      return operation_for(wanted, text_at(record, {"phase"})).empty();
    });
  }

  void succeed(const json& cr, json& record, bool apply) {
    const auto* counter = apply ? "injectedCount" : "recoveredCount";
    record[counter] = record.value(counter, 0) + 1;
    note(record, "Succeeded", apply, {});
    const auto id = text_at(record, {"id"});
    if (apply) {
      say(c_, cr, "records", "Normal", "Applied", "Successfully apply chaos for " + id, "applied",
          {{"id", id}});
    } else {
      say(c_, cr, "records", "Normal", "Recovered", "Successfully recover chaos for " + id,
          "recovered", {{"id", id}});
    }
  }

  void note(json& record, const char* type, bool apply, const std::string& message) const {
    auto& events = record["events"];
    if (events.is_null()) events = json::array();
    if (events.size() >= max_record_events) events.erase(events.begin());
    auto event = json::object();
    event["type"] = type;
    event["operation"] = apply ? "Apply" : "Recover";
    if (!message.empty()) event["message"] = message;
    event["timestamp"] = rfc3339(c_.now());
    events.push_back(std::move(event));
  }

  static std::size_t failures(const json& record) {
    std::size_t n = 0;
    const auto& events = at_path(record, {"events"});
    for (auto e = events.rbegin(); e != events.rend() && (*e)["type"] == "Failed"; ++e) ++n;
    return n;
  }

  void clean_finalizers() {
    auto cr = load();
    if (!cr || !is_deleted(*cr)) return;
    bool resumed = true;
    for (const auto& record : at_path(*cr, {"status", "experiment", "containerRecords"})) {
      resumed = resumed && text_at(record, {"phase"}) == not_injected;
    }
    const bool forced = text_at(*cr, {"metadata", "annotations", clean_annotation}) == "forced";
    if (!forced && !resumed) return;
    // The upstream reason of this event is a slip that users have come to know.
    say(c_, *cr, "initFinalizers", "Normal", "FinalizerInited", "Finalizer has been removed",
        "finalizer-removed");
    say_updated(c_, *cr, "initFinalizers", "finalizer");
    c_.erase(kind_.resource, key_);
  }

  env::cluster& c_;
  const kind_info& kind_;
  object_key key_;
  const action& how_;
};

json condition(const char* type, bool holds) {
  auto out = json::object();
  out["type"] = type;
  out["status"] = holds ? "True" : "False";
  return out;
}

} // namespace

std::optional<duration> reconcile(env::cluster& c, const kind_info& kind, const object_key& key,
                                  const action& how) {
  return pass(c, kind, key, how).run();
}

desired desired_phase(const json& cr, vtime now) {
  if (is_deleted(cr)) return {"Stop", "Deleted", "Experiment has been deleted", {}};
  if (is_one_shot(cr)) return {"Run", {}, {}, {}};
  desired out;
  const auto text = text_at(cr, {"spec", "duration"});
  auto lasts = text.empty() ? result<duration>(failure{}) : parse_duration(text);
  auto created = env::parse_time(text_at(cr, {"metadata", "creationTimestamp"}));
  if (lasts && created) {
    const auto stop = *created + *lasts;
    if (stop < now) return {"Stop", "TimeUp", "Time up according to the duration", {}};
    out.until_stop = stop - now + std::chrono::microseconds{1};
  }
  out.phase = is_paused(cr) ? "Stop" : "Run";
  out.reason = is_paused(cr) ? "Paused" : "Started";
  out.message = is_paused(cr) ? "Experiment has been paused" : "Experiment has started";
  return out;
}

json conditions_of(const json& cr) {
  const auto& records = at_path(cr, {"status", "experiment", "containerRecords"});
  const bool selected = !records.is_null();
  bool all_in = selected, all_out = selected;
  for (const auto& record : records) {
    all_in = all_in && text_at(record, {"phase"}) == injected;
    all_out = all_out && text_at(record, {"phase"}) == not_injected;
  }
  return json::array({condition("Selected", selected), condition("AllInjected", all_in),
                      condition("AllRecovered", all_out), condition("Paused", is_paused(cr))});
}

std::string operation_for(const std::string& desired, const std::string& phase) {
  const bool outside = phase.rfind(not_injected, 0) == 0;
  if (desired == "Run" && phase != injected) return outside ? "apply" : "recover";
  // Each step follows the cycle: what is half injected is injected first, then recovered.
  if (desired == "Stop" && phase != not_injected) return outside ? "apply" : "recover";
  return {};
}

duration retry_delay(std::size_t failures) {
  constexpr duration first = std::chrono::milliseconds{5}, most = std::chrono::seconds{1000};
  const auto doublings = failures == 0 ? 0 : std::min<std::size_t>(failures - 1, 30);
  return std::min<duration>(most, first * (1LL << doublings));
}

bool only_record_events(const json& before, const json& now) {
  const auto both = [&](std::initializer_list<std::string_view> path,
                        std::initializer_list<std::string_view> but) {
    return env::same_but(at_path(before, path), at_path(now, path), but);
  };
  const auto& left = at_path(before, {"status", "experiment", "containerRecords"});
  const auto& right = at_path(now, {"status", "experiment", "containerRecords"});
  const bool same_records =
      left.is_array() && right.is_array()
          ? std::equal(left.begin(), left.end(), right.begin(), right.end(),
                       [](const json& a, const json& b) { return env::same_but(a, b, {"events"}); })
          : left == right;
  return same_records && both({}, {"metadata", "status"}) &&
         both({"metadata"}, {"resourceVersion", "generation", "managedFields"}) &&
         both({"status"}, {"experiment"}) && both({"status", "experiment"}, {"containerRecords"});
}

} // namespace remed::chaos::mesh
