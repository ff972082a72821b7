// PodSpec: containers, ports, resources, probes, volumes.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/validation.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

using errors_out = std::vector<field_error>;

void check_one_of(const json& from, const char* field, const std::string& path,
                  const std::vector<std::string>& supported, errors_out& out) {
  auto value = text_at(from, {field});
  if (value.empty()) return;
  if (std::find(supported.begin(), supported.end(), value) == supported.end()) {
    out.push_back(not_supported(path + "." + field, value, supported));
  }
}

void check_port_number(const json& port, const std::string& path, errors_out& out) {
  if (port.is_string()) {
    auto name = port.get<std::string>();
    if (name.empty() || name.size() > 15) {
      out.push_back(invalid(path, port, "must be no more than 15 characters"));
    }
    return;
  }
  auto number = port.is_number() ? port.get<std::int64_t>() : 0;
  if (number < 1 || number > 65535) {
    out.push_back(invalid(path, number, "must be between 1 and 65535, inclusive"));
  }
}

void check_ports(const json& ports, const std::string& path, errors_out& out) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    auto here = path + "[" + std::to_string(i) + "]";
    if (auto name = text_at(ports[i], {"name"}); !name.empty()) {
      if (!names.insert(name).second) out.push_back(duplicate(here + ".name", name));
      if (name.size() > 15) {
        out.push_back(invalid(here + ".name", name, "must be no more than 15 characters"));
      }
    }
    if (!ports[i].contains("containerPort"))
      out.push_back(required(here + ".containerPort"));
    else
      check_port_number(ports[i]["containerPort"], here + ".containerPort", out);
    check_one_of(ports[i], "protocol", here, {"SCTP", "TCP", "UDP"}, out);
  }
}

std::optional<double> amount(const json& resources, const char* list, const std::string& name) {
  const auto& value = at_path(resources, {list, name});
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get<std::string>()) : std::nullopt;
}

void check_resources(const json& resources, const std::string& path, errors_out& out) {
  for (auto* list : {"limits", "requests"}) {
    for (const auto& [name, value] : at_path(resources, {list}).items()) {
      auto here = path + "." + list + "[" + name + "]";
      auto number = amount(resources, list, name);
      if (number && *number < 0) {
        out.push_back(invalid(here, value, "must be greater than or equal to 0"));
      }
      static const std::set<std::string> known = {"cpu", "memory", "ephemeral-storage"};
      if (!known.count(name) && name.find('/') == std::string::npos &&
          name.rfind("hugepages-", 0) != 0) {
        out.push_back(invalid(here, name, "must be a standard resource type or fully qualified"));
        out.push_back(invalid(here, name, "must be a standard resource for containers"));
      }
    }
  }
  for (const auto& [name, value] : at_path(resources, {"requests"}).items()) {
    auto want = amount(resources, "requests", name), most = amount(resources, "limits", name);
    if (!want || !most || *want <= *most) continue;
    auto limit = at_path(resources, {"limits", name});
    out.push_back(invalid(path + ".requests", value,
                          "must be less than or equal to " + name + " limit of " +
                              (limit.is_string() ? limit.get<std::string>() : limit.dump())));
  }
}

void check_probe(const json& probe, const std::string& path, errors_out& out) {
  for (auto* name : {"httpGet", "tcpSocket"}) {
    if (!probe.contains(name)) continue;
    auto here = path + "." + name + ".port";
    if (probe[name].contains("port"))
      check_port_number(probe[name]["port"], here, out);
    else
      check_port_number(0, here, out);
  }
}

void check_env(const json& container, const std::string& path, errors_out& out) {
  const auto& env = at_path(container, {"env"});
  for (std::size_t i = 0; i < env.size(); ++i) {
    auto here = path + ".env[" + std::to_string(i) + "]";
    if (text_at(env[i], {"name"}).empty()) out.push_back(required(here + ".name"));
    if (env[i].contains("valueFrom") && !text_at(env[i], {"value"}).empty()) {
      out.push_back(
          invalid(here + ".valueFrom", "", "may not be specified when `value` is not empty"));
    }
  }
}

