#include "environments/embedded/api/exec_status.hpp"

#include "environments/embedded/api/text.hpp"

namespace remed::env {

std::string exec_status(const std::string& protocol, const std::vector<std::string>& argv,
                        int exit_code, const std::string& error) {
  bool sends_status = protocol == exec_protocol_v5 || protocol == exec_protocol_v4;
  json status = {{"metadata", json::object()}, {"status", "Success"}};
  if (error.empty() && exit_code == 0) return sends_status ? status.dump() : "";
  status["status"] = "Failure";
  if (!error.empty()) {
    auto text = "Internal error occurred: error executing command in container: " + error;
    if (!sends_status) return text;
    status["message"] = "Internal error occurred: " + text;
    status["reason"] = "InternalError";
    status["details"]["causes"] = json::array();
    status["details"]["causes"].push_back({{"message", text}});
    status["code"] = 500;
    return status.dump();
  }
  auto code = std::to_string(exit_code);
  auto why = protocol == exec_protocol_v5
                 ? "command terminated with exit code " + code
                 : "error executing command [" + join(argv, " ") + "], exit code " + code;
  status["message"] = "command terminated with non-zero exit code: " + why;
  if (!sends_status) return status["message"];
  status["reason"] = "NonZeroExitCode";
  status["details"]["causes"] = json::array();
  status["details"]["causes"].push_back({{"reason", "ExitCode"}, {"message", code}});
  return status.dump();
}

} // namespace remed::env
