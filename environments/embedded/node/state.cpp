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

node_state::node_state(const node_state& other)
    : pods_(other.pods_),
      names_(other.names_),
      addresses_(other.addresses_),
      last_address_(other.last_address_),
      images_(other.images_) {
  // A node that was already shared is not written to, so that several threads may fork it.
  for (const auto& [uid, entry] : other.pods_) {
    if (entry.own) entry.own = false;
  }
  for (auto& [uid, entry] : pods_) entry.own = false;
}

const pod_runtime* node_state::find(const std::string& uid) const {
  auto at = pods_.find(uid);
  return at == pods_.end() ? nullptr : at->second.pod.get();
}

const pod_runtime* node_state::find(const std::string& ns, const std::string& name) const {
  auto at = names_->find(object_key{ns, name});
  return at == names_->end() ? nullptr : find(at->second);
}

pod_runtime* node_state::edit(const std::string& uid) {
  auto at = pods_.find(uid);
  if (at == pods_.end()) return nullptr;
  auto& entry = at->second;
  if (!entry.own) {
    entry.pod = std::make_shared<pod_runtime>(*entry.pod);
    entry.own = true;
  }
  return entry.pod.get();
}

pod_runtime& node_state::add(pod_runtime pod) {
  auto uid = pod.uid;
  names_.edit()[object_key{pod.ns, pod.name}] = uid;
  auto& entry = pods_[uid];
  entry = {std::make_shared<pod_runtime>(std::move(pod)), true};
  return *entry.pod;
}

void node_state::remove(const std::string& uid) {
  auto at = pods_.find(uid);
  if (at == pods_.end()) return;
  const auto& pod = *at->second.pod;
  auto& names = names_.edit();
  auto name = names.find(object_key{pod.ns, pod.name});
  if (name != names.end() && name->second == uid) names.erase(name);
  if (!pod.ip.empty()) release_ip(pod.ip);
  pods_.erase(at);
}

std::vector<const pod_runtime*> node_state::all() const {
  std::vector<const pod_runtime*> out;
  for (const auto& [uid, entry] : pods_) out.push_back(entry.pod.get());
  return out;
}

std::string node_state::allocate_ip() {
  auto n = last_address_;
  do {
    n = n >= last_address ? first_address : n + 1;
  } while (addresses_.count(n) > 0);
  addresses_.insert(n);
  last_address_ = n;
  return address_text(n);
}

void node_state::release_ip(const std::string& ip) {
  addresses_.erase(address_number(ip));
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
