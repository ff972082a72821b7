// The few kubectl commands the in-process backend understands, mapped to API requests one to one:
//
//   kubectl get --raw PATH
//   kubectl get KIND [NAME] [-n NS] [-l SELECTOR] [-o json|name|wide]
//   kubectl top pod|pods [NAME] [-n NS] [--containers]
//   kubectl logs POD [-n NS] [-c CONTAINER] [--tail N] [--previous]
//   kubectl exec POD [-n NS] [-c CONTAINER] -- WORD...
//
// It is no kubectl: what it does not know it refuses, naming this list.
#pragma once

#include "agents/inprocess/api_client.hpp"

#include <functional>
#include <string>

namespace remed::agents {

struct kubectl_result {
  int exit_code = 0;
  std::string output;
};

/// Runs one shell line; `done` is called once, at once or (exec) later.
void run_kubectl(const api_client& api, const std::string& line,
                 std::function<void(kubectl_result)> done);

} // namespace remed::agents
