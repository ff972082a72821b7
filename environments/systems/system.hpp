// A microservice system: its manifests, who calls whom, how its services behave, what its users
// expect. Declared in environments/systems/<name>/system.yaml and manifests.yaml.
#pragma once

#include "runtime/result.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

namespace remed::env {

/// How one service behaves when nothing is wrong.
struct service_profile {
  std::string name; ///< Deployment and Service name
  std::string runtime =
      "python";      ///< python, go, jvm, node, dotnet, nginx, mysql, …: start-up times
  double cpu_ms = 2; ///< CPU per request
  double idle_millicores = 1;
  double memory_mib = 20;     ///< working set of the main container
  double start_seconds = 0.8; ///< from container start to accepting connections, at 1 core
  double latency_ms = 3;      ///< own p50 without callees
  struct call {
    std::string to;
    double per_request = 1; ///< calls per own request
    double timeout_s = 2;
    bool required = true;
  };
  std::vector<call> calls;
};

struct system_profile {
  std::string name;                      ///< simple-micro; also its namespace
  std::vector<nlohmann::json> manifests; ///< in order of application
  std::map<std::string, service_profile> services;
  std::vector<std::string> entry;   ///< where users come in
  double load_rps = 5;              ///< at each entry
  double slo_success = 0.99;        ///< share of user requests that must succeed
  double slo_p95_ms = 1000;         ///< and how fast
  std::vector<std::string> targets; ///< eligible for faults
  std::map<std::string, std::vector<std::string>> targets_by_fault; ///< exceptions
  std::string context; ///< C0: what agents are told of the system
};

/// Reads a system by name from the shipped ones, or a folder. Errors name file and line.
result<system_profile> load_system(const std::string& name_or_folder);
std::vector<std::string> shipped_systems();

} // namespace remed::env
