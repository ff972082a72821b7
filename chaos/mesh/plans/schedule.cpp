// Schedule: an experiment or a workflow again and again.
#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/plans/plans.hpp"
#include "chaos/mesh/plans/timetable.hpp"
#include "chaos/mesh/recorder.hpp"
#include "environments/embedded/controllers/objects.hpp"

namespace remed::chaos::mesh {

namespace {

/// More missed runs than this mean that something is wrong.
constexpr int most_missed = 100;

struct runs {
  std::optional<vtime> missed, next;
};

/// The latest run that is due and was not made, and the next. What is older than the deadline is
/// not looked at; upstream's MissSchedule event, which comes after this, can therefore never be.
result<runs> runs_of(const json& schedule, vtime now) {
  auto table = timetable::parse(text_at(schedule, {"spec", "schedule"}));
  if (!table) return table.why();
  auto from = env::parse_time(text_at(schedule, {"status", "time"}));
  if (!from) from = env::parse_time(text_at(schedule, {"metadata", "creationTimestamp"}));
  const auto& deadline = at_path(schedule, {"spec", "startingDeadlineSeconds"});
  auto earliest = from.value_or(now);
  if (deadline.is_number()) {
    earliest = std::max(earliest, now - std::chrono::seconds{deadline.get<std::int64_t>()});
  }
  runs out;
  int count = 0;
  out.next = table->next(earliest);
  while (out.next && *out.next <= now) {
    out.missed = out.next;
    if (++count > most_missed) {
      return failure{errc::failed,
                     "too many missed start time (> 100). Set or decrease "
                     ".spec.startingDeadlineSeconds or check clock skew"};
    }
    out.next = table->next(*out.next);
  }
  return out;
}

std::vector<env::object> children_of(const env::cluster& c, const json& schedule) {
  const auto table = table_of_type(text_at(schedule, {"spec", "type"}));
  if (table.empty()) return {};
  return labelled(c, table, text_at(schedule, {"metadata", "namespace"}), label_managed_by,
                  text_at(schedule, {"metadata", "name"}));
}

bool is_over(const json& child, vtime now, std::optional<duration>* until_stop = nullptr) {
  if (text_at(child, {"kind"}) == "Workflow") return has_condition(child, "Accomplished");
  return is_finished(child, now, until_stop);
}

/// A pause of the schedule is a pause of what it made.
void spread_pause(env::cluster& c, const json& schedule) {
  const bool paused = is_paused(schedule);
  const auto table = table_of_type(text_at(schedule, {"spec", "type"}));
  for (const auto& child : children_of(c, schedule)) {
    if (is_paused(*child) == paused) continue;
    auto now = *child;
    if (paused)
      now["metadata"]["annotations"][pause_annotation] = "true";
    else
      now["metadata"]["annotations"].erase(pause_annotation);
    c.put(table, std::move(now));
  }
}

bool is_forbidden(env::cluster& c, const json& schedule) {
  if (text_at(schedule, {"spec", "concurrencyPolicy"}) == "Allow") return false;
  for (const auto& child : children_of(c, schedule)) {
    if (is_over(*child, c.now())) continue;
    const auto running = text_at(*child, {"metadata", "name"});
    say(c, schedule, "schedule-cron", "Warning", "Forbid",
        "Forbid spawning new job because: " + running + " is still running", "schedule-forbid",
        {{"running-name", running}});
    return true;
  }
  return false;
}

void run(env::cluster& c, const json& schedule) {
  auto child = spawn(at_path(schedule, {"spec"}), text_at(schedule, {"spec", "type"}));
  if (!child) {
    return say_failed(c, schedule, "schedule-cron", "generate new object", child.why().what);
  }
  auto& meta = child->obj["metadata"];
  const auto name = text_at(schedule, {"metadata", "name"});
  meta["name"] = name + "-" + c.random().name_suffix(5);
  meta["namespace"] = text_at(schedule, {"metadata", "namespace"});
  meta["labels"][label_managed_by] = name;
  meta["ownerReferences"] = json::array({env::owner_reference(schedule)});
  auto made = create(c, child->resource, std::move(child->obj));
  if (!made) return say_failed(c, schedule, "schedule-cron", "create new object", made.why().what);
  say(c, schedule, "schedule-cron", "Normal", "Spawned",
      "Create new object: " + text_at(**made, {"metadata", "name"}), "schedule-spawn",
      {{"name", text_at(**made, {"metadata", "name"})}});
  auto now = c.objects().get(schedules, env::key_of(schedule));
  if (!now) return;
  auto after = *now;
  after["status"]["time"] = rfc3339(c.now());
  write(c, schedules, std::move(after));
  say_updated(c, schedule, "schedule-cron", "lastScheduleTime");
}

json reference_to(const json& child) {
  auto out = json::object();
  for (const auto* field : {"apiVersion", "kind"}) out[field] = text_at(child, {field});
  for (const auto* field : {"namespace", "name", "uid", "resourceVersion"}) {
    out[field] = text_at(child, {"metadata", field});
  }
  return out;
}

} // namespace

std::optional<duration> reconcile_schedule(env::cluster& c, const object_key& key) {
  auto schedule = c.objects().get(schedules, key);
  if (!schedule || is_deleted(*schedule)) return std::nullopt;
  spread_pause(c, *schedule);
  if (is_paused(*schedule)) return std::nullopt;
  auto due = runs_of(*schedule, c.now());
  if (!due) {
    say_failed(c, *schedule, "schedule-cron", "get run time", due.why().what);
    return std::nullopt;
  }
  if (!due->missed) return due->next ? std::optional{*due->next - c.now()} : std::nullopt;
  if (!is_forbidden(c, *schedule)) run(c, *schedule);
  // What was forbidden is tried again when the running one is over, which changes this object.
  return std::nullopt;
}

std::optional<duration> collect_schedule(env::cluster& c, const object_key& key) {
  auto schedule = c.objects().get(schedules, key);
  if (!schedule || is_deleted(*schedule)) return std::nullopt;
  auto all = children_of(c, *schedule);
  auto active = json::array();
  for (const auto& child : all) {
    if (!is_deleted(*child)) active.push_back(reference_to(*child));
  }
  const auto names = [](const json& list) {
    auto out = json::array();
    for (const auto& one : list) out.push_back(text_at(one, {"name"}));
    return out;
  };
  auto after = *schedule;
  if (names(at_path(after, {"status", "active"})) != names(active)) {
    after["status"]["active"] = std::move(active);
    write(c, schedules, std::move(after));
    say_updated(c, *schedule, "schedule-active", "active");
  }
  const auto kept = static_cast<std::size_t>((*schedule)["spec"].value("historyLimit", 0));
  std::optional<duration> again;
  bool over = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::optional<duration> until_stop;
    const bool finished = is_over(*all[i], c.now(), &until_stop);
    over = over || finished;
    if (i + kept >= all.size()) break;
    if (finished) {
      env::delete_object(c, table_of_type(text_at(*schedule, {"spec", "type"})),
                         env::key_of(*all[i]));
    } else if (until_stop) {
      say(c, *schedule, "schedule-gc", "Warning", "Skip",
          "Skip removing history: " + text_at(*all[i], {"metadata", "name"}) + " is still running",
          "schedule-skip-remove-history",
          {{"running-name", text_at(*all[i], {"metadata", "name"})}});
      again = again ? std::min(*again, *until_stop) : *until_stop;
    }
  }
  // A run that was forbidden waits for this.
  if (over) reconcile_schedule(c, key);
  return again;
}

} // namespace remed::chaos::mesh
