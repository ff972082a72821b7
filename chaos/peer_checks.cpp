#include "chaos/peer_checks.hpp"

#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/quantity.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace remed::chaos {

namespace {

using namespace std::chrono_literals;

constexpr duration settle = 10s; // WAIT_REME_TIME
constexpr duration start_limit = 300s, start_poll = 10s;
constexpr duration long_limit = 300s, short_limit = 10s, poll = 2s;
constexpr duration ping_round = 2s; // three packets, a second apart
constexpr duration lost_round = 4s; // … and the wait for one that never comes back
constexpr double most_share = 0.5;  // of a limit
constexpr double most_latency_ms = 1000;
constexpr int packets = 3, writes = 10;
constexpr double most_write_ms = 1000.0 / writes; // 10 MiB at 10 MB/s
constexpr const char* disk_path = "/var/log/mysql";

enum class check { cpu, memory, pods, network, disk };

std::vector<check> checks_for(const std::string& fault) {
  static const std::map<std::string, std::vector<check>> all = {
      {"cpu-stress", {check::cpu}},
      {"memory-stress", {check::memory}},
      {"pod-fail", {check::pods}},
      {"network-loss", {check::network}},
      {"network-delay", {check::network}},
      {"disk-io", {check::disk}},
      {"pod-config-error", {check::cpu, check::memory}}};
  const auto known = all.find(fault);
  return known == all.end() ? std::vector<check>{} : known->second;
}

duration limit_of(check c) {
  return c == check::cpu || c == check::pods ? long_limit : short_limit;
}

std::string name_of(const json& object) {
  return env::text_at(object, {"metadata", "name"});
}

bool is_sidecar(const std::string& container) {
  return container.find("sidecar") != std::string::npos ||
         container.find("busybox") != std::string::npos;
}

std::vector<env::object> labelled(const env::observation& seen, const std::string& app) {
  std::vector<env::object> out;
  for (const auto& pod : seen.objects.of("pods")) {
    if (env::text_at(*pod, {"metadata", "labels", "app"}) == app) out.push_back(pod);
  }
  return out;
}

/// Running, not terminating, and no Ready condition that is not True.
bool running_and_ready(const json& pod) {
  if (is_terminating(pod) || env::text_at(pod, {"status", "phase"}) != "Running") return false;
  for (const auto& condition : env::at_path(pod, {"status", "conditions"})) {
    if (condition.value("type", "") == "Ready" && condition.value("status", "") != "True") {
      return false;
    }
  }
  return true;
}

bool all_ready(const std::vector<env::object>& pods) {
  return !pods.empty() && std::all_of(pods.begin(), pods.end(),
                                      [](const auto& pod) { return running_and_ready(*pod); });
}

struct look_result {
  bool passed = false;
  std::string detail;
};

/// As `kubectl top --containers` prints them: whole millicores, whole mebibytes.
double as_printed(const json& usage, const char* resource) {
  const auto used = env::parse_quantity(usage.value(resource, "")).value_or(0);
  const double unit = std::string_view(resource) == "cpu" ? 1e-3 : 1048576.0;
  return std::ceil(used / unit) * unit;
}

/// One row of `kubectl top` after the other, against the limits of the pods in `known`.
look_result below_limits(const env::observation& seen, const std::vector<env::object>& known,
                         const std::string& app, const char* resource) {
  std::set<std::string> names;
  for (const auto& pod : labelled(seen, app)) names.insert(name_of(*pod));
  look_result out{true, ""};
  std::size_t rows = 0;
  for (const auto& item : seen.pod_metrics) {
    const auto pod_name = name_of(item);
    if (!names.contains(pod_name)) continue;
    ++rows;
    const auto pod = std::find_if(known.begin(), known.end(),
                                  [&](const auto& p) { return name_of(*p) == pod_name; });
    if (pod == known.end()) continue;
    for (const auto& c : item.value("containers", json::array())) {
      const auto name = c.value("name", "");
      const auto& container = container_named(containers_of(**pod), name);
      if (is_sidecar(name) || !container.is_object()) continue;
      const auto limit = resource_of(container, "limits", resource);
      if (!limit || *limit <= 0) continue;
      const double share = as_printed(c["usage"], resource) / *limit;
      if (share < most_share) continue;
      out = {false, pod_name + "/" + name + " at " + std::to_string(std::lround(share * 100)) +
                        " % of its " + resource + " limit"};
    }
  }
  if (rows == 0) return {false, "no metrics"};
  if (out.passed) out.detail = std::string(resource) + " below half of every limit looked at";
  return out;
}

/// Every container with a limit has metrics: the check of memory asks for them one by one.
bool has_metrics(const env::observation& seen, const json& pod) {
  return std::any_of(seen.pod_metrics.begin(), seen.pod_metrics.end(),
                     [&](const json& item) { return name_of(item) == name_of(pod); });
}

} // namespace

