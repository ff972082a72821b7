// Rules about a spec as a whole, kind by kind.
#include "chaos/mesh/admission/checks.hpp"
#include "chaos/mesh/go_values.hpp"

#include <map>
#include <set>

namespace remed::chaos::mesh {

namespace {

using rule = void (*)(findings_list& out, const json& spec, const std::string& path);

bool given(const json& spec, const char* field) {
  const auto& value = at_path(spec, {field});
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  if (value.is_number()) return value != 0;
  return value.is_array() ? !value.empty() : !value.is_null();
}

void stress(findings_list& out, const json& spec, const std::string& path) {
  if (!given(spec, "stressngStressors") && at_path(spec, {"stressors"}).is_null()) {
    return invalid(out, path, spec, "missing stressors");
  }
  const auto& both = at_path(spec, {"stressors"});
  if (both.is_object() && both.empty()) invalid(out, path, spec, "missing stressors");
}

void network(findings_list& out, const json& spec, const std::string& path) {
  const auto action = text_at(spec, {"action"}), direction = text_at(spec, {"direction"}, "to");
  const bool externals = given(spec, "externalTargets");
  const bool targets = at_path(spec, {"target"}).is_object();
  const auto field = path + ".direction";
  if (direction == "to") return;
  if (action == "partition") {
    if (!targets && !externals) {
      invalid(out, field, direction,
              "`from` and `both` direction cannot be used when targets and external targets are "
              "both empty");
    }
    return;
  }
  if (externals) {
    invalid(out, field, direction,
            "external targets cannot be used with `from` and `both` direction in netem action yet");
  }
  if (!targets) {
    invalid(out, field, direction,
            "`from` and `both` direction cannot be used when targets is empty in netem action");
  }
}

void io(findings_list& out, const json& spec, const std::string& path) {
  if (text_at(spec, {"action"}) == "fault" && !given(spec, "errno")) {
    invalid(out, path + ".Errno", 0, "action fault: errno 0 is not supported");
  }
}

void pod(findings_list& out, const json& spec, const std::string& path) {
  if (text_at(spec, {"action"}) == "container-kill" && !given(spec, "containerNames")) {
    out.push_back(path +
                  ".containerNames: Invalid value: []string(nil): the name of container is "
                  "required on container-kill action: invalid value");
  }
}

void http(findings_list& out, const json& spec, const std::string& path) {
  const auto target = text_at(spec, {"target"});
  if (target != "Request" && target != "Response") {
    invalid(out, path + ".Target", target, "target " + target + " is not supported");
  }
  const auto port = spec.value("port", std::int64_t{0});
  if (port <= 0) {
    invalid(out, path + ".Port", port, "port " + std::to_string(port) + " is not supported");
  }
  static const std::set<std::string> methods = {"GET",  "POST",    "PUT",   "DELETE", "PATCH",
                                                "HEAD", "OPTIONS", "TRACE", "CONNECT"};
  const auto method = text_at(spec, {"method"});
  if (given(spec, "method") && target == "Request" && !methods.count(method)) {
    invalid(out, path + ".Method", method, "method " + method + " is not supported");
  }
}

void jvm_stress(findings_list& out, const json& spec, const std::string& path) {
  const bool cpu = given(spec, "cpuCount"), memory = given(spec, "memType");
  if (!cpu && !memory) {
    invalid(out, path, spec, "must set one of cpu-count and mem-type when action is 'stress'");
  }
  if (cpu && memory) {
    invalid(out, path, spec, "inject stress on both CPU and memory is not support now");
  }
  const auto type = text_at(spec, {"memType"});
  if (memory && type != "stack" && type != "heap") {
    invalid(out, path, spec, "value should be 'stack' or 'heap'");
  }
}

void jvm_mysql(findings_list& out, const json& spec, const std::string& path) {
  const auto version = text_at(spec, {"mysqlConnectorVersion"});
  if (version.empty()) {
    invalid(out, path, spec, "MySQL connector version not provided");
  } else if (version != "5" && version != "8") {
    invalid(out, path, spec,
            "MySQL connector version only support 5.X.X(set to 5) and 8.X.X(set to 8)");
  }
  if (!given(spec, "exception") && !given(spec, "latency")) {
    invalid(out, path, spec, "must set one of exception or latency");
  }
}

void jvm(findings_list& out, const json& spec, const std::string& path) {
  const auto action = text_at(spec, {"action"});
  if (action == "stress") return jvm_stress(out, spec, path);
  if (action == "mysql") return jvm_mysql(out, spec, path);
  if (action == "ruleData" && !given(spec, "ruleData")) {
    invalid(out, path, spec, "rule data not provide");
  }
  static const std::map<std::string, std::pair<const char*, const char*>> needs = {
      {"latency", {"latency", "latency not provided"}},
      {"exception", {"exception", "exception not provided"}},
      {"return", {"value", "value not provided"}}};
  auto need = needs.find(action);
  if (need == needs.end()) return;
  if (!given(spec, "class")) invalid(out, path, spec, "class not provided");
  if (!given(spec, "method")) invalid(out, path, spec, "method not provided");
  if (!given(spec, need->second.first)) invalid(out, path, spec, need->second.second);
}

void aws(findings_list& out, const json& spec, const std::string& path) {
  const auto action = text_at(spec, {"action"});
  if (action != "detach-volume") return;
  if (!given(spec, "volumeID")) {
    invalid(out, path + ".AWSSelector.EbsVolume", nullptr,
            "the ID of EBS volume should not be empty on " + action + " action");
  }
  if (!given(spec, "deviceName")) {
    invalid(out, path + ".AWSSelector.DeviceName", nullptr,
            "the name of device should not be empty on " + action + " action");
  }
}

void gcp(findings_list& out, const json& spec, const std::string& path) {
  const auto action = text_at(spec, {"action"});
  if (action == "disk-loss" && at_path(spec, {"deviceNames"}).is_null()) {
    invalid(out, path + ".GCPSelector.DeviceNames", nullptr,
            "at least one device name is required on " + action + " action");
  }
}

void azure(findings_list& out, const json& spec, const std::string& path) {
  const auto action = text_at(spec, {"action"});
  if (action != "disk-detach") return;
  if (!given(spec, "diskName")) {
    invalid(out, path + ".AzureSelector.DiskName", nullptr,
            "the name of data disk should not be empty on " + action + " action");
  }
  if (at_path(spec, {"lun"}).is_null()) {
    invalid(out, path + ".AzureSelector.LUN", nullptr,
            "the LUN of data disk should not be empty on " + action + " action");
  }
}

/// What a machine's action must have, and the words when it has not.
struct need {
  const char *field, *why;
};

const std::vector<need>& machine_needs(const std::string& action) {
  static const std::vector<need> none, network = {{"device", "device is required"}};
  static const std::map<std::string, std::vector<need>> all = {
      {"stress-cpu", {{"load", "load can't be 0"}, {"workers", "workers can't be 0"}}},
      {"stress-mem", {{"size", "size is required"}}},
      {"disk-read-payload",
       {{"payload-process-num", "payload-process-num can't be 0"}, {"size", "size is required"}}},
      {"disk-write-payload",
       {{"payload-process-num", "payload-process-num can't be 0"}, {"size", "size is required"}}},
      {"disk-fill", {{"size", "size is required"}}},
      {"process", {{"process", "process is required"}, {"signal", "signal is required"}}},
      {"jvm-exception",
       {{"pid", "pid is required"},
        {"class", "class is required"},
        {"method", "method is required"},
        {"exception", "exception is required"}}},
      {"jvm-gc", {{"pid", "pid is required"}}},
      {"jvm-latency",
       {{"pid", "pid is required"},
        {"class", "class is required"},
        {"method", "method is required"},
        {"latency", "latency is required"}}},
      {"jvm-return",
       {{"pid", "pid is required"},
        {"class", "class is required"},
        {"method", "method is required"},
        {"value", "value is required"}}},
      {"jvm-stress", {{"pid", "pid is required"}}},
      {"jvm-rule-data", {{"pid", "pid is required"}, {"rule-data", "rule-data is required"}}},
      {"clock", {{"pid", "pid is required"}, {"time-offset", "time-offset is required"}}},
      {"network-delay", {{"device", "device is required"}, {"latency", "latency is invalid"}}},
      {"network-loss", {{"device", "device is required"}, {"percent", "percent is invalid"}}},
      {"network-corrupt", {{"device", "device is required"}, {"percent", "percent is invalid"}}},
      {"network-duplicate", {{"device", "device is required"}, {"percent", "percent is invalid"}}},
      {"network-partition", network},
      {"network-bandwidth", network},
  };
  auto found = all.find(action);
  return found == all.end() ? none : found->second;
}

void machine(findings_list& out, const json& spec, const std::string& path) {
  const auto action = text_at(spec, {"action"});
  const auto& config = at_path(spec, {action});
  if (config.is_null()) {
    invalid(out, path + ".spec", spec, "the configuration corresponding to action is required");
  }
  const bool address = given(spec, "address");
  const auto& selector = at_path(spec, {"selector"});
  const bool selected = selector.is_object() && !selector.empty();
  const auto addresses = address ? spec["address"] : json::array();
  if (!address && !selected) {
    invalid(out, path + ".address", addresses, "one of address or selector should be specified");
  }
  if (address && selected) {
    invalid(out, path + ".address", addresses,
            "only one of address or selector could be specified");
  }
  if (config.is_null()) return;
  for (const auto& one : machine_needs(action)) {
    if (given(config, one.field)) continue;
    return invalid(out, path + ".spec", spec, one.why);
  }
}

} // namespace

void check_whole(findings_list& out, const std::string& kind, const json& spec,
                 const std::string& path) {
  static const std::map<std::string, rule> all = {
      {"StressChaos", stress}, {"NetworkChaos", network},
      {"IOChaos", io},         {"PodChaos", pod},
      {"HTTPChaos", http},     {"JVMChaos", jvm},
      {"AWSChaos", aws},       {"GCPChaos", gcp},
      {"AzureChaos", azure},   {"PhysicalMachineChaos", machine}};
  auto found = all.find(kind);
  if (found != all.end()) found->second(out, spec, path);
}

} // namespace remed::chaos::mesh
