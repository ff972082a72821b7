// How the end of a command in a container is told to its client.
#pragma once

#include <string>
#include <vector>

namespace remed::env {

/// The channel protocols, best first.
inline constexpr const char* exec_protocol_v5 = "v5.channel.k8s.io";
inline constexpr const char* exec_protocol_v4 = "v4.channel.k8s.io";
inline constexpr const char* exec_protocol_base64 = "base64.channel.k8s.io";
inline constexpr const char* exec_protocol_plain = "channel.k8s.io";

/// What goes over the error stream: a Status for v4 and v5, plain words for the older ones (empty:
/// all went well). `error`: the command was not even started.
std::string exec_status(const std::string& protocol, const std::vector<std::string>& argv,
                        int exit_code, const std::string& error);

} // namespace remed::env
