// ping, nslookup, tc, ip: the pod's network.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace remed::env {

namespace {

constexpr double inside_rtt_ms = 0.08, outside_rtt_ms = 11.5;
/// The world outside is an emulated gateway which answers for the well-known resolvers.
const std::set<std::string> answering{"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"};
constexpr int longest_ping = 100;

flow_container link_of(const cluster& c, const json& pod) {
  return surroundings(c, pod, text_at(at_path(pod, {"spec", "containers"})[0], {"name"}));
}

struct ping_job {
  std::string host;
  int count = longest_ping, bytes = 56;
  double interval = 1, reply_wait = 10, deadline = 0;
  bool quiet = false;
};

ping_job parse_ping(const std::vector<std::string>& argv) {
  ping_job out;
  auto number = [](const std::string& text) { return std::strtod(text.c_str(), nullptr); };
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const auto& w = argv[i];
    if (w.size() < 2 || w[0] != '-') {
      out.host = w;
      continue;
    }
    if (std::string_view("cWiwstI").find(w[1]) == std::string_view::npos) {
      out.quiet = out.quiet || w.find('q') != std::string::npos;
      continue;
    }
    auto value = w.size() > 2 ? w.substr(2) : i + 1 < argv.size() ? argv[++i] : std::string{};
    if (w[1] == 'c') out.count = std::clamp(static_cast<int>(number(value)), 1, longest_ping);
    if (w[1] == 'W') out.reply_wait = number(value);
    if (w[1] == 'i') out.interval = std::max(0.01, number(value));
    if (w[1] == 'w') out.deadline = number(value);
    if (w[1] == 's') out.bytes = static_cast<int>(number(value));
  }
  return out;
}

/// The round trip of one echo; negative when it is lost.
double echo_ms(random_source& chance, const flow_container& here, const flow_container* there,
               double base) {
  auto lost = chance.unit() < here.loss || here.partitioned;
  if (there) lost = chance.unit() < there->loss || there->partitioned || lost;
  auto ms = base * (0.85 + 0.5 * chance.unit()) + here.delay_ms +
            here.jitter_ms * (2 * chance.unit() - 1);
  if (there) ms += there->delay_ms + there->jitter_ms * (2 * chance.unit() - 1);
  return lost ? -1 : std::max(ms, 0.01);
}

std::string ping_summary(const std::string& host, int sent, const std::vector<double>& got) {
  auto out =
      "\n--- " + host + " ping statistics ---\n" +
      format("%d packets transmitted, %zu packets received, %d%% packet loss\n", sent, got.size(),
             static_cast<int>((sent - static_cast<int>(got.size())) * 100 / sent));
  if (got.empty()) return out;
  double sum = 0;
  for (auto ms : got) sum += ms;
  auto [least, most] = std::minmax_element(got.begin(), got.end());
  return out + format("round-trip min/avg/max = %.3f/%.3f/%.3f ms\n", *least,
                      sum / static_cast<double>(got.size()), *most);
}

} // namespace

shell_result shell_ping(const shell_call& s) {
  auto job = parse_ping(s.argv);
  if (job.host.empty()) return complain(1, "ping: no host given\n");
  auto where = resolve(s.c, &s.pod, job.host);
  if (!where.known) return complain(1, "ping: bad address '" + job.host + "'\n");
  std::optional<flow_container> there;
  auto reachable = where.external ? answering.count(where.address) > 0 : true;
  if (where.pod) there = link_of(s.c, *where.pod);
  auto own = where.pod && text_at(*where.pod, {"metadata", "uid"}) == s.uid;
  if (!where.service.empty()) {
    auto pods = endpoint_pods(s.c, where.ns, where.service);
    reachable = !pods.empty();
    if (reachable) there = link_of(s.c, *pods.front());
  } else if (!where.pod && !where.external) {
    reachable = false;
  }
  auto here = own ? flow_container{} : link_of(s.c, s.pod);
  const auto target = there ? there->address : where.address;
  if (there) there = link_toward(*there, here.address);
  here = link_toward(std::move(here), target);
  if (own) there.reset();
  auto base = where.external ? outside_rtt_ms : own ? 0.04 : inside_rtt_ms;
  auto chance = s.c.random().split("ping|" + s.uid + "|" + job.host + "|" +
                                   std::to_string(s.c.now().time_since_epoch().count()));
  shell_result out;
  out.out = "PING " + job.host + " (" + where.address + "): " + std::to_string(job.bytes) +
            " data bytes\n";
  std::vector<double> got;
  double end = 0;
  int sent = 0;
  for (int i = 0; i < job.count; ++i) {
    auto at = i * job.interval;
    if (job.deadline > 0 && at >= job.deadline) break;
    ++sent;
    auto ms = reachable ? echo_ms(chance, here, there ? &*there : nullptr, base) : -1;
    auto wait = i + 1 < job.count ? std::numeric_limits<double>::infinity() : job.reply_wait;
    end = std::max(end, at + (i + 1 == job.count ? 0 : job.interval));
    if (ms < 0 || ms / 1000 > wait) {
      if (i + 1 == job.count) end = std::max(end, at + job.reply_wait);
      continue;
    }
    got.push_back(ms);
    end = std::max(end, at + ms / 1000);
    if (!job.quiet) {
      out.out += format("%d bytes from %s: seq=%d ttl=%d time=%.3f ms\n", job.bytes + 8,
                        where.address.c_str(), i, where.external ? 112 : 63, ms);
    }
  }
  if (job.deadline > 0) end = std::min(end, job.deadline);
  out.out += ping_summary(job.host, sent, got);
  out.code = got.empty() ? 1 : 0;
  out.takes = from_seconds(end);
  return out;
}