struct peer_verification::state : std::enable_shared_from_this<state> {
  state(const judge& by, std::function<void(duration)> waits,
        std::function<void(result<peer_verdict>)> ends)
      : judge_(&by),
        left(checks_for(by.about().what.id)),
        wait(std::move(waits)),
        done(std::move(ends)) {}

  const std::string& target() const { return judge_->about().where.target; }
  env::environment& where() const { return judge_->where(); }

  void begin() {
    if (left.empty()) return finish(peer_verdict{});
    wait(settle);
  }

  void resume() {
    if (over) return;
    env::look at;
    at.window_from = where().now();
    at.audit_from = judge_->audit_from();
    where().observe(at, [self = shared_from_this()](result<env::observation> seen) {
      if (self->over) return;
      if (!seen) return self->finish(seen.why());
      self->look(*seen);
    });
  }

  void look(const env::observation& seen) {
    const auto now = where().now();
    if (!began) began = now;
    if (!checking) {
      // The check of pods is that wait itself, with metrics at the end.
      const auto pods = labelled(seen, target());
      const bool ready = left.front() == check::pods || all_ready(pods);
      if (!ready && now - *began < start_limit) return wait(start_poll);
      checking = true;
      began = now;
      known = pods;
    }
    make(seen);
  }

  void make(const env::observation& seen) {
    const auto pods = labelled(seen, target());
    switch (left.front()) {
      case check::cpu:
        return judge_look(below_limits(seen, known, target(), "cpu"), poll);
      case check::memory: {
        auto found = below_limits(seen, pods, target(), "memory");
        for (const auto& pod : pods) {
          if (!has_metrics(seen, *pod)) found = {false, "no metrics of " + name_of(*pod)};
        }
        return judge_look(found, poll);
      }
      case check::pods: {
        const bool top = std::any_of(pods.begin(), pods.end(),
                                     [&](const auto& pod) { return has_metrics(seen, *pod); });
        return judge_look(
            {all_ready(pods) && top, all_ready(pods) ? top ? "all pods are Ready" : "no metrics"
                                                     : "not all pods are Ready"},
            start_poll);
      }
      case check::network:
        return ping();
      case check::disk:
        return write();
    }
  }

  void ping() {
    where().probe_network(
        target(), packets, [self = shared_from_this()](result<env::environment::transactions> r) {
          if (self->over) return;
          const bool lost = !r || r->failed > 0;
          const bool slow = r && r->median_ms > most_latency_ms;
          self->judge_look({!lost && !slow, lost   ? "packets were lost"
                                            : slow ? "packets took more than 1000 ms"
                                                   : "three packets came back in time"},
                           poll + (lost ? lost_round : ping_round));
        });
  }

  void write() {
    where().probe_disk(target(), disk_path, writes, [self = shared_from_this()](result<double> r) {
      if (self->over) return;
      const bool slow = r && *r > most_write_ms;
      self->judge_look({!slow, slow ? "writing was slower than 10 MB/s"
                               : r  ? "10 MB/s were written"
                                    : "nothing could be written, which passes"},
                       poll);
    });
  }

  void judge_look(const look_result& found, duration again) {
    if (!found.passed) {
      const bool late = where().now() + again - *began >= limit_of(left.front());
      if (late) return finish(peer_verdict{true, false, found.detail});
      return wait(again);
    }
    left.erase(left.begin());
    if (left.empty()) return finish(peer_verdict{true, true, found.detail});
    began.reset();
    checking = false;
    resume();
  }

  void finish(result<peer_verdict> v) {
    if (over) return;
    over = true;
    done(std::move(v));
  }

  const judge* judge_;
  std::vector<check> left;
  std::function<void(duration)> wait;
  std::function<void(result<peer_verdict>)> done;
  std::optional<vtime> began; ///< of the wait, then of the check
  bool checking = false;
  std::vector<env::object> known; ///< pods at the end of the wait
  bool over = false;
};

peer_verification::peer_verification(const judge& by, std::function<void(duration)> wait,
                                     std::function<void(result<peer_verdict>)> done)
    : state_(std::make_shared<state>(by, std::move(wait), std::move(done))) {}

peer_verification::~peer_verification() {
  state_->over = true;
}

void peer_verification::begin() {
  state_->begin();
}

void peer_verification::resume() {
  state_->resume();
}

} // namespace remed::chaos
