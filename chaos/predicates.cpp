#include "chaos/predicates.hpp"

#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/quantity.hpp"

#include <algorithm>
#include <cmath>

namespace remed::chaos::predicates {

namespace {

truth say(bool holds) {
  return holds ? truth::yes : truth::no;
}

/// How the first `digits` of a number are written.
std::string text(double value, int digits = 0) {
  const double scale = std::pow(10, digits);
  auto rounded = std::round(value * scale) / scale;
  auto out = std::to_string(rounded);
  out.erase(out.find('.') + (digits > 0 ? static_cast<std::size_t>(digits) + 1 : 0));
  return out;
}

std::string name_of(const json& object) {
  return object["metadata"].value("name", "");
}

/// Usage of a container by metrics.k8s.io, in base units.
std::optional<double> usage(const facts& f, const std::string& pod, const std::string& container,
                            const char* resource) {
  for (const auto& item : f.seen.pod_metrics) {
    if (name_of(item) != pod || !item.contains("containers")) continue;
    for (const auto& c : item["containers"]) {
      if (c.value("name", "") != container) continue;
      return env::parse_quantity(c["usage"].value(resource, ""));
    }
  }
  return std::nullopt;
}

/// A busy service comes back to what it used before, give or take its own unrest; but what is
/// nearly all of a limit never counts as usual.
constexpr double unrest = 1.3, nearly_all = 0.8;

double upper_bound(const setting& s, const json& with, const char* resource) {
  const auto usual = s.usual.find(resource);
  const double asked = with.value("below", 1.0);
  if (usual == s.usual.end()) return asked;
  return std::max(asked, std::min(nearly_all, unrest * usual->second));
}

/// Usage over limit of the first container of each pod of the target.
finding ratio_of_limit(const facts& f, const setting& s, const json& with, const char* resource) {
  const bool any_suffices = with.contains("at_least");
  const double bound =
      any_suffices ? with["at_least"].get<double>() : upper_bound(s, with, resource);
  const auto& view = view_of(f.seen, s);
  if (view.pods.empty()) return {truth::no, "no pod of " + s.where.target + " is there"};
  finding out{say(!any_suffices), ""};
  for (const auto& pod : view.pods) {
    if (is_terminating(*pod)) continue;
    const auto& containers = containers_of(*pod);
    if (containers.empty()) continue;
    auto limit = resource_of(containers[0], "limits", resource);
    auto used = usage(f, name_of(*pod), containers[0].value("name", ""), resource);
    auto detail = name_of(*pod) + ": ";
    if (!limit || *limit <= 0) {
      detail += std::string("no ") + resource + " limit";
      if (!any_suffices) out.holds = truth::no;
    } else if (!used) {
      detail += "no metrics yet";
      if (!any_suffices && out.holds == truth::yes) out.holds = truth::unknown;
    } else {
      const double share = *used / *limit;
      detail += text(share * 100) + " % of the " + resource + " limit";
      if (any_suffices && share >= bound) out.holds = truth::yes;
      if (!any_suffices && share >= bound) out.holds = truth::no;
    }
    out.detail += (out.detail.empty() ? "" : "; ") + detail;
  }
  if (out.detail.empty()) return {truth::no, "all pods of " + s.where.target + " are terminating"};
  return out;
}

std::int64_t declared_replicas(const setting& s) {
  const auto& declared = declared_workload(s);
  if (!declared.is_object() || !declared.contains("spec")) return 1;
  return declared["spec"].value("replicas", 1);
}

/// The least of present over declared, over requests and limits of the containers.
void least_share(const json& containers, const json& declared, double& least, std::string& where) {
  for (const auto& wanted : declared) {
    const auto name = wanted.value("name", "");
    const auto& present = container_named(containers, name);
    for (const auto* bound : {"limits", "requests"}) {
      for (const auto* resource : {"cpu", "memory"}) {
        auto should = resource_of(wanted, bound, resource);
        if (!should || *should <= 0) continue;
        const double share = resource_of(present, bound, resource).value_or(0) / *should;
        if (share >= least) continue;
        least = share;
        where = name + " " + bound + "." + resource;
      }
    }
  }
}

} // namespace

std::map<std::string, double> usual_shares(const facts& f, const setting& s) {
  std::map<std::string, double> out;
  for (const auto& pod : view_of(f.seen, s).pods) {
    const auto& containers = containers_of(*pod);
    if (is_terminating(*pod) || containers.empty()) continue;
    for (const auto* resource : {"cpu", "memory"}) {
      auto limit = resource_of(containers[0], "limits", resource);
      auto used = usage(f, name_of(*pod), containers[0].value("name", ""), resource);
      if (!limit || *limit <= 0 || !used) continue;
      out[resource] = std::max(out[resource], *used / *limit);
    }
  }
  return out;
}

finding effect(const facts& f, const setting& s, const json& with) {
  const bool wanted = with.value("present", true);
  auto there = in_effect(f, s);
  if (!there) return {truth::yes, "this environment keeps no ledger"};
  return {say(*there == wanted), *there ? "the fault is in effect" : "nothing is in effect"};
}

finding cpu_of_limit(const facts& f, const setting& s, const json& with) {
  return ratio_of_limit(f, s, with, "cpu");
}

finding memory_of_limit(const facts& f, const setting& s, const json& with) {
  return ratio_of_limit(f, s, with, "memory");
}

finding pods_ready(const facts& f, const setting& s, const json& with) {
  const auto& view = view_of(f.seen, s);
  std::int64_t ready = 0, others = 0;
  for (const auto& pod : view.pods) {
    if (is_ready(*pod) && !is_terminating(*pod))
      ++ready;
    else
      ++others;
  }
  const auto wanted = declared_replicas(s);
  const bool all = ready >= wanted && others == 0;
  return {say(all == with.value("ready", true)),
          std::to_string(ready) + " of " + std::to_string(wanted) + " pods ready" +
              (others > 0 ? ", " + std::to_string(others) + " not ready or ending" : "")};
}

finding replicas(const facts& f, const setting& s, const json& with) {
  double there = 0;
  for (const auto& pod : view_of(f.seen, s).pods) there += is_terminating(*pod) ? 0 : 1;
  const bool holds = with.contains("below") ? there < with["below"].get<double>()
                                            : there >= with.value("at_least", 1.0);
  return {say(holds), s.where.target + " has " + text(there) + " pods"};
}

finding images(const facts& f, const setting& s, const json& with) {
  const auto& view = view_of(f.seen, s);
  const auto& declared = containers_of(declared_workload(s));
  std::string wrong;
  auto compare = [&](const json& object) {
    for (const auto& wanted : declared) {
      const auto& present = container_named(containers_of(object), wanted.value("name", ""));
      const auto image = present.is_object() ? present.value("image", "") : std::string{};
      if (image != wanted.value("image", "")) {
        wrong = name_of(object) + ": " + wanted.value("name", "") + " has image '" + image + "'";
      }
    }
  };
  if (view.workload) compare(*view.workload);
  for (const auto& pod : view.pods) compare(*pod);
  const bool match = wrong.empty() && view.workload;
  return {say(match == with.value("match", true)), match           ? "images as declared"
                                                   : wrong.empty() ? "the workload is gone"
                                                                   : wrong};
}

finding ended_by(const facts& f, const setting& s, const json& with) {
  const auto reason = with.value("reason", "");
  for (const auto& pod : view_of(f.seen, s).pods) {
    for (const auto& c : env::at_path(*pod, {"status", "containerStatuses"})) {
      for (const auto* which : {"state", "lastState"}) {
        if (env::text_at(c, {which, "terminated", "reason"}) == reason) {
          return {truth::yes, name_of(*pod) + ": " + c.value("name", "") + " ended by " + reason};
        }
      }
    }
  }
  return {truth::no, "no container ended by " + reason};
}

finding resources_of_manifest(const facts& f, const setting& s, const json& with) {
  const auto& view = view_of(f.seen, s);
  if (!view.workload) return {truth::no, "the workload is gone"};
  const auto& declared = containers_of(declared_workload(s));
  double least = 1e9;
  std::string where;
  least_share(containers_of(*view.workload), declared, least, where);
  for (const auto& pod : view.pods) {
    if (!is_terminating(*pod)) least_share(containers_of(*pod), declared, least, where);
  }
  const bool holds = with.contains("below") ? least < with["below"].get<double>()
                                            : least >= with.value("at_least", 1.0);
  if (where.empty()) return {say(holds), "nothing is declared"};
  return {say(holds), where + " is " + text(least * 100) + " % of what is declared"};
}

finding network(const facts& f, const setting&, const json& with) {
  if (!f.network) return {truth::unknown, "the network was not tested"};
  const auto& n = *f.network;
  const bool healthy_wanted = with.value("healthy", true);
  if (!n.problem.empty()) return {say(!healthy_wanted), n.problem};
  auto answer = n.test.decision();
  auto detail = std::to_string(n.test.failed()) + " of " + std::to_string(n.test.count()) +
                " transactions failed, median " + text(n.median_ms) + " ms";
  if (with.contains("slower_than_ms")) {
    const bool slow = n.median_ms > with["slower_than_ms"].get<double>();
    if (slow) answer = sequential_test::answer::faulty;
  }
  if (answer == sequential_test::answer::undecided) return {truth::unknown, detail};
  return {say((answer == sequential_test::answer::healthy) == healthy_wanted), detail};
}

finding disk(const facts& f, const setting&, const json& with) {
  if (!f.disk) return {truth::unknown, "the disk was not tested"};
  if (!f.disk->problem.empty()) return {truth::unknown, f.disk->problem};
  const double ms = f.disk->p95_ms;
  const bool holds = with.contains("at_least_ms") ? ms >= with["at_least_ms"].get<double>()
                                                  : ms < with.value("below_ms", 100.0);
  return {say(holds), "a synced write on " + with.value("path", "/") + " takes " + text(ms, 1) +
                          " ms (95th percentile)"};
}

finding slo(const facts& f, const setting&, const json& with) {
  if (!f.seen.slo) return {truth::unknown, "nothing is known of the users"};
  const auto& r = *f.seen.slo;
  return {say(r.met == with.value("met", true)),
          text(r.success * 100, 2) + " % of requests succeed, 95th percentile " + text(r.p95_ms) +
              " ms, over " + text(seconds(r.window)) + " s"};
}

finding any(const facts& f, const setting& s, const json& with) {
  finding out{truth::no, ""};
  for (const auto& inner : with.value("of", json::array())) {
    auto one = evaluate(predicate{inner.begin().key(), inner.begin().value()}, f, s);
    if (one.holds == truth::yes) return one;
    if (one.holds == truth::unknown) out.holds = truth::unknown;
    out.detail += (out.detail.empty() ? "" : "; ") + one.detail;
  }
  return out;
}

} // namespace remed::chaos::predicates
