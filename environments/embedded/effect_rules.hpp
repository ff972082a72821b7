// What an effect touches: which addresses, names, files and requests. Pure questions, asked alike
// by the traffic, the node and the commands in a pod.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <optional>
#include <string>
#include <vector>

namespace remed::env {

/// "10.42.0.7" is in "10.42.0.0/24".
bool in_network(const std::string& address, const std::string& network);
/// A path against a glob: ? and * stay within a segment, ** does not; "/a/**/*" takes "/a/f" too.
bool glob_matches(const std::string& glob, const std::string& path);

/// A network effect touches packets to an address: it names it, or names none.
bool touches(const effect& e, const std::string& address);

/// What a pod's resolver does to a name, by the first effect that means it; none: answers well.
enum class name_trouble { none, error, random };
name_trouble trouble_with(const cluster& c, const std::string& pod_uid, const std::string& name);
/// The same for one effect's patterns ("*" at their end only; no pattern means all names).
bool names_pattern(const json& patterns, const std::string& name);
/// An address nobody has, for a resolver that answers at random: the same for a name at one
/// instant.
std::string random_address(const cluster& c, const std::string& name);
/// The resolver a pod's resolv.conf names; empty: the cluster's.
std::string changed_resolver(const cluster& c, const std::string& pod_uid);

/// Effects on files that touch a path in a container, in order; block devices count with those of
/// the volume they are under, folders with the files in them.
std::vector<const effect*> io_effects_on(const cluster& c, const std::string& pod_uid,
                                         const std::string& container, const std::string& path);
/// An effect on files meets operations of a FUSE method ("write"): it names it, or names none.
bool meets_method(const effect& e, const std::string& method);
/// A fault that was to strike so many times has done so and does nothing more.
bool is_spent(const cluster& c, const effect& e);
/// The words of an errno: 5 is "Input/output error".
std::string error_text(int code);

/// A request as the proxy before a pod's port sees it, and what it does to it.
struct proxied {
  std::string method = "GET", path = "/";
  int port = 0;
  bool broken = false; ///< redirected to a proxy that is gone
  bool aborted = false;
  double delay_ms = 0;
  std::optional<int> status;
  std::optional<std::string> body;
  std::vector<std::string> body_patches; ///< JSON merge patches, in order
};
/// Applies the effects on requests (before the application) and then, once its `status` is known,
/// on responses.
void proxy_request(const cluster& c, const json& pod, proxied& request);
void proxy_response(const cluster& c, const json& pod, int status, proxied& request);

} // namespace remed::env
