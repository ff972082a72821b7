// NetworkChaos, the daemon's part: what a PodNetworkChaos means for the pod's network.
#include "chaos/mesh/children.hpp"
#include "chaos/mesh/go_values.hpp"

#include <map>
#include <set>

namespace remed::chaos::mesh {

namespace {

double number(const json& from, std::initializer_list<std::string_view> path) {
  auto parsed = parse_float(text_at(from, path, "0"));
  return parsed ? *parsed : 0;
}

double millis(const std::string& text) {
  auto parsed = parse_duration(text);
  return parsed ? seconds(*parsed) * 1000 : 0;
}

/// The networks of a set: its own and those of the sets in it.
json networks_of(const json& spec, const std::string& name) {
  auto out = json::array();
  std::set<std::string> wanted = {name};
  for (const auto& set : at_path(spec, {"ipsets"})) {
    if (text_at(set, {"name"}) != name) continue;
    for (const auto& one : at_path(set, {"setNames"})) wanted.insert(one.get<std::string>());
  }
  for (const auto& set : at_path(spec, {"ipsets"})) {
    if (!wanted.count(text_at(set, {"name"}))) continue;
    for (const auto& one : at_path(set, {"cidrs"})) out.push_back(one);
  }
  return out;
}

/// Blocks of a traffic control that are a share of the packets.
struct block {
  const char *name, *kind;
};
constexpr block shares[] = {
    {"loss", "net_loss"}, {"duplicate", "net_duplicate"}, {"corrupt", "net_corrupt"}};

class builder {
public:
  builder(const json& child, env::effect on) : child_(child), on_(std::move(on)) {}

  result<std::vector<env::effect>> run() {
    for (const auto& tc : at_path(child_, {"spec", "tcs"})) {
      auto added = text_at(tc, {"type"}) == "bandwidth" ? add_bandwidth(tc) : add_netem(tc);
      if (!added) return added.why();
    }
    for (const auto& rule : at_path(child_, {"spec", "iptables"})) {
      auto params = json::object();
      params["chain"] = text_at(rule, {"name"});
      params["direction"] = text_at(rule, {"direction"});
      const auto& sets = at_path(rule, {"ipsets"});
      filter(params, sets.is_array() && !sets.empty() ? sets[0].get<std::string>() : "");
      add("net_partition", rule, std::move(params));
    }
    return std::move(out_);
  }

private:
  void filter(json& params, const std::string& set) const {
    if (set.empty()) return;
    params["set"] = set;
    params["peers"] = networks_of(at_path(child_, {"spec"}), set);
  }

  void add(const char* kind, const json& from, json params) {
    on_.kind = kind;
    on_.source = "networkchaos/" + text_at(from, {"source"});
    on_.params = std::move(params);
    out_.push_back(on_);
  }

  void add_tc(const char* kind, const json& tc, json params) {
    filter(params, text_at(tc, {"ipset"}));
    add(kind, tc, std::move(params));
  }

  result<void> add_netem(const json& tc) {
    const auto before = out_.size();
    if (!at_path(tc, {"delay"}).is_null()) add_delay(tc);
    for (const auto& one : shares) {
      if (at_path(tc, {one.name}).is_null()) continue;
      auto params = json::object();
      params["percent"] = number(tc, {one.name, one.name});
      const auto correlation = number(tc, {one.name, "correlation"});
      if (correlation > 0) params["correlation"] = correlation;
      if (params["percent"] > 100 || params["percent"] < 0 || correlation > 100) {
        return failure{errc::failed, "rpc error: code = Unknown desc = Illegal \"" +
                                         std::string(one.name) + "\": exit status 1"};
      }
      add_tc(one.kind, tc, std::move(params));
    }
    if (!at_path(tc, {"rate"}).is_null()) {
      auto rate = parse_rate(text_at(tc, {"rate", "rate"}));
      if (!rate) return rate.why();
      add_tc("net_rate", tc, json{{"bytes_per_s", *rate}});
    }
    if (out_.size() > before) return {};
    return failure{errc::failed,
                   "invalid spec for netem action, at least one is required from delay, loss, "
                   "duplicate, corrupt"};
  }

  void add_delay(const json& tc) {
    auto params = json::object();
    params["ms"] = millis(text_at(tc, {"delay", "latency"}));
    params["jitter_ms"] = millis(text_at(tc, {"delay", "jitter"}, "0ms"));
    params["correlation"] = number(tc, {"delay", "correlation"});
    const auto& reorder = at_path(tc, {"delay", "reorder"});
    if (!reorder.is_null()) {
      params["reorder"] = number(reorder, {"reorder"});
      params["reorder_correlation"] = number(reorder, {"correlation"});
      params["gap"] = reorder.value("gap", 0);
    }
    add_tc("net_delay", tc, std::move(params));
  }

  result<void> add_bandwidth(const json& tc) {
    const auto& wanted = at_path(tc, {"bandwidth"});
    if (wanted.is_null()) return failure{errc::failed, "invalid spec for bandwidth action"};
    auto rate = parse_rate(text_at(wanted, {"rate"}));
    if (!rate) return rate.why();
    auto params = json::object();
    params["bytes_per_s"] = *rate;
    for (const auto* field : {"limit", "buffer", "peakrate", "minburst"}) {
      if (wanted.contains(field)) params[field] = wanted[field];
    }
    add_tc("net_bandwidth", tc, std::move(params));
    return {};
  }

  const json& child_;
  env::effect on_;
  std::vector<env::effect> out_;
};

} // namespace

result<std::vector<env::effect>> network_effects(env::cluster& c, const json& child,
                                                 const json& pod) {
  env::effect on;
  on.lives_in = env::lifetime::sandbox;
  on.ns = text_at(pod, {"metadata", "namespace"});
  on.pod = text_at(pod, {"metadata", "name"});
  on.pod_uid = text_at(pod, {"metadata", "uid"});
  const auto full = on.ns + "/" + on.pod;
  if (at_path(pod, {"spec", "hostNetwork"}) == true) {
    return failure{errc::refused, "It's dangerous to inject network chaos on a pod(" + full +
                                      ") with `hostNetwork`"};
  }
  const auto* runtime = c.node().find(on.pod_uid);
  if (!runtime || !runtime->sandbox_up) {
    return failure{errc::failed,
                   "pod " + full + " has empty container status: container not found"};
  }
  on.instance = runtime->sandbox;
  return builder(child, std::move(on)).run();
}

} // namespace remed::chaos::mesh
