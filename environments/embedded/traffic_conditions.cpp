#include "environments/embedded/traffic_conditions.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <utility>

namespace remed::env {

namespace {

constexpr const char* policies = "networkpolicies.networking.k8s.io";

std::pair<std::string_view, std::string_view> place_of(const pod_conditions& pod) {
  return {pod.ns, pod.name};
}

/// As they are now; whoever has them sees them so.
shared_objects listed(const cluster& c, const char* table, std::string_view ns = {}) {
  return c.objects().list(table, ns).shared();
}

/// The object of that name in a list of one namespace, or none. `was` stood at `likely` when the
/// list was another, and is found there without a look at it if it still is.
const object* find_in(const std::vector<object>& all, std::string_view name, const object* was,
                      std::size_t likely) {
  if (was && likely < all.size() && all[likely] == *was) return &all[likely];
  const auto found = std::lower_bound(
      all.begin(), all.end(), name,
      [](const object& one, std::string_view wanted) { return facts_of(one).name < wanted; });
  return found == all.end() || facts_of(*found).name != name ? nullptr : &*found;
}

const object* find_again(const shared_objects& all, std::string_view name, const object* was,
                         const shared_objects* where) {
  const auto place = was ? static_cast<std::size_t>(was - (*where)->data()) : 0;
  return find_in(*all, name, was, place);
}

/// What declares no port may listen on any.
bool listens_on(const container_facts& main, std::int64_t port) {
  return main.ports.empty() ||
         std::find(main.ports.begin(), main.ports.end(), port) != main.ports.end();
}

/// Adds one endpoint of a service.
void add_endpoint(const cluster& c, const pod_conditions* pod, const common_surroundings& common,
                  const endpoint_facts& at, flow_service& out) {
  if (!pod) {
    flow_container gone;
    gone.pod = at.pod;
    gone.listening = false;
    out.endpoints.push_back(std::move(gone));
    return;
  }
  const known_pod known(*pod->spec);
  if (known->main.empty()) return;
  auto one = surroundings(container_view(c, known, known->main, pod->runs, common));
  const bool reached =
      at.ports.empty() || std::any_of(at.ports.begin(), at.ports.end(), [&](auto port) {
        return listens_on(known->containers.front(), port);
      });
  one.listening = one.listening && reached;
  out.endpoints.push_back(std::move(one));
}

flow_service service_now(const cluster& c, const service_conditions& is, std::span<const int> pods,
                         const traffic_conditions& now) {
  flow_service out;
  out.resolvable = is.entry != nullptr;
  out.endpoints.reserve(pods.size());
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const auto* pod = pods[i] < 0 ? nullptr : &now.pods()[static_cast<std::size_t>(pods[i])];
    add_endpoint(c, pod, now.common(), facts_of(*is.endpoints).endpoints[i], out);
  }
  return out;
}

} // namespace

traffic_conditions::traffic_conditions(const cluster& c, const traffic_conditions* before)
    : common_(c), fenced_(c.objects().count(policies) > 0), specs_(listed(c, "pods")) {
  for (const auto& [ns, app] : c.traffic().apps) profiles_.push_back(app.profile);
  pods_.reserve(specs_->size());
  marks_.reserve(specs_->size() + specs_->size() / 4);
  if (before) moved_.assign(before->pods_.size(), -1);
  if (before && may_compare(*before)) {
    take_over(c, *before);
  } else {
    for (const auto& one : *specs_) add(c, one);
  }
  uses_.resize(marks_.size());
  note_effects(c);
}

bool traffic_conditions::may_compare(const traffic_conditions& before) const {
  return !fenced_ && !before.fenced_ && profiles_ == before.profiles_ &&
         common_.node_cores == before.common_.node_cores;
}