void check_mounts(const json& container, const std::string& path,
                  const std::set<std::string>& volumes, errors_out& out) {
  const auto& mounts = at_path(container, {"volumeMounts"});
  std::set<std::string> places;
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    auto here = path + ".volumeMounts[" + std::to_string(i) + "]";
    auto name = text_at(mounts[i], {"name"});
    if (name.empty()) out.push_back(required(here + ".name"));
    if (!volumes.count(name)) {
      out.push_back({here + ".name", "Not found: " + go_quote(name), "FieldValueNotFound"});
    }
    auto place = text_at(mounts[i], {"mountPath"});
    if (place.empty())
      out.push_back(required(here + ".mountPath"));
    else if (!places.insert(place).second) {
      out.push_back(invalid(here + ".mountPath", place, "must be unique"));
    }
  }
}

void check_container(const json& c, const std::string& path, const std::set<std::string>& volumes,
                     errors_out& out) {
  if (text_at(c, {"image"}).empty()) out.push_back(required(path + ".image"));
  check_ports(at_path(c, {"ports"}), path + ".ports", out);
  check_env(c, path, out);
  check_mounts(c, path, volumes, out);
  for (auto* name : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (!c.contains(name)) continue;
    auto here = path + "." + name;
    check_probe(c[name], here, out);
    bool gate = std::string_view(name) == "readinessProbe";
    auto successes = int_at(c[name], {"successThreshold"}, 1);
    if (!gate && successes > 1)
      out.push_back(invalid(here + ".successThreshold", successes, "must be 1"));
    if (gate && c[name].contains("terminationGracePeriodSeconds")) {
      out.push_back(invalid(here + ".terminationGracePeriodSeconds",
                            c[name]["terminationGracePeriodSeconds"],
                            "must not be set for readinessProbes"));
    }
  }
  check_one_of(c, "imagePullPolicy", path, {"Always", "IfNotPresent", "Never"}, out);
  check_resources(at_path(c, {"resources"}), path + ".resources", out);
}

void check_containers(const json& spec, const char* list, const std::string& path,
                      const std::set<std::string>& volumes, std::set<std::string>& names,
                      errors_out& out) {
  const auto& all = at_path(spec, {list});
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto here = path + "." + list + "[" + std::to_string(i) + "]";
    auto name = text_at(all[i], {"name"});
    if (name.empty()) {
      out.push_back(required(here + ".name"));
    } else if (auto why = bad_dns_label(name)) {
      out.push_back(invalid(here + ".name", name, *why));
    } else if (!names.insert(name).second) {
      out.push_back(duplicate(here + ".name", name));
    }
    check_container(all[i], here, volumes, out);
  }
}

} // namespace

void validate_pod_spec(const json& spec, const std::string& path, errors_out& out) {
  std::set<std::string> volumes;
  const auto& list = at_path(spec, {"volumes"});
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto here = path + ".volumes[" + std::to_string(i) + "].name";
    auto name = text_at(list[i], {"name"});
    if (name.empty())
      out.push_back(required(here));
    else if (auto why = bad_dns_label(name))
      out.push_back(invalid(here, name, *why));
    else if (!volumes.insert(name).second)
      out.push_back(duplicate(here, name));
  }
  std::set<std::string> names;
  if (at_path(spec, {"containers"}).empty()) out.push_back(required(path + ".containers"));
  check_containers(spec, "containers", path, volumes, names, out);
  check_containers(spec, "initContainers", path, volumes, names, out);
  check_one_of(spec, "restartPolicy", path, {"Always", "OnFailure", "Never"}, out);
  check_one_of(spec, "dnsPolicy", path,
               {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"}, out);
  if (auto grace = int_at(spec, {"terminationGracePeriodSeconds"}, 30); grace < 0) {
    out.push_back(invalid(path + ".terminationGracePeriodSeconds", grace,
                          "must be greater than or equal to 0"));
  }
  validate_labels(at_path(spec, {"nodeSelector"}), path + ".nodeSelector", out);
}

} // namespace remed::env
