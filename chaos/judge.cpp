#include "chaos/judge.hpp"

#include "chaos/conduct.hpp"
#include "chaos/damage.hpp"
#include "chaos/differences.hpp"
#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <utility>

namespace remed::chaos {

namespace {

/// How far before the incident the fault's own harm to users is looked at.
constexpr auto harm_window = std::chrono::seconds{10};

template <class F>
void each_container(const json& pod, F&& f) {
  for (const auto& c : env::at_path(pod, {"status", "containerStatuses"}))
    f(env::text_at(c, {"name"}), env::int_at(c, {"restartCount"}));
}

std::int64_t restarts_of(const json& pod, const std::string& container) {
  std::int64_t out = 0;
  each_container(pod, [&](const std::string& name, std::int64_t restarts) {
    if (name == container) out = restarts;
  });
  return out;
}

/// Adds to `kills` how often a container was killed because a probe failed, as one event tells: by
/// pod uid and name, `sign` times.
void count_kills(const env::object& event, std::int64_t sign,
                 std::map<std::string, std::int64_t>& kills) {
  if (!event || env::text_at(*event, {"reason"}) != "Killing") return;
  const auto text = env::text_at(*event, {"message"});
  if (text.find(" probe, will be restarted") == std::string::npos) return;
  const auto& about = env::at_path(*event, {"involvedObject"});
  auto field = env::text_at(about, {"fieldPath"}); // spec.containers{server}
  field = field.substr(std::min(field.size(), field.find('{') + 1));
  if (!field.empty()) field.pop_back();
  kills[env::text_at(about, {"uid"}) + "/" + field] += sign * env::int_at(*event, {"count"}, 1);
}

std::string joined(const std::vector<std::string>& all) {
  std::string out;
  for (const auto& one : all) out += (out.empty() ? "" : ", ") + one;
  return out;
}

/// Whether every check but the ledger's holds.
bool probes_hold(const findings& all) {
  return std::all_of(all.all.begin(), all.all.end(), [](const auto& one) {
    return one.evidence == "ledger" || one.found.holds == truth::yes;
  });
}

std::string users_detail(const facts& now, bool held) {
  if (!now.seen.slo) return held ? "users are not measured here" : "users were not served well";
  auto found = evaluate(predicate{"slo", json::object()}, now, setting{});
  return (held ? "held for the whole window; last: " : "not held; last: ") + found.detail;
}

/// For the next trial: what anybody who measures the service would see.
std::string feedback_of(const findings& all, outcome_kind status, bool slo_held) {
  if (status == outcome_kind::recovered) return {};
  if (status == outcome_kind::masked)
    return "The readings look normal, but the cause is not cured.";
  std::string out;
  for (const auto& one : all.all) {
    if (one.evidence == "ledger" || one.found.holds == truth::yes) continue;
    out += (out.empty() ? "" : "; ") + one.found.detail;
  }
  if (out.empty() && !slo_held) out = "users are still not served as they should be";
  if (out.empty()) out = "the failure is still there";
  return "Not repaired: " + out + ".";
}

} // namespace

verdict to_verdict(const turn& at, const judgement& j) {
  verdict out;
  out.at = at;
  out.recovered = j.recovered;
  out.status = j.status;
  out.grounds = j.grounds;
  out.flags = j.flags;
  out.score = j.score;
  out.downtime_s = j.downtime_s;
  out.restarts = j.restarts;
  out.writes = j.writes;
  out.feedback = j.feedback;
  return out;
}

judge::judge(fault f, scenario s, env::environment& where, shared_value<env::system_profile> system)
    : setting_{std::move(f), std::move(s), std::move(system), where.name_space(), {}},
      where_(&where) {}

void judge::begin(const env::observation& at_incident) {
  begun_ = true;
  incident_ = at_incident.now;
  audit_from_ = at_incident.audit_size;
  begun_with_ = followed_ = at_incident.objects;
}

void judge::follow(const env::observation& seen) {
  if (seen.objects.same("pods", followed_) && seen.objects.same("events", followed_)) return;
  each_difference(followed_.of("events"), seen.objects.of("events"),
                  [&](const auto& before, const auto& now) {
                    count_kills(before, -1, probe_kills_);
                    count_kills(now, 1, probe_kills_);
                  });
  followed_ = seen.objects;
  each_difference(begun_with_.of("pods"), seen.objects.of("pods"),
                  [&](const auto& before, const auto& now) {
                    if (now) follow_pod(before, *now);
                  });
}

/// `before`: what had its name at the incident, or none.
void judge::follow_pod(const env::object& before, const json& pod) {
  const auto uid = env::text_at(pod, {"metadata", "uid"});
  const bool known = before && env::text_at(*before, {"metadata", "uid"}) == uid;
  if (!known && !new_pods_.count(uid))
    new_pods_[uid] = {service_of(setting_.system, pod), created_at(pod)};
  each_container(pod, [&](const std::string& name, std::int64_t restarts) {
    if (restarts == 0) return;
    auto key = uid + "/" + name;
    // What the kubelet restarts for a failing probe is the fault's doing, not the agents'.
    const auto more = restarts - (known ? restarts_of(*before, name) : 0) - probe_kills_[key];
    if (more <= 0) return;
    restarted_[key] = {service_of(setting_.system, pod), env::text_at(pod, {"metadata", "name"}),
                       more};
  });
}

void judge::assess(std::function<void(result<judgement>)> done, duration window) {
  env::look at;
  at.window_from = std::max(incident_, where_->now() - window);
  at.audit_from = audit_from_;
  gather(*where_, setting_.where.target, at, wanted_by(setting_.what.oracle),
         [this, done = std::move(done)](result<facts> f) {
           if (!f) return done(f.why());
           follow(f->seen);
           const bool held = !f->seen.slo || f->seen.slo->met;
           assess(*f, held, done);
         });
}

void judge::assess(const facts& now, bool slo_held, std::function<void(result<judgement>)> done) {
  auto did = read_acts(now.seen.audit, env::agent_user(setting_.ns), setting_);
  if (!did.first) return take_price(now, slo_held, 0, done);
  env::look before;
  before.window_from = incident_ - harm_window;
  before.window_to = did.first;
  before.audit_from = now.seen.audit_size;
  before.metrics_of = setting_.where.target;
  // The look before the remedy tells how bad the fault alone is; the second counts only the rest.
  where_->observe(
      before, [this, now, slo_held, done, first = *did.first](result<env::observation> harm) {
        if (!harm) return done(harm.why());
        env::look after;
        after.window_from = first;
        after.audit_from = now.seen.audit_size;
        after.metrics_of = setting_.where.target;
        after.tolerated = harm->slo ? 1 - harm->slo->worst_success : 0;
        where_->observe(after, [this, now, slo_held, done](result<env::observation> rest) {
          if (!rest) return done(rest.why());
          take_price(now, slo_held, rest->downtime_s, done);
        });
      });
}

/// Did all that ended end without the agents? What leaves no trace in the ledger, such as a patch,
/// is gone only because somebody acted.
bool judge::by_itself(const facts& now, const acts& did) const {
  if (!did.first) return true;
  std::vector<env::effect_end> since;
  for (const auto& e : now.seen.ended) {
    if (e.at >= incident_) since.push_back(e);
  }
  return !since.empty() && std::all_of(since.begin(), since.end(), [&](const auto& e) {
    return healed_by_itself(did, e, now.seen, setting_);
  });
}

outcome_kind judge::status_of(const findings& checks, const facts& now, bool slo_held,
                              const acts& did) const {
  if (checks.hold() && slo_held) {
    const bool self = setting_.what.control || by_itself(now, did);
    return self ? outcome_kind::self_healed : outcome_kind::recovered;
  }
  const bool hidden = in_effect(now, setting_).value_or(false) && probes_hold(checks);
  return hidden ? outcome_kind::masked : outcome_kind::not_recovered;
}

judge::restart_counts judge::restarts_by(const acts& did) const {
  restart_counts out;
  auto count = [&](const std::string& service, std::int64_t times) {
    (service == setting_.where.target ? out.own : out.others) += times;
  };
  for (const auto& [uid, pod] : new_pods_) {
    auto touched = did.touched.find(pod.service);
    // Creation is known to the second.
    const bool theirs =
        touched != did.touched.end() && pod.created + std::chrono::seconds{1} > touched->second;
    if (theirs) count(pod.service, 1);
  }
  for (const auto& [key, c] : restarted_) {
    if (did.entered.count(c.pod)) count(c.service, c.count);
  }
  return out;
}

std::int64_t judge::due_restarts(const env::observation& now) const {
  // Where nothing is wrong each restart is one too many.
  if (setting_.what.control) return 0;
  const auto& declared = declared_workload(setting_);
  const auto asked = declared.is_object() ? declared["spec"].value("replicas", std::int64_t{1}) : 1;
  // Who adds pods has not restarted any.
  const auto present = view_of(now, setting_).pods.size();
  return 2 * std::max<std::int64_t>(asked, static_cast<std::int64_t>(present));
}

void judge::take_price(const facts& now, bool slo_held, double downtime_s,
                       const std::function<void(result<judgement>)>& done) {
  const auto agent = env::agent_user(setting_.ns);
  const auto did = read_acts(now.seen.audit, agent, setting_);
  const auto checks = evaluate(setting_.what.oracle, now, setting_);
  const auto restarts = restarts_by(did);
  conduct price;
  auto flags = did.flags;
  flags.merge(lasting_damage(now.seen.audit, agent, now.seen, setting_.system));
  price.flags.assign(flags.begin(), flags.end());
  price.downtime_s = downtime_s;
  price.foreign_writes = setting_.what.control ? did.writes : did.foreign_writes;
  price.needless_restarts =
      restarts.others + std::max<std::int64_t>(0, restarts.own - due_restarts(now.seen));

  judgement out;
  out.status = status_of(checks, now, slo_held, did);
  out.recovered = out.status == outcome_kind::recovered;
  for (const auto& one : checks.all) {
    out.grounds.push_back({one.evidence, one.found.holds == truth::yes, one.found.detail});
  }
  out.grounds.push_back({"slo", slo_held, users_detail(now, slo_held)});
  out.grounds.push_back({"collateral", flags.empty(),
                         flags.empty() ? "nothing an SRE would not accept" : joined(price.flags)});
  out.flags = price.flags;
  out.downtime_s = downtime_s;
  out.restarts = restarts.own + restarts.others;
  out.writes = did.writes;
  const bool well = setting_.what.control ? out.status == outcome_kind::self_healed : out.recovered;
  out.score = score(well, price);
  out.feedback = feedback_of(checks, out.status, slo_held);
  done(std::move(out));
}

} // namespace remed::chaos
