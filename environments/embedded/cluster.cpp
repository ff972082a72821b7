#include "environments/embedded/cluster.hpp"

#include "environments/embedded/api/apply.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic.hpp"

#include <spdlog/spdlog.h>

#include <cassert>
#include <cstdio>
#include <utility>

namespace remed::env {

namespace {

/// Events handled at one instant before the cluster is considered to be in an endless loop.
constexpr std::size_t instant_limit = 200'000;

const controller* find_controller(const cluster_rules& rules, std::string_view name) {
  for (const auto& c : rules.controllers) {
    if (c->name() == name) return c.get();
  }
  return nullptr;
}

/// An effect came or went: the node and the traffic look at what it is about.
void look_at_effect(cluster& c, const effect& e) {
  if (!e.pod.empty() && find_controller(c.rules(), "kubelet")) {
    c.schedule(duration{0}, "kubelet", e.ns + "/" + e.pod);
  }
  if (e.params.contains("node") && find_controller(c.rules(), "node-controller")) {
    c.schedule(duration{0}, "node-controller", e.params.value("node", ""));
  }
  if (find_controller(c.rules(), "traffic")) traffic_touched(c);
}

/// 16 hexadecimal digits: the recorder of client-go uses a time stamp here; a hash of what is
/// aggregated finds the earlier event without a search.
std::string event_suffix(const std::string& text) {
  std::uint64_t h = 14695981039346656037ULL; // FNV-1a
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ULL;
  char out[17];
  std::snprintf(out, sizeof out, "18%014llx",
                static_cast<unsigned long long>(h & 0x00ffffffffffffffULL));
  return out;
}

json reference_to(const json& about) {
  auto out = json::object();
  auto take = [&](const json& from, std::initializer_list<const char*> fields) {
    for (const auto* field : fields) {
      const auto& value = at_path(from, {field});
      if (!value.is_null()) out[field] = value;
    }
  };
  take(about, {"kind", "apiVersion", "fieldPath"});
  take(at_path(about, {"metadata"}), {"namespace", "name", "uid", "resourceVersion"});
  return out;
}

/// The node a kubelet speaks from; empty for other components.
std::string host_of(const json& about, const std::string& component) {
  if (component != "kubelet") return {};
  if (text_at(about, {"kind"}) == "Node") return text_at(about, {"metadata", "name"});
  return text_at(about, {"spec", "nodeName"});
}

} // namespace

cluster::cluster(std::shared_ptr<const cluster_rules> rules, cluster_options options, vtime start,
                 std::uint64_t seed)
    : rules_(std::move(rules)),
      options_(std::move(options)),
      now_(start),
      random_(seed),
      node_(std::make_unique<node_state>()),
      traffic_(std::make_unique<traffic_state>()) {}

cluster::cluster(const cluster& other)
    : rules_(other.rules_),
      options_(other.options_),
      now_(other.now_),
      random_(other.random_),
      store_(other.store_),
      queue_(other.queue_),
      effects_(other.effects_),
      ended_(other.ended_),
      next_effect_(other.next_effect_),
      node_(std::make_unique<node_state>(*other.node_)),
      traffic_(std::make_unique<traffic_state>(*other.traffic_)),
      memory_(other.memory_),
      audit_(other.audit_) {}

cluster::~cluster() = default;

std::unique_ptr<cluster> cluster::fork(std::uint64_t seed) const {
  std::unique_ptr<cluster> copy(new cluster(*this));
  copy->random_ = random_source{seed};
  return copy;
}

void cluster::advance_to(vtime t) {
  auto instant = now_;
  std::size_t at_instant = 0;
  for (auto next = queue_->next(); next && *next <= t; next = queue_->next()) {
    auto due = queue_.edit().pop_due(t);
    if (due->first > now_) now_ = due->first;
    at_instant = now_ == instant ? at_instant + 1 : 1;
    instant = now_;
    if (at_instant > instant_limit) {
      spdlog::critical("cluster: {} events at {}: endless loop of '{}' on '{}'", at_instant,
                       rfc3339_micro(now_), due->second.actor, due->second.key);
      assert(false && "endless loop of events at one instant");
      return;
    }
    if (auto* c = find_controller(*rules_, due->second.actor)) {
      writer_ = c->component();
      c->reconcile(*this, due->second.key);
      writer_ = {};
    } else {
      spdlog::error("cluster: event for unknown controller '{}'", due->second.actor);
    }
  }
  if (t > now_) now_ = t;
}

void cluster::schedule(duration after, std::string_view actor, std::string key) {
  queue_.edit().push(now_ + after, {std::string(actor), std::move(key)});
}

object cluster::put(const resource_name& resource, json value) {
  auto key = key_of(value);
  auto before = store_.get(resource, key);
  auto& meta = value["metadata"];
  // What is put again without an identity is what is there already.
  if (before) {
    for (auto* name : {"uid", "creationTimestamp"}) {
      if (!meta.contains(name)) meta[name] = before->at("metadata").at(name);
    }
  }
  if (!meta.contains("uid")) meta["uid"] = random_.uuid();
  if (!meta.contains("creationTimestamp")) meta["creationTimestamp"] = rfc3339(now_);
  if (!writer_.empty() && (before || !meta.contains("managedFields")))
    record_component(resource, writer_, now_, before.get(), value);
  auto written = store_.put(resource, std::move(value));
  if (written == before) return written;
  auto what = before ? change::type::modified : change::type::added;
  tell({what, store_.revision(), resource, std::move(key), written, std::move(before)});
  return written;
}

object cluster::erase(const resource_name& resource, const object_key& key) {
  auto before = store_.get(resource, key);
  auto gone = store_.erase(resource, key);
  if (gone) tell({change::type::deleted, store_.revision(), resource, key, gone, before});
  return gone;
}

void cluster::tell(const change& seen) {
  for (const auto& c : rules_->controllers) c->observe(*this, seen);
  if (on_change_) on_change_(seen);
}

std::uint64_t cluster::add_effect(effect e) {
  e.since = now_;
  auto id = next_effect_++;
  look_at_effect(*this, e);
  effects_.emplace(id, std::move(e));
  return id;
}

void cluster::end_effect(std::uint64_t id, std::string why) {
  auto found = effects_.find(id);
  if (found == effects_.end()) return;
  look_at_effect(*this, found->second);
  ended_.push_back({id, std::move(found->second), std::move(why), now_});
  effects_.erase(found);
}

json& cluster::memory(std::string_view actor, const std::string& key) {
  return memory_[{std::string(actor), key}];
}

void cluster::forget(std::string_view actor, const std::string& key) {
  memory_.erase({std::string(actor), key});
}

void cluster::record_event(const json& about, const std::string& type, const std::string& reason,
                           const std::string& message, const std::string& component) {
  auto involved = reference_to(about);
  auto ns = involved.value("namespace", "default");
  auto aggregate = involved;
  aggregate.erase("resourceVersion");
  auto suffix = event_suffix(aggregate.dump() + '\n' + type + '\n' + reason + '\n' + message +
                             '\n' + component);
  object_key key{ns, involved.value("name", "") + "." + suffix};
  auto stamp = rfc3339(now_);
  if (auto before = store_.get("events", key)) {
    auto again = *before;
    again["count"] = again.value("count", 1) + 1;
    again["lastTimestamp"] = stamp;
    again["involvedObject"] = std::move(involved);
    put("events", std::move(again));
    return;
  }
  auto host = host_of(about, component);
  auto e = json::object();
  e["kind"] = "Event";
  e["apiVersion"] = "v1";
  e["metadata"] = {{"name", key.name}, {"namespace", key.ns}};
  e["involvedObject"] = std::move(involved);
  e["type"] = type;
  e["reason"] = reason;
  e["message"] = message;
  e["source"] = {{"component", component}};
  if (!host.empty()) e["source"]["host"] = host;
  e["firstTimestamp"] = e["lastTimestamp"] = stamp;
  e["count"] = 1;
  e["eventTime"] = nullptr;
  e["reportingComponent"] = component;
  e["reportingInstance"] = host;
  put("events", std::move(e));
}

} // namespace remed::env