void traffic_conditions::take_over(const cluster& c, const traffic_conditions& before) {
  uses_.reserve(marks_.capacity());
  std::vector<bool> edited(before.pods_.size());
  for (const auto& key : c.node().edited()) {
    std::size_t likely = 0;
    const auto at = before.number(key.ns, key.name, likely);
    if (at >= 0) edited[static_cast<std::size_t>(at)] = true;
  }
  std::size_t at = 0;
  for (const auto& spec : *specs_) {
    const auto passed = [&](const pod_conditions& old) {
      if (*old.spec == spec) return false;
      const auto& facts = facts_of(spec);
      return place_of(old) < std::pair(facts.ns, facts.name);
    };
    while (at < before.pods_.size() && passed(before.pods_[at])) ++at;
    if (at == before.pods_.size() || *before.pods_[at].spec != spec) {
      add(c, spec);
      continue;
    }
    const auto& old = before.pods_[at];
    moved_[at] = static_cast<int>(pods_.size());
    if (edited[at++]) {
      add(c, spec);
      auto& pod = pods_.back();
      const auto marks = marks_of(pod), old_marks = before.marks_of(old);
      pod.same = !old.touched &&
                 std::equal(marks.begin(), marks.end(), old_marks.begin(), old_marks.end());
      if (pod.same)
        std::copy(before.uses_.begin() + static_cast<std::ptrdiff_t>(old.marks_from),
                  before.uses_.begin() + static_cast<std::ptrdiff_t>(old.marks_to),
                  uses_.begin() + static_cast<std::ptrdiff_t>(pod.marks_from));
    } else {
      repeat(c, spec, before, old);
    }
  }
}

void traffic_conditions::add(const cluster& c, const object& spec) {
  const auto& facts = facts_of(spec);
  pod_conditions out{&spec, facts.ns, facts.name};
  out.runs = facts.uid.empty() ? nullptr : c.node().find(std::string(facts.uid));
  out.marks_from = marks_.size();
  if (out.runs) {
    for (const auto& one : out.runs->containers)
      marks_.push_back({one.instance, one.running(), one.running() && one.serving_at <= c.now()});
  }
  out.marks_to = marks_.size();
  uses_.resize(marks_.size());
  pods_.push_back(out);
}

void traffic_conditions::repeat(const cluster& c, const object& spec,
                                const traffic_conditions& before, const pod_conditions& old) {
  auto out = old;
  out.spec = &spec;
  out.same = !old.touched;
  out.touched = false;
  out.marks_from = marks_.size();
  for (auto i = old.marks_from; i < old.marks_to; ++i) {
    auto mark = before.marks_[i];
    if (mark.running && !mark.serving &&
        old.runs->containers[i - old.marks_from].serving_at <= c.now()) {
      mark.serving = true;
      out.same = false;
    }
    marks_.push_back(mark);
    uses_.push_back(before.uses_[i]);
  }
  out.marks_to = marks_.size();
  pods_.push_back(out);
}

void traffic_conditions::note_effects(const cluster& c) {
  const auto note = [](pod_conditions& pod, const effect& e) {
    if (facts_of(*pod.spec).uid != e.pod_uid) return;
    pod.touched = true;
    pod.same = false;
  };
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid.empty()) continue;
    std::size_t likely = 0;
    if (e.pod.empty() || e.ns.empty())
      for (auto& pod : pods_) note(pod, e);
    else if (const auto at = number(e.ns, e.pod, likely); at >= 0)
      note(pods_[static_cast<std::size_t>(at)], e);
  }
}

std::span<const container_mark> traffic_conditions::marks_of(const pod_conditions& pod) const {
  return {marks_.data() + pod.marks_from, pod.marks_to - pod.marks_from};
}

std::span<cpu_use> traffic_conditions::uses_of(const pod_conditions& pod) {
  return {uses_.data() + pod.marks_from, pod.marks_to - pod.marks_from};
}

int traffic_conditions::number(std::string_view ns, std::string_view name,
                               std::size_t& likely) const {
  const std::pair wanted(ns, name);
  if (likely >= pods_.size() || place_of(pods_[likely]) != wanted) {
    const auto found =
        std::lower_bound(pods_.begin(), pods_.end(), wanted,
                         [](const pod_conditions& a, const auto& b) { return place_of(a) < b; });
    if (found == pods_.end() || place_of(*found) != wanted) return -1;
    likely = static_cast<std::size_t>(found - pods_.begin());
  }
  return static_cast<int>(likely++);
}

