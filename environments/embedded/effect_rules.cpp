#include "environments/embedded/effect_rules.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/state.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace remed::env {

namespace {

/// Four numbers as one, or none.
std::optional<std::uint32_t> number_of(const std::string& address) {
  const auto parts = split(address, '.');
  if (parts.size() != 4) return std::nullopt;
  std::uint32_t out = 0;
  for (const auto& part : parts) {
    if (part.empty() || part.size() > 3 ||
        part.find_first_not_of("0123456789") != std::string::npos) {
      return std::nullopt;
    }
    out = out << 8 | static_cast<std::uint32_t>(std::stoul(part));
  }
  return out;
}

bool match_from(const char* glob, const char* text) {
  for (;; ++glob, ++text) {
    if (*glob == '*') {
      const bool deep = glob[1] == '*';
      const char* rest = glob + (deep ? 2 : 1);
      // "**/" also stands for no folder at all.
      if (deep && *rest == '/' && match_from(rest + 1, text)) return true;
      for (const char* at = text;; ++at) {
        if (match_from(rest, at)) return true;
        if (*at == 0 || (!deep && *at == '/')) return false;
      }
    }
    if (*glob == 0) return *text == 0;
    if (*text == 0 || (*glob == '?' ? *text == '/' : *glob != *text)) return false;
  }
}

/// As a proxy reads a path: * is anything, slashes too.
bool wild_matches(const std::string& pattern, const std::string& path) {
  std::string deep;
  for (char ch : pattern) deep += ch == '*' ? std::string("**") : std::string(1, ch);
  return match_from(deep.c_str(), path.c_str());
}

bool is_below(const std::string& path, const std::string& mount) {
  return path == mount || mount == "/" || path.rfind(mount + "/", 0) == 0;
}

/// A rule's selector against a request; `status` only for responses.
bool selects_request(const effect& e, const proxied& r, std::optional<int> status) {
  const auto& by = at_path(e.params, {"selector"});
  if (e.params.value("port", 0) != r.port) return false;
  const auto path = text_at(by, {"path"}), method = text_at(by, {"method"});
  if (!path.empty() && !wild_matches(path, r.path)) return false;
  if (!method.empty() && method != r.method) return false;
  const auto& code = at_path(by, {"code"});
  return !status || !code.is_number() || code == *status;
}

void act(const effect& e, proxied& r) {
  const auto& actions = at_path(e.params, {"actions"});
  if (actions.value("abort", false)) r.aborted = true;
  r.delay_ms += e.params.value("delay_ms", 0.0);
  const auto& replace = at_path(actions, {"replace"});
  if (e.params.value("target", "") == "Request") {
    r.path = text_at(replace, {"path"}, r.path);
    r.method = text_at(replace, {"method"}, r.method);
    return;
  }
  if (at_path(replace, {"code"}).is_number()) r.status = replace["code"].get<int>();
  if (at_path(replace, {"body"}).is_string())
    r.body = base64_decode(replace["body"].get<std::string>());
  const auto patch = text_at(actions, {"patch", "body", "value"});
  if (!patch.empty()) r.body_patches.push_back(patch);
}

template <class F>
void each_http(const cluster& c, const json& pod, F what) {
  for (const auto& [id, e] : c.effects()) {
    if (e.kind == "http_fault" && e.pod_uid == text_at(pod, {"metadata", "uid"})) what(e);
  }
}

} // namespace

bool in_network(const std::string& address, const std::string& network) {
  const auto slash = network.find('/');
  const auto a = number_of(address), b = number_of(network.substr(0, slash));
  if (!a || !b) return false;
  const auto bits = slash == std::string::npos ? 32 : std::atoi(network.c_str() + slash + 1);
  if (bits <= 0) return true;
  return (*a ^ *b) >> (32 - std::min(bits, 32)) == 0;
}

bool glob_matches(const std::string& glob, const std::string& path) {
  return match_from(glob.c_str(), path.c_str());
}

