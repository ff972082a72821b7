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

/// The objects of one kind in a namespace, for whoever looks up many.
class known_objects {
public:
  known_objects(const cluster& c, const char* table, std::string_view ns)
      : all_(c.objects().list(table, ns)) {
    names_.reserve(all_.size());
    for (const auto& one : all_) names_.push_back(facts_of(one).name);
  }
  /// None when there is no such object.
  const object* find(std::string_view name) const {
    const auto found = std::lower_bound(names_.begin(), names_.end(), name);
    if (found == names_.end() || *found != name) return nullptr;
    return &all_[static_cast<std::size_t>(found - names_.begin())];
  }

private:
  std::vector<object> all_; ///< by name
  std::vector<std::string_view> names_;
};

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
  const known_pod known(pod->spec);
  if (known->main.empty()) return;
  auto one = surroundings(container_view(c, known, known->main, pod->runs, common));
  const bool reached =
      at.ports.empty() || std::any_of(at.ports.begin(), at.ports.end(), [&](auto port) {
        return listens_on(known->containers.front(), port);
      });
  one.listening = one.listening && reached;
  out.endpoints.push_back(std::move(one));
}

flow_service service_now(const cluster& c, const service_conditions& is,
                         const std::vector<const pod_conditions*>& pods,
                         const common_surroundings& common) {
  flow_service out;
  out.resolvable = is.resolvable;
  out.endpoints.reserve(pods.size());
  for (std::size_t i = 0; i < pods.size(); ++i)
    add_endpoint(c, pods[i], common, facts_of(is.endpoints).endpoints[i], out);
  return out;
}

} // namespace

traffic_conditions::traffic_conditions(const cluster& c, const traffic_conditions* before)
    : common_(c), fenced_(c.objects().count(policies) > 0) {
  for (const auto& [ns, app] : c.traffic().apps) profiles_.push_back(app.profile);
  std::vector<std::string_view> touched;
  for (const auto& [id, e] : c.effects()) touched.push_back(e.pod_uid);
  const auto all = c.objects().list("pods");
  pods_.reserve(all.size());
  marks_.reserve(all.size() + all.size() / 4);
  for (const auto& one : all) add(c, one, touched);
  if (before) compare(*before);
}

void traffic_conditions::add(const cluster& c, const object& spec,
                             const std::vector<std::string_view>& touched) {
  const auto& facts = facts_of(spec);
  const auto& uid = at_path(*spec, {"metadata", "uid"});
  pod_conditions out;
  out.spec = spec;
  out.ns = facts.ns;
  out.name = facts.name;
  out.runs = uid.is_string() ? c.node().find(uid.get_ref<const std::string&>()) : nullptr;
  out.touched = std::find(touched.begin(), touched.end(), facts.uid) != touched.end();
  out.marks_from = marks_.size();
  if (out.runs) {
    for (const auto& one : out.runs->containers)
      marks_.push_back({one.instance, one.running(), one.running() && one.serving_at <= c.now()});
  }
  out.marks_to = marks_.size();
  pods_.push_back(std::move(out));
}

std::span<const container_mark> traffic_conditions::marks_of(const pod_conditions& pod) const {
  return {marks_.data() + pod.marks_from, pod.marks_to - pod.marks_from};
}

void traffic_conditions::compare(const traffic_conditions& before) {
  if (fenced_ || before.fenced_ || profiles_ != before.profiles_) return;
  if (common_.node_cores != before.common_.node_cores) return;
  auto old = before.pods_.begin();
  for (auto& pod : pods_) {
    while (old != before.pods_.end() && old->spec != pod.spec && place_of(*old) < place_of(pod))
      ++old;
    if (old == before.pods_.end()) return;
    if (old->spec != pod.spec) continue;
    const auto marks = marks_of(pod), old_marks = before.marks_of(*old);
    pod.same = !pod.touched && !old->touched &&
               std::equal(marks.begin(), marks.end(), old_marks.begin(), old_marks.end());
    ++old;
  }
}

const pod_conditions* traffic_conditions::pod(std::string_view ns, std::string_view name,
                                              std::size_t& likely) const {
  const std::pair wanted(ns, name);
  if (likely >= pods_.size() || place_of(pods_[likely]) != wanted) {
    const auto found =
        std::lower_bound(pods_.begin(), pods_.end(), wanted,
                         [](const pod_conditions& a, const auto& b) { return place_of(a) < b; });
    if (found == pods_.end() || place_of(*found) != wanted) return nullptr;
    likely = static_cast<std::size_t>(found - pods_.begin());
  }
  return &pods_[likely++];
}

const std::vector<service_conditions>* traffic_conditions::services(const std::string& ns) const {
  const auto found = services_.find(ns);
  return found == services_.end() ? nullptr : &found->second;
}

void traffic_conditions::note_services(const std::string& ns, std::vector<service_conditions> all) {
  services_[ns] = std::move(all);
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

std::optional<flow_input> look_again(const cluster& c, const system_profile& system,
                                     const flow_input* last, const traffic_conditions* before,
                                     traffic_conditions& now) {
  const known_objects services(c, "services", system.name);
  const known_objects endpoints(c, "endpoints", system.name);
  const auto* known = last && before ? before->services(system.name) : nullptr;
  if (known && known->size() != system.services.size()) known = nullptr;
  std::vector<service_conditions> all;
  all.reserve(system.services.size());
  std::optional<flow_input> out;
  std::vector<const pod_conditions*> pods;
  std::size_t likely = 0; // pods are mostly called like their services, and both are in order
  for (const auto& [name, profile] : system.services) {
    const auto* behind = endpoints.find(profile.service_name());
    const auto& is = all.emplace_back(service_conditions{
        services.find(profile.service_name()) != nullptr, behind ? *behind : object{}});
    pods.clear();
    if (is.endpoints) {
      for (const auto& at : facts_of(is.endpoints).endpoints)
        pods.push_back(now.pod(system.name, at.pod, likely));
    }
    const auto* old = known ? &(*known)[all.size() - 1] : nullptr;
    const bool same =
        old && old->resolvable == is.resolvable && old->endpoints == is.endpoints &&
        std::all_of(pods.begin(), pods.end(), [](const auto* pod) { return pod && pod->same; });
    if (same) continue;
    auto service = service_now(c, is, pods, now.common());
    const auto was = last ? last->find(name) : flow_input::const_iterator{};
    if (last && was != last->end() && was->second == service) continue;
    if (!out) out = last ? *last : flow_input{};
    (*out)[name] = std::move(service);
  }
  now.note_services(system.name, std::move(all));
  return out;
}

} // namespace remed::env
