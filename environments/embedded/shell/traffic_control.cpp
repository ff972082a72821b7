// tc, iptables, ipset: what is done to the packets of the pod's network.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

/// Network effects of one experiment with one filter: what one traffic control makes.
struct discipline {
  std::vector<const effect*> parts;
  std::string set;
};

std::vector<discipline> disciplines(const cluster& c, const std::string& uid) {
  std::vector<discipline> out;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid != uid || e.kind.rfind("net_", 0) != 0 || e.kind == "net_partition") continue;
    const auto set = e.params.value("set", "");
    auto same = std::find_if(out.begin(), out.end(), [&, &one = e](const discipline& d) {
      return d.set == set && d.parts.front()->source == one.source;
    });
    if (same == out.end()) same = out.insert(out.end(), {{}, set});
    same->parts.push_back(&e);
  }
  return out;
}

std::string show_ms(double ms) {
  return ms >= 1000 ? format("%gs", ms / 1000)
         : ms >= 1  ? format("%gms", ms)
                    : format("%gus", ms * 1000);
}

std::string show_rate(double bytes_per_s) {
  const auto bits = bytes_per_s * 8;
  if (bits >= 1e9) return format("%gGbit", bits / 1e9);
  if (bits >= 1e6) return format("%.6gMbit", bits / 1e6);
  return bits >= 1e3 ? format("%.6gKbit", bits / 1e3) : format("%gbit", bits);
}

std::string share(const char* word, const effect& e) {
  auto out = format(" %s %g%%", word, e.params.value("percent", 0.0));
  const auto correlation = e.params.value("correlation", 0.0);
  return correlation > 0 ? out + format(" %g%%", correlation) : out;
}

std::string show_delay(const effect& e) {
  auto out = " delay " + show_ms(e.params.value("ms", 0.0));
  const auto jitter = e.params.value("jitter_ms", 0.0), with = e.params.value("correlation", 0.0);
  if (jitter > 0) out += "  " + show_ms(jitter);
  if (jitter > 0 && with > 0) out += format(" %g%%", with);
  return out;
}

/// The parameters in tc's order, whatever their own.
std::string netem_words(const discipline& d) {
  std::string delay, loss, duplicate, reorder, corrupt, rate, gap;
  for (const auto* e : d.parts) {
    if (e->kind == "net_delay") {
      delay = show_delay(*e);
      if (e->params.contains("reorder")) {
        reorder = format(" reorder %g%%", e->params.value("reorder", 0.0));
        const auto with = e->params.value("reorder_correlation", 0.0);
        if (with > 0) reorder += format(" %g%%", with);
        gap = format(" gap %d", e->params.value("gap", 0));
      }
    }
    if (e->kind == "net_loss") loss = share("loss", *e);
    if (e->kind == "net_duplicate") duplicate = share("duplicate", *e);
    if (e->kind == "net_corrupt") corrupt = share("corrupt", *e);
    if (e->kind == "net_rate") rate = " rate " + show_rate(e->params.value("bytes_per_s", 0.0));
  }
  return "limit 1000" + delay + loss + duplicate + reorder + corrupt + rate + gap;
}

std::string line(const discipline& d, int handle, const std::string& place) {
  for (const auto* e : d.parts) {
    if (e->kind != "net_bandwidth") continue;
    return format("qdisc tbf %d: ", handle) + place + " rate " +
           show_rate(e->params.value("bytes_per_s", 0.0)) +
           format(" burst %db limit %db\n", e->params.value("buffer", 0),
                  e->params.value("limit", 0));
  }
  return format("qdisc netem %d: ", handle) + place + " " + netem_words(d) + "\n";
}

/// The tree on a device: those without a filter one below the other, then a prio with a band for
/// each with one.
std::string tree(const std::vector<discipline>& all, const std::string& device) {
  std::string out, place = device + "root refcnt 2";
  int handle = 1;
  int filtered = 0;
  for (const auto& d : all) {
    if (!d.set.empty()) {
      ++filtered;
      continue;
    }
    out += line(d, handle, place);
    place = device + format("parent %d:%s", handle, handle == 1 ? "1" : "");
    ++handle;
  }
  if (filtered == 0) return out;
  const int prio = handle;
  out += format("qdisc prio %d: ", prio) + place +
         format(" bands %d priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1\n", 3 + filtered);
  for (int band = 1; band <= 3; ++band) {
    out += format("qdisc sfq %d: ", ++handle) + device +
           format("parent %d:%d limit 127p quantum 1514b depth 127 divisor 1024\n", prio, band);
  }
  int band = 4;
  for (const auto& d : all) {
    if (!d.set.empty()) out += line(d, ++handle, device + format("parent %d:%d", prio, band++));
  }
  return out;
}

/// The container may administer the pod's network.
bool may_administer(const shell_call& s) {
  for (const auto* list : {"containers", "ephemeralContainers"}) {
    for (const auto& one : at_path(s.pod, {"spec", list})) {
      if (text_at(one, {"name"}) != s.container) continue;
      const auto& context = at_path(one, {"securityContext"});
      if (at_path(context, {"privileged"}) == true) return true;
      for (const auto& added : at_path(context, {"capabilities", "add"})) {
        if (added == "NET_ADMIN" || added == "ALL") return true;
      }
    }
  }
  return false;
}

