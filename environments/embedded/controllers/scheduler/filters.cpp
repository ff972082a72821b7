#include "environments/embedded/controllers/scheduler/filters.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/scheduler/node_fit.hpp"

namespace remed::env {

namespace {

objection filter_unschedulable(const json& pod, const json& node) {
  if (at_path(node, {"spec", "unschedulable"}) != true) return {};
  static const json cordon =
      json::parse(R"({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})");
  if (is_tolerated(pod, cordon)) return {};
  return {{"node(s) were unschedulable"}, true};
}

objection filter_taints(const json& pod, const json& node) {
  const auto& taint = untolerated_taint(pod, node, {"NoSchedule", "NoExecute"});
  if (taint.is_null()) return {};
  return {{"node(s) had untolerated taint {" + text_at(taint, {"key"}) + ": " +
           text_at(taint, {"value"}) + "}"},
          true};
}

struct host_port {
  std::string ip, protocol;
  std::int64_t port = 0;
  bool collides(const host_port& o) const {
    bool same_ip = ip == o.ip || ip == "0.0.0.0" || o.ip == "0.0.0.0";
    return port == o.port && protocol == o.protocol && same_ip;
  }
};

std::vector<host_port> host_ports(const json& pod) {
  std::vector<host_port> out;
  for (const auto& container : at_path(pod, {"spec", "containers"})) {
    for (const auto& port : at_path(container, {"ports"})) {
      auto number = int_at(port, {"hostPort"});
      if (number > 0) {
        out.push_back(
            {text_at(port, {"hostIP"}, "0.0.0.0"), text_at(port, {"protocol"}, "TCP"), number});
      }
    }
  }
  return out;
}

objection filter_ports(const json& pod, const node_view& at) {
  auto wanted = host_ports(pod);
  if (wanted.empty()) return {};
  for (const auto& other : at.pods) {
    for (const auto& taken : host_ports(*other)) {
      for (const auto& one : wanted) {
        if (one.collides(taken))
          return {{"node(s) didn't have free ports for the requested pod ports"}, false};
      }
    }
  }
  return {};
}

objection filter_resources(const json& pod, const node_view& at) {
  objection out;
  auto room = [&](const std::string& name) {
    auto found = at.room.find(name);
    return found == at.room.end() ? 0.0 : found->second;
  };
  if (static_cast<double>(at.pods.size()) + 1 > room("pods"))
    out.reasons.push_back("Too many pods");
  for (const auto& [name, amount] : pod_requests(pod)) {
    auto used = at.used.find(name);
    double taken = used == at.used.end() ? 0 : used->second;
    if (amount > 0 && taken + amount > room(name) * (1 + 1e-12) + 1e-9) {
      out.reasons.push_back("Insufficient " + name);
    }
  }
  return out;
}

} // namespace

std::string prefilter(const cluster& c, const json& pod) {
  return prefilter_volumes(c, pod);
}

objection filter(const cluster& c, const json& pod, const node_view& at,
                 const std::vector<node_view>& all) {
  if (auto no = filter_unschedulable(pod, *at.node); !no.reasons.empty()) return no;
  if (auto no = filter_taints(pod, *at.node); !no.reasons.empty()) return no;
  if (!affinity_allows(pod, *at.node)) {
    return {{"node(s) didn't match Pod's node affinity/selector"}, true};
  }
  if (auto no = filter_ports(pod, at); !no.reasons.empty()) return no;
  if (auto no = filter_resources(pod, at); !no.reasons.empty()) return no;
  if (auto no = filter_volumes(c, pod, at); !no.reasons.empty()) return no;
  if (auto no = filter_spread(pod, at, all); !no.reasons.empty()) return no;
  return filter_pod_affinity(c, pod, at, all);
}

} // namespace remed::env
