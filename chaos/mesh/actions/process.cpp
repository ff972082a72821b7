// TimeChaos, DNSChaos, KernelChaos, JVMChaos: what the daemon changes for the processes of one
// container.
#include "chaos/mesh/action.hpp"
#include "chaos/mesh/go_values.hpp"
#include "environments/embedded/traffic.hpp"

namespace remed::chaos::mesh {

namespace {

using effects = result<std::vector<env::effect>>;

/// The vDSO of the processes that run now: their clock is off, not that of later ones.
effects skew_time(env::cluster&, json& cr, const spot& at) {
  auto offset = parse_duration(text_at(cr, {"spec", "timeOffset"}));
  if (!offset) return offset.why();
  auto params = json::object();
  params["offset_us"] = offset->count();
  params["clocks"] = at_path(cr, {"spec", "clockIds"});
  return std::vector{effect_on(cr, at, "time_skew", std::move(params))};
}

/// resolv.conf is a file of the sandbox: restarted containers find it changed.
effects poison_dns(env::cluster& c, json& cr, const spot& at) {
  auto params = json::object();
  params["action"] = text_at(cr, {"spec", "action"});
  if (auto server = c.objects().get("services", {own_namespace, "chaos-mesh-dns-server"})) {
    params["server"] = text_at(*server, {"spec", "clusterIP"});
  }
  const auto& patterns = at_path(cr, {"spec", "patterns"});
  params["patterns"] = patterns.is_array() ? patterns : json::array();
  return std::vector{effect_on(cr, at, "dns_fault", std::move(params), env::lifetime::pod)};
}

/// Requests a second to the application in a container now.
double requests_to(const env::cluster& c, const spot& at) {
  const auto* profile = env::profile_of(c, *at.pod, at.where.container);
  if (!profile || profile->cpu_ms <= 0) return 0;
  return env::flow_in(c, at.where.ns).busy_cores(profile->name, at.where.pod) * 1000 /
         profile->cpu_ms;
}

effects fail_kernel(env::cluster& c, json& cr, const spot& at) {
  const auto& wanted = at_path(cr, {"spec", "failKernRequest"});
  auto params = json::object();
  for (const auto* field : {"failtype", "probability", "times"}) {
    params[field] = wanted.value(field, 0);
  }
  // It fails so many times and then no more; each failure is one request's.
  const auto rate = requests_to(c, at) * params["probability"].get<double>() / 100;
  const auto times = params["times"].get<int>();
  if (times > 0 && rate > 0) {
    const auto lasts = from_seconds(times / rate);
    params["spent_at_us"] = (c.now() + lasts).time_since_epoch().count();
    c.schedule(lasts, "traffic", "flow");
  }
  return std::vector{effect_on(cr, at, "kernel_fault", std::move(params))};
}

effects attach_rule(env::cluster& c, json& cr, const spot& at) {
  const auto* profile = env::profile_of(c, *at.pod, at.where.container);
  if (!profile || profile->runtime != "jvm") {
    return failure{
        errc::failed,
        "rpc error: code = Unknown desc = command: bminstall.sh -b -Dorg.jboss.byteman"
        ".transform.all -Dorg.jboss.byteman.verbose -Dorg.jboss.byteman.compileToBytecode"
        " -p " +
            std::to_string(cr["spec"].value("port", 9277)) +
            " 1: java.io.IOException: No such process"};
  }
  auto params = json::object();
  for (const auto* field : {"action", "class", "method", "latency", "exception", "value",
                            "cpuCount", "memType", "database", "table", "sqlType", "ruleData"}) {
    const auto& value = at_path(cr, {"spec", field});
    if (!value.is_null()) params[field] = value;
  }
  return std::vector{effect_on(cr, at, "jvm_rule", std::move(params))};
}

} // namespace

std::shared_ptr<const action> make_time() {
  return at_once(skew_time);
}
std::shared_ptr<const action> make_dns() {
  return at_once(poison_dns);
}
std::shared_ptr<const action> make_kernel() {
  return at_once(fail_kernel);
}
std::shared_ptr<const action> make_jvm() {
  return at_once(attach_rule);
}

} // namespace remed::chaos::mesh