/// Ends effects of the pod's network that were taken away by hand.
bool take_away(const shell_call& s, bool filters, const char* why) {
  std::vector<std::uint64_t> over;
  for (const auto& [id, e] : s.c.effects()) {
    if (e.pod_uid != s.uid || e.kind.rfind("net_", 0) != 0) continue;
    if ((e.kind == "net_partition") == filters) over.push_back(id);
  }
  for (auto id : over) s.c.end_effect(id, why);
  if (!over.empty()) traffic_touched(s.c);
  return !over.empty();
}

bool has_word(const shell_call& s, std::initializer_list<std::string_view> words) {
  return std::any_of(s.argv.begin() + 1, s.argv.end(), [&](const auto& w) {
    return std::find(words.begin(), words.end(), w) != words.end();
  });
}

} // namespace

std::string root_discipline(const cluster& c, const std::string& pod_uid) {
  const auto all = disciplines(c, pod_uid);
  if (all.empty()) return "noqueue";
  const auto text = tree(all, "");
  return text.substr(6, text.find(' ', 6) - 6);
}

shell_result shell_tc(const shell_call& s) {
  const bool show = s.argv.size() < 3 || has_word(s, {"show", "ls", "list"});
  std::string device;
  for (std::size_t i = 1; i + 1 < s.argv.size(); ++i) {
    if (s.argv[i] == "dev") device = s.argv[i + 1];
  }
  if (!show) {
    if (!may_administer(s)) return complain(2, "RTNETLINK answers: Operation not permitted\n");
    if (!has_word(s, {"del", "delete"})) return {};
    if (take_away(s, false, "tc_deleted")) return {};
    return complain(2, "Error: Cannot delete qdisc with handle of zero.\n");
  }
  if (s.argv.size() > 1 && s.argv[1].find('c') == 0) return {}; // classes: none
  std::string out;
  if (device.empty() || device == "lo") out += "qdisc noqueue 0: dev lo root refcnt 2 \n";
  if (device.empty() || device == "eth0") {
    const std::string name = device.empty() ? "dev eth0 " : "";
    const auto all = disciplines(s.c, s.uid);
    out += all.empty() ? "qdisc noqueue 0: " + name + "root refcnt 2 \n" : tree(all, name);
  }
  if (out.empty()) return complain(1, "Cannot find device \"" + device + "\"\n");
  return print(out);
}

shell_result shell_iptables(const shell_call& s) {
  if (!may_administer(s)) {
    return complain(4,
                    "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: "
                    "Permission denied (you must be root)\n");
  }
  if (has_word(s, {"-F", "--flush"})) {
    take_away(s, true, "iptables_flushed");
    return {};
  }
  std::map<std::string, std::string> chains{{"INPUT", ""}, {"FORWARD", ""}, {"OUTPUT", ""}};
  for (const auto& [id, e] : s.c.effects()) {
    if (e.pod_uid != s.uid || e.kind != "net_partition") continue;
    const bool out = e.params.value("direction", "") == "output";
    const std::string chain = out ? "CHAOS-OUTPUT" : "CHAOS-INPUT";
    chains[out ? "OUTPUT" : "INPUT"] =
        format("%-10s all  --  anywhere             anywhere\n", chain.c_str());
    const auto own = e.params.value("chain", "");
    chains[chain] += format("%-10s all  --  anywhere             anywhere\n", own.c_str());
    const auto set = e.params.value("set", "");
    chains[own] +=
        "DROP       all  --  anywhere             anywhere" +
        (set.empty() ? "" : "             match-set " + set + (out ? " dst,dst" : " src,src")) +
        "\n";
  }
  std::string text;
  for (const auto& [name, rules] : chains) {
    const bool base = name == "INPUT" || name == "FORWARD" || name == "OUTPUT";
    text += "Chain " + name + (base ? " (policy ACCEPT)" : " (1 references)") +
            "\ntarget     prot opt source               destination\n" + rules + "\n";
  }
  return print(text);
}

shell_result shell_ipset(const shell_call& s) {
  if (!may_administer(s)) {
    return complain(1, "ipset v7.17: Kernel error received: Operation not permitted\n");
  }
  std::string out;
  std::set<std::string> shown;
  for (const auto& [id, e] : s.c.effects()) {
    const auto name = e.params.value("set", "");
    if (e.pod_uid != s.uid || name.empty() || !shown.insert(name).second) continue;
    const auto& peers = at_path(e.params, {"peers"});
    out += "Name: " + name +
           "\nType: hash:net\nRevision: 7\nHeader: family inet hashsize 1024 "
           "maxelem 65536\nSize in memory: 456\nReferences: 1\nNumber of entries: " +
           std::to_string(peers.size()) + "\nMembers:\n";
    for (const auto& one : peers) {
      auto text = one.get<std::string>();
      if (text.ends_with("/32")) text.resize(text.size() - 3);
      out += text + "\n";
    }
    out += "\n";
  }
  return print(out);
}

} // namespace remed::env