shell_result shell_nslookup(const shell_call& s) {
  std::string name;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    if (s.argv[i][0] != '-' && name.empty()) name = s.argv[i];
  }
  if (name.empty())
    return complain(1, "BusyBox v1.35.0 multi-call binary.\n\nUsage: nslookup HOST\n");
  auto where = resolve(s.c, &s.pod, name);
  auto dns = s.c.objects().get("services", {"kube-system", "kube-dns"});
  auto server = dns ? text_at(*dns, {"spec", "clusterIP"}) : std::string("10.43.0.10");
  if (const auto other = changed_resolver(s.c, s.uid); !other.empty()) server = other;
  auto link = link_of(s.c, s.pod);
  auto chance = s.c.traffic().chance.split("dns|" + s.uid + name +
                                           std::to_string(s.c.now().time_since_epoch().count()));
  // A lost question is asked again after 5 s, once.
  double takes = 0.002 + link.delay_ms / 1000;
  int tries = 0;
  while (tries < 2 && (link.partitioned || chance.unit() < link.loss)) ++tries;
  takes += tries * 5.0;
  if (tries == 2) {
    auto r = complain(1, ";; connection timed out; no servers could be reached\n\n");
    r.takes = from_seconds(takes);
    return r;
  }
  auto head = "Server:\t\t" + server + "\nAddress:\t" + server + ":53\n\n";
  if (!where.known) {
    const auto* why = where.servfail ? "SERVFAIL" : "NXDOMAIN";
    auto r = print(head + "** server can't find " + name + ": " + why + "\n\n", takes);
    r.code = 1;
    return r;
  }
  auto full = where.service.empty() ? name : where.service + "." + where.ns + ".svc.cluster.local";
  return print(head + "Name:\t" + full + "\nAddress: " + where.address + "\n\n", takes);
}

shell_result shell_ip(const shell_call& s) {
  auto what = s.argv.size() > 1 ? s.argv[1] : std::string("addr");
  for (std::size_t i = 2; i < s.argv.size(); ++i) {
    for (const auto* verb : {"add", "del", "delete", "set", "flush"}) {
      if (s.argv[i] == verb) return complain(2, "RTNETLINK answers: Operation not permitted\n");
    }
  }
  auto address = text_at(s.pod, {"status", "podIP"});
  auto gateway = address.substr(0, address.rfind('.')) + ".1";
  if (what[0] == 'r') {
    return print("default via " + gateway + " dev eth0 \n" + gateway.substr(0, gateway.size() - 1) +
                 "0/24 dev eth0 proto kernel scope link src " + address + " \n");
  }
  const auto queue = root_discipline(s.c, s.uid);
  std::string out =
      "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1000\n"
      "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n";
  if (what[0] == 'a')
    out += "    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n";
  out += std::string("2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc ") + queue +
         " state UP\n    link/ether 0a:58:0a:2a:00:07 brd ff:ff:ff:ff:ff:ff link-netnsid 0\n";
  if (what[0] == 'a')
    out += "    inet " + address + "/24 brd " + address.substr(0, address.rfind('.')) +
           ".255 scope global eth0\n       valid_lft forever preferred_lft forever\n";
  return print(out);
}

shell_result shell_ifconfig(const shell_call& s) {
  if (s.argv.size() > 2) return complain(1, "ifconfig: SIOCSIFFLAGS: Operation not permitted\n");
  auto address = text_at(s.pod, {"status", "podIP"});
  return print(
      "eth0      Link encap:Ethernet  HWaddr 0A:58:0A:2A:00:07  \n          inet addr:" + address +
      "  Bcast:" + address.substr(0, address.rfind('.')) +
      ".255  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1450  Metric:1\n\n"
      "lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n"
      "          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n");
}

} // namespace remed::env
