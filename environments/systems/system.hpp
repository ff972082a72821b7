// A microservice system: its manifests, who calls whom, how its services behave, what its users
// expect. Declared in environments/systems/<name>/system.yaml and manifests.yaml.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/result.hpp"
#include "runtime/shared_list.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::env {

/// How one service behaves when nothing is wrong. What a profile leaves out comes from its runtime
/// (runtimes.yaml).
struct service_profile {
  std::string name;               ///< of its workload
  std::string service;            ///< the Kubernetes Service it answers behind; empty: its name
  std::string runtime = "python"; ///< a name in runtimes.yaml
  double cpu_ms = 2;              ///< CPU per request
  double idle_millicores = 1;
  double memory_mib = 20;     ///< working set of the main container
  double start_seconds = 0.8; ///< from container start to accepting connections, at 1 core
  double latency_ms = 3;      ///< own p50 without callees
  double spread = 0.3;        ///< of the own time: sigma of its logarithm
  bool inferred = false;      ///< told from manifests, not declared
  int threads = 0; ///< that can use the CPU at once; 0: one per request, 1: an event loop or GIL
  struct call {
    std::string to;
    double per_request = 1; ///< calls per own request
    double timeout_s = 2;
    bool required = true;
    int retries = 0; ///< of a call that failed
  };
  std::vector<call> calls; ///< of each request
  /// What users do: each request takes one route, and makes its calls besides `calls`.
  struct route {
    std::string path; ///< "/cart"; other paths take any route
    double share = 1; ///< weight among the routes
    std::vector<call> calls;
  };
  std::vector<route> routes;

  const std::string& service_name() const { return service.empty() ? name : service; }
};

struct system_profile {
  std::string name;            ///< simple-micro; also its namespace
  shared_list<json> manifests; ///< in order of application
  std::map<std::string, service_profile> services;
  std::vector<std::string> entry;   ///< where users come in
  double load_rps = 5;              ///< at each entry; of an open load
  double users = 0;                 ///< of a closed load: each waits for its answer; 0: open load
  double think_s = 5;               ///< and then this long before it asks again
  double slo_success = 0.99;        ///< share of user requests that must succeed
  double slo_p95_ms = 1000;         ///< and how fast
  std::vector<std::string> targets; ///< eligible for faults
  std::map<std::string, std::vector<std::string>> targets_by_fault; ///< exceptions
  std::string context; ///< C0: what agents are told of the system
};

/// Reads a system by name from the shipped ones, or a folder of a user's Kubernetes manifests:
/// its *.yaml, *.yml and *.json, and those of its folder `manifests`, in the order of their names.
/// Profiles are inferred from them; a `system.yaml` beside them overrides what it names
/// (configs/schemas/system.schema.json). Without a name there, the system is called like the
/// namespace its workloads are in, else like the folder. Errors name file, line and path.
result<system_profile> load_system(const std::string& name_or_folder);
std::vector<std::string> shipped_systems();

} // namespace remed::env