const system_conditions* traffic_conditions::system(const std::string& ns) const {
  const auto found = systems_.find(ns);
  return found == systems_.end() ? nullptr : &found->second;
}

void traffic_conditions::note_system(const std::string& ns, system_conditions all) {
  systems_[ns] = std::move(all);
}

std::shared_ptr<const flow_input> traffic_conditions::input_of(
    const std::string& ns, const std::shared_ptr<const system_profile>& profile) const {
  const auto found = inputs_.find(ns);
  return found == inputs_.end() || found->second.first != profile ? nullptr : found->second.second;
}

void traffic_conditions::note_input(const std::string& ns,
                                    std::shared_ptr<const system_profile> profile,
                                    std::shared_ptr<const flow_input> input) {
  inputs_[ns] = {std::move(profile), std::move(input)};
}

bool traffic_conditions::same_flows(const cluster& c, const traffic_conditions* before) {
  for (const auto& [ns, app] : c.traffic().apps)
    flows_.push_back(app.past.empty() ? nullptr : app.past.back().flow);
  return before && flows_ == before->flows_;
}

namespace {

/// Adds the numbers of the pods behind a service. True: all are as they were.
bool add_pods(const std::string& ns, const service_conditions& is, const service_conditions* old,
              const system_conditions* known, const traffic_conditions& now, std::size_t& likely,
              std::vector<int>& out) {
  if (!is.endpoints) return true;
  const auto from = out.size();
  if (old && old->endpoints && *old->endpoints == *is.endpoints) {
    for (auto i = old->pods_from; i < old->pods_to; ++i)
      out.push_back(now.number_now(known->pods[i]));
    if (std::all_of(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(),
                    [&](int n) { return n >= 0 && now.pods()[static_cast<std::size_t>(n)].same; }))
      return true;
    out.resize(from);
  }
  for (const auto& at : facts_of(*is.endpoints).endpoints)
    out.push_back(now.number(ns, at.pod, likely));
  return false;
}

} // namespace

std::optional<flow_input> look_again(const cluster& c, const system_profile& system,
                                     const flow_input* last, const traffic_conditions* before,
                                     traffic_conditions& now) {
  const auto* known = last && before ? before->system(system.name) : nullptr;
  if (known && known->all.size() != system.services.size()) known = nullptr;
  system_conditions is{listed(c, "services", system.name), listed(c, "endpoints", system.name)};
  is.all.reserve(system.services.size());
  std::optional<flow_input> out;
  std::size_t likely = 0; // pods are mostly called like their services, and both are in order
  for (const auto& [name, profile] : system.services) {
    const auto* old = known ? &known->all[is.all.size()] : nullptr;
    auto& one = is.all.emplace_back();
    const auto& called = profile.service_name();
    one.entry = find_again(is.entries, called, old ? old->entry : nullptr,
                           known ? &known->entries : nullptr);
    one.endpoints = find_again(is.endpoints, called, old ? old->endpoints : nullptr,
                               known ? &known->endpoints : nullptr);
    one.pods_from = is.pods.size();
    const bool same_pods = add_pods(system.name, one, old, known, now, likely, is.pods);
    one.pods_to = is.pods.size();
    one.same = old && same_pods && !old->entry == !one.entry && !old->endpoints == !one.endpoints;
    if (one.same) continue;
    auto service = service_now(
        c, one, std::span(is.pods).subspan(one.pods_from, one.pods_to - one.pods_from), now);
    const auto was = last ? last->find(name) : flow_input::const_iterator{};
    one.same = last && was != last->end() && was->second == service;
    if (one.same) continue;
    if (!out) out = last ? *last : flow_input{};
    (*out)[name] = std::move(service);
  }
  now.note_system(system.name, std::move(is));
  return out;
}

} // namespace remed::env
