#include "environments/embedded/api/discovery.hpp"

#include "environments/embedded/api/context.hpp"
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <cstdio>

namespace remed::env {

namespace {

constexpr auto aggregated_type = "application/json;g=apidiscovery.k8s.io;v=";

/// The virtual resources of metrics-server.
std::vector<resource_type> metrics_resources() {
  std::vector<resource_type> out(2);
  for (auto& t : out) {
    t.group = "metrics.k8s.io";
    t.version = "v1beta1";
    t.verbs = {"get", "list"};
  }
  out[0].plural = "nodes";
  out[0].kind = "NodeMetrics";
  out[0].namespaced = false;
  out[1].plural = "pods";
  out[1].kind = "PodMetrics";
  return out;
}

/// Everything this identity may know of, in order of discovery.
std::vector<resource_pointer> visible(const cluster& c, const identity& who) {
  auto all = all_resources(c.objects());
  for (auto& m : metrics_resources())
    all.push_back(std::make_shared<const resource_type>(std::move(m)));
  std::erase_if(all, [&](const auto& t) { return hides_group(who, t->group); });
  return all;
}

json resource_list(const std::vector<resource_pointer>& all, const std::string& group,
                   const std::string& version) {
  auto out = json::object();
  out["kind"] = "APIResourceList";
  if (!group.empty()) out["apiVersion"] = "v1";
  out["groupVersion"] = group.empty() ? version : group + "/" + version;
  out["resources"] = json::array();
  for (const auto& type : all) {
    const auto& t = *type;
    if (t.group != group || t.version != version) continue;
    json r = {{"name", t.plural},
              {"singularName", t.singular},
              {"namespaced", t.namespaced},
              {"kind", t.kind},
              {"verbs", t.verbs}};
    if (!t.short_names.empty()) r["shortNames"] = t.short_names;
    if (!t.categories.empty()) r["categories"] = t.categories;
    out["resources"].push_back(std::move(r));
    for (const auto& s : t.subresources) {
      json sub = {{"name", t.plural + "/" + s.name},
                  {"singularName", ""},
                  {"namespaced", t.namespaced},
                  {"kind", s.kind},
                  {"verbs", s.verbs}};
      if (!s.group.empty()) sub["group"] = s.group;
      if (!s.version.empty()) sub["version"] = s.version;
      out["resources"].push_back(std::move(sub));
    }
  }
  return out;
}

/// Group names with their versions, in order of first appearance.
std::vector<std::pair<std::string, std::vector<std::string>>> groups(
    const std::vector<resource_pointer>& all) {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  for (const auto& type : all) {
    const auto& t = *type;
    auto found =
        std::find_if(out.begin(), out.end(), [&](const auto& g) { return g.first == t.group; });
    if (found == out.end()) found = out.insert(out.end(), {t.group, {}});
    auto& versions = found->second;
    if (std::find(versions.begin(), versions.end(), t.version) == versions.end())
      versions.push_back(t.version);
  }
  return out;
}

json group_entry(const std::string& name, const std::vector<std::string>& versions) {
  auto out = json::object();
  out["name"] = name;
  out["versions"] = json::array();
  for (const auto& v : versions) {
    out["versions"].push_back({{"groupVersion", name + "/" + v}, {"version", v}});
  }
  out["preferredVersion"] = out["versions"][0];
  return out;
}

json aggregated_resource(const resource_type& t) {
  auto kind_of = [](const std::string& group, const std::string& version, const std::string& kind) {
    return json({{"group", group}, {"version", version}, {"kind", kind}});
  };
  json r = {{"resource", t.plural},
            {"responseKind", kind_of(t.group, t.version, t.kind)},
            {"scope", t.namespaced ? "Namespaced" : "Cluster"},
            {"singularResource", t.singular},
            {"verbs", t.verbs}};
  if (!t.short_names.empty()) r["shortNames"] = t.short_names;
  if (!t.categories.empty()) r["categories"] = t.categories;
  for (const auto& s : t.subresources) {
    r["subresources"].push_back(
        {{"subresource", s.name},
         {"responseKind", kind_of(s.group.empty() ? t.group : s.group,
                                  s.version.empty() ? t.version : s.version, s.kind)},
         {"verbs", s.verbs}});
  }
  return r;
}

json aggregated(const std::vector<resource_pointer>& all, bool core, const std::string& version) {
  auto out = json::object();
  out["kind"] = "APIGroupDiscoveryList";
  out["apiVersion"] = "apidiscovery.k8s.io/" + version;
  out["metadata"] = json::object();
  out["items"] = json::array();
  for (const auto& [name, versions] : groups(all)) {
    if (name.empty() != core) continue;
    auto item = json::object();
    item["metadata"] = json::object();
    if (!core) item["metadata"]["name"] = name;
    for (const auto& v : versions) {
      auto entry = json::object();
      entry["version"] = v;
      entry["freshness"] = "Current";
      entry["resources"] = json::array();
      for (const auto& type : all) {
        const auto& t = *type;
        if (t.group == name && t.version == v) entry["resources"].push_back(aggregated_resource(t));
      }
      item["versions"].push_back(std::move(entry));
    }
    out["items"].push_back(std::move(item));
  }
  return out;
}

std::string hash_of(const std::string& text) {
  std::uint64_t h = 14695981039346656037ULL;
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ULL;
  char out[17];
  std::snprintf(out, sizeof out, "%016llX", static_cast<unsigned long long>(h));
  return out;
}

/// Names the content, and answers 304 to a client that has it.
tools::http_response tagged(const tools::http_request& request, tools::http_response response) {
  if (response.value) return response; // no text to name
  auto tag = "\"" + hash_of(response.body) + "\"";
  if (request.headers.get("If-None-Match") == tag) {
    response.status = 304;
    response.body.clear();
  }
  response.headers.set("ETag", tag);
  response.headers.set("Vary", "Accept");
  response.headers.set("Cache-Control", "public");
  return response;
}

/// /api and /apis: aggregated when the client asks for it, with an ETag.
tools::http_response root_list(const std::vector<resource_pointer>& all,
                               const tools::http_request& request, bool core) {
  auto accept = request.headers.get("Accept");
  for (auto* version : {"v2", "v2beta1"}) {
    auto wanted = std::string("v=") + version + ";";
    if (accept.find("apidiscovery.k8s.io") == std::string_view::npos) break;
    if (accept.find(wanted) == std::string_view::npos) continue;
    auto body = aggregated(all, core, version);
    auto response = tagged(request, json_response(request, 200, body));
    response.headers.set("Content-Type",
                         aggregated_type + std::string(version) + ";as=APIGroupDiscoveryList");
    return response;
  }
  auto out = json::object();
  if (core) {
    out = {{"kind", "APIVersions"},
           {"versions", json::array({"v1"})},
           {"serverAddressByClientCIDRs", json::array()}};
    return json_response(request, 200, out);
  }
  out = {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", json::array()}};
  for (const auto& [name, versions] : groups(all)) {
    if (!name.empty()) out["groups"].push_back(group_entry(name, versions));
  }
  return json_response(request, 200, out);
}

json version_of(const cluster& c) {
  auto text = c.options().version;
  auto parts = split(text.substr(text.find_first_of("0123456789")), '.');
  return {{"major", parts[0]},        {"minor", parts.size() > 1 ? parts[1] : "0"},
          {"gitVersion", text},       {"gitCommit", "af64d838aacd9173317b39cf273741816bd82377"},
          {"gitTreeState", "clean"},  {"buildDate", "2025-01-15T14:34:02Z"},
          {"goVersion", "go1.22.10"}, {"compiler", "gc"},
          {"platform", "linux/amd64"}};
}

tools::http_response health(const tools::http_request& request) {
  tools::http_response out;
  out.headers.set("Content-Type", "text/plain; charset=utf-8");
  out.headers.set("X-Content-Type-Options", "nosniff");
  out.body = request.query.has("verbose")
                 ? "[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]informer-sync ok\n" +
                       request.path.substr(1) + " check passed\n"
                 : "ok";
  return out;
}

tools::http_response open_api_index(const std::vector<resource_pointer>& all,
                                    const tools::http_request& request, const cluster& c) {
  auto out = json::object();
  for (const auto& [name, versions] : groups(all)) {
    for (const auto& v : versions) {
      if (name == "metrics.k8s.io") continue;
      auto path = name.empty() ? "api/" + v : "apis/" + name + "/" + v;
      // Built-in documents never change; those of CRDs change when the CRD does.
      auto crds = c.objects().count("customresourcedefinitions.apiextensions.k8s.io");
      auto hash = hash_of(path + c.options().version + std::to_string(crds));
      out["paths"][path]["serverRelativeURL"] = "/openapi/v3/" + path + "?hash=" + hash;
    }
  }
  return tagged(request, json_response(request, 200, out));
}

std::optional<tools::http_response> open_api(const cluster& c, const identity& who,
                                             const tools::http_request& request) {
  const auto& path = request.path;
  if (path == "/openapi/v2") {
    // The smallest document that kubectl takes for one: validation is then the server's.
    tools::http_response out;
    out.headers.set("Content-Type", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    out.body = std::string(
        "\x0a\x03"
        "2.0"
        "\x12\x0d\x0a\x03"
        "min"
        "\x12\x06"
        "v0.0.0",
        20);
    return out;
  }
  if (path == "/openapi/v3") return open_api_index(visible(c, who), request, c);
  for (std::string prefix : {"/openapi/v3/apis/", "/openapi/v3/api/"}) {
    if (path.rfind(prefix, 0) != 0) continue;
    auto version = path.substr(prefix.size());
    if (hides_group(who, version.substr(0, version.find('/')))) return std::nullopt;
    auto document = open_api_document(c.objects(), version);
    if (!document.is_null()) return tagged(request, json_response(request, 200, document));
  }
  return std::nullopt;
}

} // namespace

std::optional<tools::http_response> discover(const cluster& c, const identity& who,
                                             const tools::http_request& request) {
  auto path = request.path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == "/version") return json_response(request, 200, version_of(c));
  if (path == "/healthz" || path == "/livez" || path == "/readyz") return health(request);
  if (path.rfind("/openapi/", 0) == 0) return open_api(c, who, request);
  auto parts = split(std::string_view(path).substr(1), '/');
  if (parts[0] != "api" && parts[0] != "apis") return std::nullopt;
  if (parts[0] == "api" && parts.size() > 2) return std::nullopt;
  if (parts[0] == "apis" && parts.size() > 3) return std::nullopt;
  auto all = visible(c, who);
  if (parts.size() == 1) return root_list(all, request, parts[0] == "api");
  if (parts[0] == "api") {
    if (parts[1] != "v1") return std::nullopt;
    return json_response(request, 200, resource_list(all, "", "v1"));
  }
  for (const auto& [name, versions] : groups(all)) {
    if (name != parts[1]) continue;
    if (parts.size() == 2) {
      auto out = group_entry(name, versions);
      out["kind"] = "APIGroup";
      out["apiVersion"] = "v1";
      return json_response(request, 200, out);
    }
    if (std::find(versions.begin(), versions.end(), parts[2]) == versions.end())
      return std::nullopt;
    return json_response(request, 200, resource_list(all, parts[1], parts[2]));
  }
  return std::nullopt;
}

} // namespace remed::env
