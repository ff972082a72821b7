// NetworkChaos, the experiment's part: traffic control, address sets and packet filters that it
// wants on its pods and on those of its target.
#include "chaos/mesh/children.hpp"

#include <algorithm>

namespace remed::chaos::mesh {

namespace {

constexpr const char* traffic_blocks[] = {"delay",   "loss", "duplicate",
                                          "corrupt", "rate", "bandwidth"};

/// Names in the kernel have at most 27 characters: long ones keep their beginning and a hash.
std::string kernel_name(const std::string& cr, const std::string& ending) {
  if (cr.size() < 6) return cr + "_" + ending;
  const auto hash = random_source{0}.split(cr).next();
  auto digits = std::to_string(hash) + std::to_string(hash / 7);
  const auto room = 27 - 6 - 2 - std::min<std::size_t>(ending.size(), 18);
  return cr.substr(0, 6) + "_" + digits.substr(0, room) + "_" + ending;
}

/// Pods of the records on the other side of a record, and the external targets, as networks. Their
/// addresses are taken now and never again.
result<std::vector<std::string>> other_side(const env::cluster& c, const json& cr,
                                            const std::string& key) {
  std::vector<std::string> out;
  for (const auto& one : at_path(cr, {"status", "experiment", "containerRecords"})) {
    if (text_at(one, {"selectorKey"}) != key) continue;
    const auto where = parse_id(text_at(one, {"id"}));
    auto pod = c.objects().get("pods", {where.ns, where.pod});
    if (!pod) return failure{errc::failed, "pods \"" + where.pod + "\" not found"};
    const auto address = text_at(*pod, {"status", "podIP"});
    if (!address.empty()) out.push_back(address + "/32");
  }
  for (const auto& one : at_path(cr, {"spec", "externalTargets"})) {
    const auto text = one.get<std::string>();
    const bool name = text.find_first_not_of("0123456789./") != std::string::npos;
    if (name) continue; // resolved by the controller's DNS, which knows no world outside
    out.push_back(text.find('/') == std::string::npos ? text + "/32" : text);
  }
  return out;
}

/// The set of all sets, which filters name, and its parts.
json address_sets(const json& cr, const std::vector<std::string>& networks,
                  const std::string& ending) {
  const auto cr_name = text_at(cr, {"metadata", "name"});
  auto set = [&](const char* part, const char* type) {
    auto out = json::object();
    out["name"] = kernel_name(cr_name, part + ending);
    out["ipsetType"] = type;
    out["source"] = share_name(cr);
    return out;
  };
  auto net = set("net_", "hash:net"), ports = set("netport_", "hash:net,port");
  auto all = set("set_", "list:set");
  net["cidrs"] = networks;
  all["setNames"] = json::array({net["name"], ports["name"]});
  return json::array({net, ports, all});
}

json traffic_control(const json& cr) {
  auto tc = json::object();
  tc["type"] = text_at(cr, {"spec", "action"}) == "bandwidth" ? "bandwidth" : "netem";
  tc["source"] = share_name(cr);
  for (const auto* block : traffic_blocks) {
    if (!at_path(cr, {"spec", block}).is_null()) tc[block] = at_path(cr, {"spec", block});
  }
  const auto device = text_at(cr, {"spec", "device"});
  if (!device.empty()) tc["device"] = device;
  return tc;
}

void drop(share& out, const json& cr, const char* direction, const std::string& set) {
  auto rule = json::object();
  const auto chain = std::string(direction) == "output" ? "OUTPUT" : "INPUT";
  rule["name"] = chain + std::string("/") +
                 kernel_name(text_at(cr, {"metadata", "name"}), direction[0] == 'o' ? "o" : "i");
  rule["direction"] = direction;
  rule["source"] = share_name(cr);
  if (!set.empty()) rule["ipsets"] = json::array({set});
  out.lists["iptables"].push_back(std::move(rule));
}

/// Which way packets are touched at a record: those it sends, those it gets.
struct ways {
  bool sends = false, gets = false;
};
ways ways_of(const json& cr, bool target) {
  const auto direction = text_at(cr, {"spec", "direction"}, "to");
  const bool both = direction == "both", to = both || direction == "to";
  const bool from = both || direction == "from";
  const bool partition = text_at(cr, {"spec", "action"}) == "partition";
  if (target) return {from, partition && to};
  return {to, partition && from};
}

result<share> ask(env::cluster& c, const json& cr, const json& record) {
  const bool target = text_at(record, {"selectorKey"}) == ".Target";
  const auto which = ways_of(cr, target);
  share out;
  out.nothing = !which.sends && !which.gets;
  if (out.nothing) return out;
  auto networks = other_side(c, cr, target ? "." : ".Target");
  if (!networks) return networks.why();
  const bool partition = text_at(cr, {"spec", "action"}) == "partition";
  std::string set;
  if (!networks->empty()) {
    auto sets =
        address_sets(cr, *networks, std::string(partition ? "" : "ne") + (target ? "src" : "tgt"));
    set = sets.back()["name"];
    out.lists["ipsets"] = std::move(sets);
  }
  if (partition) {
    if (which.sends) drop(out, cr, "output", set);
    if (which.gets) drop(out, cr, "input", set);
  } else {
    auto tc = traffic_control(cr);
    if (!set.empty()) tc["ipset"] = set;
    out.lists["tcs"] = json::array({tc});
  }
  // A pod on both sides has one child: the second record adds to the first.
  if (target) {
    for (const auto& one : at_path(cr, {"status", "experiment", "containerRecords"})) {
      out.adds = out.adds || (text_at(one, {"selectorKey"}) == "." && one["id"] == record["id"]);
    }
  }
  return out;
}

} // namespace

std::shared_ptr<const action> make_network() {
  return through_child(network_child, ask);
}

} // namespace remed::chaos::mesh
