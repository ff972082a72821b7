#include "environments/embedded/node/state.hpp"

#include "environments/embedded/cluster.hpp"

#include <algorithm>
#include <cstdlib>

namespace remed::env {

namespace {

constexpr int first_address = 2;    // .1 is the bridge
constexpr int last_address = 60000; // 10.42.0.0/16 without its end

std::string address_text(int n) {
  return "10.42." + std::to_string(n / 256) + "." + std::to_string(n % 256);
}

int address_number(const std::string& ip) {
  auto third = ip.find('.', 3) + 1;
  auto fourth = ip.find('.', third) + 1;
  return std::atoi(ip.c_str() + third) * 256 + std::atoi(ip.c_str() + fourth);
}

} // namespace

const container_runtime* pod_runtime::find(const std::string& container) const {
  auto at = std::find_if(containers.begin(), containers.end(),
                         [&](const auto& c) { return c.name == container; });
  return at == containers.end() ? nullptr : &*at;
}

container_runtime* pod_runtime::find(const std::string& container) {
  return const_cast<container_runtime*>(std::as_const(*this).find(container));
}

const pod_runtime* node_state::find(const std::string& uid) const {
  const auto* at = pods_.find(uid);
  return at ? at->pod.get() : nullptr;
}

const pod_runtime* node_state::find(const std::string& ns, const std::string& name) const {
  const auto* uid = names_.find(object_key{ns, name});
  return uid ? find(*uid) : nullptr;
}

pod_runtime* node_state::edit(const std::string& uid) {
  const auto* at = pods_.find(uid);
  if (!at) return nullptr;
  edited_.insert({at->pod->ns, at->pod->name});
  const auto& who = owner_.now();
  if (at->owner == who) return at->pod.get();
  auto& entry = pods_.edit(who, uid);
  entry = {std::make_shared<pod_runtime>(*entry.pod), who};
  return entry.pod.get();
}

pod_runtime& node_state::add(pod_runtime pod) {
  const auto& who = owner_.now();
  auto uid = pod.uid;
  const object_key key{pod.ns, pod.name};
  names_.edit(who, key) = uid;
  edited_.insert(key);
  auto& entry = pods_.edit(who, uid);
  entry = {std::make_shared<pod_runtime>(std::move(pod)), who};
  return *entry.pod;
}

void node_state::remove(const std::string& uid) {
  const auto* at = pods_.find(uid);
  if (!at) return;
  const auto& who = owner_.now();
  const auto pod = at->pod;
  const object_key key{pod->ns, pod->name};
  edited_.insert(key);
  const auto* name = names_.find(key);
  if (name && *name == uid) names_.erase(who, key);
  if (!pod->ip.empty()) release_ip(pod->ip);
  pods_.erase(who, uid);
}

std::vector<const pod_runtime*> node_state::all() const {
  std::vector<const pod_runtime*> out;
  out.reserve(pods_.size());
  pods_.walk([&](const std::string&, const slot& entry) { out.push_back(entry.pod.get()); });
  return out;
}

std::vector<const pod_runtime*> node_state::named(std::string_view ns,
                                                  std::string_view prefix) const {
  std::vector<const pod_runtime*> out;
  const bool in_one = !ns.empty();
  const object_key first{std::string(ns), in_one ? std::string(prefix) : std::string()};
  names_.walk(first, [&](const object_key& key, const std::string& uid) {
    const bool fits = key.name.starts_with(prefix);
    if (in_one && (key.ns != ns || !fits)) return false;
    if (const auto* pod = fits ? find(uid) : nullptr) out.push_back(pod);
    return true;
  });
  return out;
}

std::string node_state::allocate_ip() {
  auto n = last_address_;
  do {
    n = n >= last_address ? first_address : n + 1;
  } while (addresses_->count(n) > 0);
  addresses_.edit().insert(n);
  last_address_ = n;
  return address_text(n);
}

void node_state::release_ip(const std::string& ip) {
  addresses_.edit().erase(address_number(ip));
}

void node_state::add_image(const std::string& image) {
  if (has_image(image)) return;
  auto more = *images_;
  more.insert(image);
  images_ = std::make_shared<const std::set<std::string>>(std::move(more));
}

bool is_serving(const cluster& c, const std::string& pod_uid, const std::string& container) {
  const auto* pod = c.node().find(pod_uid);
  const auto* found = pod ? pod->find(container) : nullptr;
  return found && found->running() && found->serving_at <= c.now();
}

} // namespace remed::env