bool touches(const effect& e, const std::string& address) {
  const auto& peers = at_path(e.params, {"peers"});
  if (!peers.is_array()) return true;
  for (const auto& one : peers) {
    if (in_network(address, one.get<std::string>())) return true;
  }
  return false;
}

bool names_pattern(const json& patterns, const std::string& name) {
  if (!patterns.is_array() || patterns.empty()) return true;
  for (const auto& one : patterns) {
    auto pattern = one.get<std::string>();
    const bool open = pattern.ends_with('*');
    if (open) pattern.pop_back();
    if (name.size() < pattern.size() || (!open && name.size() != pattern.size())) continue;
    bool same = true;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      same = same && (pattern[i] == '?' || pattern[i] == name[i]);
    }
    if (same) return true;
  }
  return false;
}

name_trouble trouble_with(const cluster& c, const std::string& pod_uid, const std::string& name) {
  for (const auto& [id, e] : c.effects()) {
    if (e.kind != "dns_fault" || e.pod_uid != pod_uid) continue;
    if (!names_pattern(at_path(e.params, {"patterns"}), name)) continue;
    return e.params.value("action", "") == "random" ? name_trouble::random : name_trouble::error;
  }
  return name_trouble::none;
}

std::string random_address(const cluster& c, const std::string& name) {
  auto chance = random_source{}.split(name + std::to_string(c.now().time_since_epoch().count()));
  std::string out;
  // 198.18.0.0/15 is for tests: nobody is there.
  out = "198." + std::to_string(18 + chance.below(2));
  for (int i = 0; i < 2; ++i) out += "." + std::to_string(1 + chance.below(254));
  return out;
}

std::string changed_resolver(const cluster& c, const std::string& pod_uid) {
  for (const auto& [id, e] : c.effects()) {
    if (e.kind == "dns_fault" && e.pod_uid == pod_uid) return e.params.value("server", "");
  }
  return {};
}

std::vector<const effect*> io_effects_on(const cluster& c, const std::string& pod_uid,
                                         const std::string& container, const std::string& path) {
  std::vector<const effect*> out;
  for (const auto& [id, e] : c.effects()) {
    if (e.kind.rfind("io_", 0) != 0 || e.pod_uid != pod_uid || e.container != container) continue;
    if (!is_below(path, e.params.value("path", "/"))) continue;
    const auto glob = e.params.value("glob", "");
    if (!glob.empty() && !glob_matches(glob, path) && !glob_matches(glob, path + "/x")) continue;
    out.push_back(&e);
  }
  return out;
}

bool meets_method(const effect& e, const std::string& method) {
  const auto& named = at_path(e.params, {"methods"});
  if (!named.is_array() || named.empty()) return true;
  return std::find(named.begin(), named.end(), method) != named.end();
}

bool is_spent(const cluster& c, const effect& e) {
  const auto& at = at_path(e.params, {"spent_at_us"});
  return at.is_number() && c.now().time_since_epoch().count() >= at.get<std::int64_t>();
}

std::string error_text(int code) {
  return std::strerror(code);
}

void proxy_request(const cluster& c, const json& pod, proxied& request) {
  each_http(c, pod, [&](const effect& e) {
    if (e.params.value("port", 0) != request.port) return;
    const auto* runtime = c.node().find(e.pod_uid);
    const auto* container = runtime ? runtime->find(e.container) : nullptr;
    // The proxy died with the container it was in; the redirection to it did not.
    if (container && container->instance != e.instance) request.broken = true;
    if (e.params.value("target", "") != "Request") return;
    if (selects_request(e, request, std::nullopt)) act(e, request);
  });
}

void proxy_response(const cluster& c, const json& pod, int status, proxied& request) {
  each_http(c, pod, [&](const effect& e) {
    if (e.params.value("target", "") != "Response") return;
    if (selects_request(e, request, request.status.value_or(status))) act(e, request);
  });
}

} // namespace remed::env
