// The printers of kube-apiserver (pkg/printers/internalversion), kind by kind.
#include "environments/embedded/api/cell_draft.hpp"
#include "environments/embedded/api/cells_pod.hpp"
#include "environments/embedded/api/table.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

const std::string none = "<none>";

std::string name_of(const json& o) {
  return text_at(o, {"metadata", "name"});
}
json age(const json& o, ages& now) {
  return now.since(at_path(o, {"metadata", "creationTimestamp"}));
}

std::string pairs(const json& labels) {
  std::vector<std::string> out;
  for (const auto& [key, value] : labels.items()) {
    out.push_back(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return out.empty() ? none : join(out, ",");
}

/// A LabelSelector as text.
std::string selector_text(const json& selector) {
  std::vector<std::string> out;
  for (const auto& [key, value] : at_path(selector, {"matchLabels"}).items()) {
    out.push_back(key + "=" + value.get<std::string>());
  }
  for (const auto& e : at_path(selector, {"matchExpressions"})) {
    auto op = e.value("operator", ""), key = e.value("key", "");
    auto values = join(e.value("values", std::vector<std::string>{}), ",");
    if (op == "Exists")
      out.push_back(key);
    else if (op == "DoesNotExist")
      out.push_back("!" + key);
    else
      out.push_back(key + (op == "In" ? " in (" : " notin (") + values + ")");
  }
  return out.empty() ? none : join(out, ",");
}

std::string containers_text(const json& o, const char* field) {
  std::vector<std::string> out;
  for (const auto& c : at_path(o, {"spec", "template", "spec", "containers"})) {
    out.push_back(text_at(c, {field}));
  }
  return join(out, ",");
}

void add_template(json& cells, const json& o, bool with_selector = true) {
  cells.push_back(containers_text(o, "name"));
  cells.push_back(containers_text(o, "image"));
  if (with_selector) cells.push_back(selector_text(at_path(o, {"spec", "selector"})));
}

std::string ready_text(const json& o) {
  return std::to_string(int_at(o, {"status", "readyReplicas"})) + "/" +
         std::to_string(int_at(o, {"spec", "replicas"}));
}

json deployment(const json& o, ages& now) {
  auto cells = json::array({name_of(o), ready_text(o), int_at(o, {"status", "updatedReplicas"}),
                            int_at(o, {"status", "availableReplicas"}), age(o, now)});
  add_template(cells, o);
  return cells;
}

json replica_set(const json& o, ages& now) {
  auto cells =
      json::array({name_of(o), int_at(o, {"spec", "replicas"}), int_at(o, {"status", "replicas"}),
                   int_at(o, {"status", "readyReplicas"}), age(o, now)});
  add_template(cells, o);
  return cells;
}

json stateful_set(const json& o, ages& now) {
  auto cells = json::array({name_of(o), ready_text(o), age(o, now)});
  add_template(cells, o, false);
  return cells;
}

json daemon_set(const json& o, ages& now) {
  auto number = [&](const char* field) { return int_at(o, {"status", field}); };
  auto cells = json::array(
      {name_of(o), number("desiredNumberScheduled"), number("currentNumberScheduled"),
       number("numberReady"), number("updatedNumberScheduled"), number("numberAvailable"),
       pairs(at_path(o, {"spec", "template", "spec", "nodeSelector"})), age(o, now)});
  add_template(cells, o);
  return cells;
}

std::string external_ip(const json& o) {
  auto type = text_at(o, {"spec", "type"}, "ClusterIP");
  std::vector<std::string> out;
  for (const auto& i : at_path(o, {"status", "loadBalancer", "ingress"})) {
    out.push_back(text_at(i, {"ip"}, text_at(i, {"hostname"})));
  }
  for (const auto& ip : at_path(o, {"spec", "externalIPs"})) out.push_back(ip.get<std::string>());
  if (type == "ExternalName") return text_at(o, {"spec", "externalName"});
  if (!out.empty()) return join(out, ",");
  return type == "LoadBalancer" ? "<pending>" : none;
}

json service(const json& o, ages& now) {
  std::vector<std::string> ports;
  for (const auto& p : at_path(o, {"spec", "ports"})) {
    auto text = std::to_string(int_at(p, {"port"}));
    if (auto node = int_at(p, {"nodePort"}); node > 0) text += ":" + std::to_string(node);
    ports.push_back(text + "/" + text_at(p, {"protocol"}, "TCP"));
  }
  auto ip = text_at(o, {"spec", "clusterIP"});
  return json::array({name_of(o), text_at(o, {"spec", "type"}, "ClusterIP"), ip.empty() ? none : ip,
                      external_ip(o), ports.empty() ? none : join(ports, ","), age(o, now),
                      pairs(at_path(o, {"spec", "selector"}))});
}

json event(const json& o, ages& now) {
  auto stamp = [&](const char* field) {
    const auto& value = at_path(o, {field});
    return value.is_string() ? value : at_path(o, {"eventTime"});
  };
  auto first = now.since(stamp("firstTimestamp")), last = now.since(stamp("lastTimestamp"));
  auto kind = text_at(o, {"involvedObject", "kind"});
  for (auto& c : kind) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  auto source = text_at(o, {"source", "component"}, text_at(o, {"reportingComponent"}));
  auto host = text_at(o, {"source", "host"}, text_at(o, {"reportingInstance"}));
  if (!host.empty()) source += ", " + host;
  auto message = text_at(o, {"message"});
  message.erase(message.find_last_not_of(" \n\t") + 1);
  return json::array({last, text_at(o, {"type"}), text_at(o, {"reason"}),
                      kind + "/" + text_at(o, {"involvedObject", "name"}),
                      text_at(o, {"involvedObject", "fieldPath"}), source, message, first,
                      std::max<std::int64_t>(1, int_at(o, {"count"}, 1)), name_of(o)});
}

std::string address(const json& o, const std::string& type) {
  for (const auto& a : at_path(o, {"status", "addresses"})) {
    if (text_at(a, {"type"}) == type) return text_at(a, {"address"});
  }
  return none;
}

json node(const json& o, ages& now) {
  std::string status = "Unknown";
  for (const auto& c : at_path(o, {"status", "conditions"})) {
    if (text_at(c, {"type"}) != "Ready") continue;
    status = text_at(c, {"status"}) == "True" ? "Ready" : "NotReady";
  }
  const auto& cordoned = at_path(o, {"spec", "unschedulable"});
  if (cordoned.is_boolean() && cordoned.get<bool>()) status += ",SchedulingDisabled";
  std::vector<std::string> roles;
  static const std::string prefix = "node-role.kubernetes.io/";
  for (const auto& [key, value] : at_path(o, {"metadata", "labels"}).items()) {
    if (key.rfind(prefix, 0) == 0) roles.push_back(key.substr(prefix.size()));
  }
  auto info = [&](const char* field) {
    return text_at(o, {"status", "nodeInfo", field}, "<unknown>");
  };
  return json::array({name_of(o), status, roles.empty() ? none : join(roles, ","), age(o, now),
                      info("kubeletVersion"), address(o, "InternalIP"), address(o, "ExternalIP"),
                      info("osImage"), info("kernelVersion"), info("containerRuntimeVersion")});
}

std::string shortened(const std::vector<std::string>& all, std::size_t most = 3) {
  if (all.empty()) return none;
  std::vector<std::string> head(all.begin(),
                                all.begin() + static_cast<long>(std::min(most, all.size())));
  auto text = join(head, ",");
  if (all.size() > most) text += " + " + std::to_string(all.size() - most) + " more...";
  return text;
}

json endpoints(const json& o, ages& now) {
  std::vector<std::string> all;
  for (const auto& subset : at_path(o, {"subsets"})) {
    const auto& ports = at_path(subset, {"ports"});
    for (const auto& a : at_path(subset, {"addresses"})) {
      if (ports.empty()) all.push_back(text_at(a, {"ip"}));
      for (const auto& p : ports) {
        all.push_back(text_at(a, {"ip"}) + ":" + std::to_string(int_at(p, {"port"})));
      }
    }
  }
  return json::array({name_of(o), shortened(all), age(o, now)});
}

json endpoint_slice(const json& o, ages& now) {
  std::vector<std::string> ports, addresses;
  for (const auto& p : at_path(o, {"ports"})) ports.push_back(std::to_string(int_at(p, {"port"})));
  for (const auto& e : at_path(o, {"endpoints"})) {
    for (const auto& a : at_path(e, {"addresses"})) addresses.push_back(a.get<std::string>());
  }
  return json::array({name_of(o), text_at(o, {"addressType"}),
                      ports.empty() ? "<unset>" : shortened(ports),
                      addresses.empty() ? "<unset>" : shortened(addresses), age(o, now)});
}

std::string scalar_text(const json& v) {
  return v.is_string() ? v.get<std::string>() : v.dump();
}

json autoscaler(const json& o, ages& now) {
  std::vector<std::string> targets;
  for (const auto& m : at_path(o, {"spec", "metrics"})) {
    auto name = text_at(m, {"resource", "name"});
    const auto& target = at_path(m, {"resource", "target"});
    bool percent = target.contains("averageUtilization");
    auto wanted = percent ? std::to_string(int_at(target, {"averageUtilization"})) + "%"
                          : text_at(target, {"averageValue"});
    std::string current = "<unknown>";
    for (const auto& s : at_path(o, {"status", "currentMetrics"})) {
      if (text_at(s, {"resource", "name"}) != name) continue;
      const auto& value = at_path(s, {"resource", "current"});
      if (percent && value.contains("averageUtilization")) {
        current = std::to_string(int_at(value, {"averageUtilization"})) + "%";
      } else if (!percent) {
        current = text_at(value, {"averageValue"}, current);
      }
    }
    targets.push_back(name + ": " + current + "/" + wanted);
  }
  return json::array({name_of(o),
                      text_at(o, {"spec", "scaleTargetRef", "kind"}) + "/" +
                          text_at(o, {"spec", "scaleTargetRef", "name"}),
                      targets.empty() ? none : join(targets, ", "),
                      std::to_string(int_at(o, {"spec", "minReplicas"}, 1)),
                      int_at(o, {"spec", "maxReplicas"}), int_at(o, {"status", "currentReplicas"}),
                      age(o, now)});
}

json job(const json& o, ages& now) {
  std::string status = "Running";
  for (const auto& c : at_path(o, {"status", "conditions"})) {
    if (text_at(c, {"status"}) == "True") {
      auto type = text_at(c, {"type"});
      if (type == "Complete" || type == "Failed" || type == "Suspended") status = type;
    }
  }
  auto start = parse_time(text_at(o, {"status", "startTime"}));
  auto end = parse_time(text_at(o, {"status", "completionTime"}));
  auto took = !start ? json("") : end ? json(human_duration(*end - *start)) : now.since(*start);
  auto cells = json::array({name_of(o), status,
                            std::to_string(int_at(o, {"status", "succeeded"})) + "/" +
                                std::to_string(int_at(o, {"spec", "completions"}, 1)),
                            std::move(took), age(o, now)});
  add_template(cells, o);
  return cells;
}

json cron_job(const json& o, ages& now) {
  const auto& last = at_path(o, {"status", "lastScheduleTime"});
  const auto& suspend = at_path(o, {"spec", "suspend"});
  std::vector<std::string> names, images;
  for (const auto& c :
       at_path(o, {"spec", "jobTemplate", "spec", "template", "spec", "containers"})) {
    names.push_back(text_at(c, {"name"}));
    images.push_back(text_at(c, {"image"}));
  }
  return json::array(
      {name_of(o), text_at(o, {"spec", "schedule"}), text_at(o, {"spec", "timeZone"}, none),
       suspend.is_boolean() && suspend.get<bool>() ? "True" : "False",
       at_path(o, {"status", "active"}).size(), last.is_string() ? now.since(last) : json(none),
       age(o, now), join(names, ","), join(images, ","), none});
}

json ingress(const json& o, ages& now) {
  std::vector<std::string> hosts, addresses;
  for (const auto& r : at_path(o, {"spec", "rules"})) {
    if (auto host = text_at(r, {"host"}); !host.empty()) hosts.push_back(host);
  }
  for (const auto& i : at_path(o, {"status", "loadBalancer", "ingress"})) {
    addresses.push_back(text_at(i, {"ip"}, text_at(i, {"hostname"})));
  }
  return json::array({name_of(o), text_at(o, {"spec", "ingressClassName"}, none),
                      hosts.empty() ? "*" : join(hosts, ","), join(addresses, ","),
                      at_path(o, {"spec", "tls"}).empty() ? "80" : "80, 443", age(o, now)});
}

std::string mode_letters(const json& modes) {
  static const std::map<std::string, std::string> short_names{{"ReadWriteOnce", "RWO"},
                                                              {"ReadOnlyMany", "ROX"},
                                                              {"ReadWriteMany", "RWX"},
                                                              {"ReadWriteOncePod", "RWOP"}};
  std::vector<std::string> out;
  for (const auto& mode : modes) {
    auto found = short_names.find(mode.is_string() ? mode.get<std::string>() : "");
    if (found != short_names.end()) out.push_back(found->second);
  }
  return join(out, ",");
}

json volume_claim(const json& o, ages& now) {
  return json::array({name_of(o), text_at(o, {"status", "phase"}),
                      text_at(o, {"spec", "volumeName"}),
                      text_at(o, {"status", "capacity", "storage"}),
                      mode_letters(at_path(o, {"status", "accessModes"})),
                      text_at(o, {"spec", "storageClassName"}), "<unset>", age(o, now),
                      text_at(o, {"spec", "volumeMode"}, "<unset>")});
}

json disruption_budget(const json& o, ages& now) {
  auto bound = [&](const char* field) {
    const auto& value = at_path(o, {"spec", field});
    return value.is_null() ? std::string("N/A") : scalar_text(value);
  };
  return json::array({name_of(o), bound("minAvailable"), bound("maxUnavailable"),
                      int_at(o, {"status", "disruptionsAllowed"}), age(o, now)});
}

json volume(const json& o, ages& now) {
  const auto& ref = at_path(o, {"spec", "claimRef"});
  auto claim =
      ref.is_object() ? text_at(ref, {"namespace"}) + "/" + text_at(ref, {"name"}) : std::string{};
  return json::array({name_of(o), text_at(o, {"spec", "capacity", "storage"}),
                      mode_letters(at_path(o, {"spec", "accessModes"})),
                      text_at(o, {"spec", "persistentVolumeReclaimPolicy"}),
                      at_path(o, {"metadata"}).contains("deletionTimestamp")
                          ? "Terminating"
                          : text_at(o, {"status", "phase"}),
                      claim, text_at(o, {"spec", "storageClassName"}),
                      text_at(o, {"spec", "volumeAttributesClassName"}, "<unset>"),
                      text_at(o, {"status", "reason"}), age(o, now),
                      text_at(o, {"spec", "volumeMode"}, "<unset>")});
}

json storage_class(const json& o, ages& now) {
  auto name = text_at(o, {"metadata", "name"});
  bool by_default = text_at(o, {"metadata", "annotations",
                                "storageclass.kubernetes.io/is-default-class"}) == "true";
  return json::array({by_default ? name + " (default)" : name, text_at(o, {"provisioner"}),
                      text_at(o, {"reclaimPolicy"}, "Delete"),
                      text_at(o, {"volumeBindingMode"}, "Immediate"),
                      at_path(o, {"allowVolumeExpansion"}) == true, age(o, now)});
}

json priority_class(const json& o, ages& now) {
  return json::array({name_of(o), int_at(o, {"value"}), at_path(o, {"globalDefault"}) == true,
                      age(o, now), text_at(o, {"preemptionPolicy"}, "PreemptLowerPriority")});
}

json controller_revision(const json& o, ages& now) {
  std::string owner = none;
  for (const auto& ref : at_path(o, {"metadata", "ownerReferences"})) {
    if (at_path(ref, {"controller"}) != true) continue;
    auto version = text_at(ref, {"apiVersion"}), kind = text_at(ref, {"kind"});
    for (auto& letter : kind)
      letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    auto slash = version.find('/');
    owner = kind + (slash == std::string::npos ? "" : "." + version.substr(0, slash)) + "/" +
            text_at(ref, {"name"});
  }
  return json::array({name_of(o), owner, int_at(o, {"revision"}), age(o, now)});
}

std::size_t data_count(const json& o) {
  return at_path(o, {"data"}).size() + at_path(o, {"binaryData"}).size();
}

using printer = json (*)(const json&, ages&);

const std::map<std::string, printer, std::less<>>& printers() {
  static const std::map<std::string, printer, std::less<>> all = {
      {"pods", pod_cells},
      {"deployments", deployment},
      {"replicasets", replica_set},
      {"replicationcontrollers", replica_set},
      {"statefulsets", stateful_set},
      {"daemonsets", daemon_set},
      {"services", service},
      {"events", event},
      {"nodes", node},
      {"endpoints", endpoints},
      {"endpointslices", endpoint_slice},
      {"horizontalpodautoscalers", autoscaler},
      {"jobs", job},
      {"cronjobs", cron_job},
      {"ingresses", ingress},
      {"persistentvolumeclaims", volume_claim},
      {"persistentvolumes", volume},
      {"storageclasses", storage_class},
      {"priorityclasses", priority_class},
      {"controllerrevisions", controller_revision},
      {"poddisruptionbudgets", disruption_budget},
      {"configmaps",
       [](const json& o, ages& now) {
         return json::array({name_of(o), data_count(o), age(o, now)});
       }},
      {"secrets",
       [](const json& o, ages& now) {
         return json::array({name_of(o), text_at(o, {"type"}), data_count(o), age(o, now)});
       }},
      {"namespaces",
       [](const json& o, ages& now) {
         return json::array({name_of(o), text_at(o, {"status", "phase"}), age(o, now)});
       }},
      {"serviceaccounts",
       [](const json& o, ages& now) {
         return json::array({name_of(o), age(o, now)});
       }},
      {"leases",
       [](const json& o, ages& now) {
         return json::array({name_of(o), text_at(o, {"spec", "holderIdentity"}), age(o, now)});
       }},
      {"networkpolicies",
       [](const json& o, ages& now) {
         return json::array(
             {name_of(o), selector_text(at_path(o, {"spec", "podSelector"})), age(o, now)});
       }},
      {"resourcequotas", [](const json& o, ages& now) {
         std::vector<std::string> requests, limits;
         for (const auto& [key, hard] : at_path(o, {"status", "hard"}).items()) {
           auto used = text_at(o, {"status", "used", key}, "0");
           auto& into = key.find("limits") == 0 ? limits : requests;
           into.push_back(key + ": " + used + "/" + scalar_text(hard));
         }
         return json::array({name_of(o), join(requests, ", "), join(limits, ", "), age(o, now)});
       }}};
  return all;
}

} // namespace

json builtin_cells(const std::string& plural, const json& obj, vtime now) {
  const auto draft = drafted_cells(plural, obj);
  return draft ? draft->at(now) : json();
}

std::optional<cell_draft> drafted_cells(const std::string& plural, const json& obj) {
  auto found = printers().find(plural);
  if (found == printers().end()) return std::nullopt;
  ages open;
  auto cells = found->second(obj, open);
  return cell_draft(std::move(cells), std::move(open));
}

} // namespace remed::env
