#include "agents/inprocess/playbook.hpp"

#include "agents/inprocess/kinds.hpp"
#include "runtime/yaml.hpp"

#include <algorithm>

namespace remed::agents {

namespace {

constexpr auto host = "192.0.2.10";
constexpr auto source_name = "playbook.yml";
constexpr int task_failed_code = 2, parse_error_code = 4;

constexpr const char* no_ansible = "The in-process backend is no Ansible and cannot run this: ";

bool one_of(const std::string& word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// The module's name without its collection; empty if it is none of ours.
std::string module_name(const std::string& key) {
  for (const char* collection : {"kubernetes.core.", "ansible.builtin.", ""}) {
    if (!key.starts_with(collection)) continue;
    auto name = key.substr(std::string_view(collection).size());
    if (one_of(name, {"k8s", "k8s_info", "k8s_scale", "k8s_rollback", "debug", "pause"}))
      return name;
  }
  return {};
}

bool known_host(const std::string& pattern) {
  return one_of(pattern, {"all", "k3s_control_plane", host, "localhost", "127.0.0.1"});
}

bool templated(const json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.find("{{") != std::string::npos || text.find("{%") != std::string::npos;
  }
  return value.is_structured() && std::any_of(value.begin(), value.end(), templated);
}

/// Parameters of the modules that are understood or may be left aside.
bool known_argument(const std::string& module, const std::string& key) {
  if (module == "debug") return key == "msg";
  if (module == "pause") return one_of(key, {"seconds", "minutes"});
  if (one_of(key, {"api_version", "kind", "name", "namespace", "kubeconfig", "wait", "wait_sleep",
                   "wait_timeout"})) {
    return true;
  }
  if (module == "k8s") return one_of(key, {"state", "definition", "merge_type"});
  if (module == "k8s_scale") return key == "replicas";
  if (module == "k8s_info") return key == "label_selectors";
  return false;
}

/// YAML's and Ansible's ways to say a number or a truth in a literal.
double number(const json& a, const char* key, double otherwise) {
  if (!a.contains(key)) return otherwise;
  const auto& v = a.at(key);
  if (v.is_number()) return v.get<double>();
  return v.is_string() ? std::atof(v.get_ref<const std::string&>().c_str()) : otherwise;
}

bool truth(const json& a, const char* key, bool otherwise) {
  if (!a.contains(key)) return otherwise;
  const auto& v = a.at(key);
  if (v.is_boolean()) return v.get<bool>();
  return v.is_string() && one_of(v.get<std::string>(), {"yes", "true", "True", "on", "Yes"});
}

std::string word(const json& a, const char* key) {
  if (!a.is_object() || !a.contains(key) || a.at(key).is_null()) return {};
  return a.at(key).is_string() ? a.at(key).get<std::string>() : a.at(key).dump();
}

/// The object the arguments speak of: `definition` with kind, name and namespace beside it.
json definition_of(const json& a) {
  json d = a.value("definition", json::object());
  if (!d.is_object()) d = json::object();
  if (!word(a, "api_version").empty() && !d.contains("apiVersion"))
    d["apiVersion"] = word(a, "api_version");
  if (!word(a, "kind").empty() && !d.contains("kind")) d["kind"] = word(a, "kind");
  if (!d.contains("apiVersion")) d["apiVersion"] = "v1";
  auto& meta = d["metadata"];
  if (!meta.is_object()) meta = json::object();
  if (!word(a, "name").empty() && !meta.contains("name")) meta["name"] = word(a, "name");
  if (!word(a, "namespace").empty() && !meta.contains("namespace")) {
    meta["namespace"] = word(a, "namespace");
  }
  return d;
}

std::string path_of(const json& d, bool with_name = true) {
  const auto kind = kind_by_name(word(d, "apiVersion"), word(d, "kind"));
  return kind.path(word(d.at("metadata"), "namespace"),
                   with_name ? word(d.at("metadata"), "name") : "");
}

std::string label_of(const json& d) {
  return word(d, "kind") + " " + word(d.at("metadata"), "name");
}

std::string version_of(const api_answer& answer) {
  return answer.value().value("/metadata/resourceVersion"_json_pointer, std::string());
}

} // namespace

bool object_ready(const json& object) {
  const auto kind = object.value("kind", "");
  const auto status = object.value("status", json::object());
  if (kind == "Deployment") {
    const auto wanted = object.value("/spec/replicas"_json_pointer, 1);
    return status.value("replicas", 0) == wanted &&
           status.value("availableReplicas", 0) == status.value("replicas", 0) &&
           status.value("updatedReplicas", 0) == wanted &&
           status.value("observedGeneration", 0) ==
               object.value("/metadata/generation"_json_pointer, 0) &&
           status.value("unavailableReplicas", 0) == 0;
  }
  if (kind == "StatefulSet") {
    const auto wanted = object.value("/spec/replicas"_json_pointer, 1);
    const auto at = "/metadata/generation"_json_pointer;
    return object.value("/spec/updateStrategy/type"_json_pointer, "") == "RollingUpdate" &&
           status.value("observedGeneration", 0) == object.value(at, 0) &&
           status.value("updateRevision", "") == status.value("currentRevision", "") &&
           status.value("updatedReplicas", 0) == wanted &&
           status.value("readyReplicas", 0) == wanted && status.value("replicas", 0) == wanted;
  }
  if (kind == "DaemonSet") {
    const auto wanted = status.value("desiredNumberScheduled", -1);
    return status.value("updatedNumberScheduled", 0) == wanted &&
           status.value("numberReady", 0) == wanted &&
           status.value("observedGeneration", 0) ==
               object.value("/metadata/generation"_json_pointer, 0);
  }
  if (kind == "Pod") {
    const auto all = status.value("containerStatuses", json::array());
    return !all.empty() && std::all_of(all.begin(), all.end(),
                                       [](const json& c) { return c.value("ready", false); });
  }
  return true;
}

inprocess_playbook::inprocess_playbook(const std::string& yaml) {
  read(parse_yaml(yaml, source_name));
}

inprocess_playbook::inprocess_playbook(const std::vector<YAML::Node>& documents) {
  read(yaml_documents(documents, source_name));
}

void inprocess_playbook::refuse(run_reason why, const std::string& text) {
  if (over_) return;
  over_ = true;
  outcome_.reason = why;
  outcome_.exit_code = why == run_reason::no_hosts ? 0 : parse_error_code;
  outcome_.output = "ERROR! " + text + "\n";
}

void inprocess_playbook::read(const result<std::vector<yaml_document>>& documents) {
  if (!documents) return refuse(run_reason::parse_error, documents.why().what);
  if (documents->size() != 1 || !documents->front().value.is_array() ||
      documents->front().value.empty()) {
    return refuse(run_reason::parse_error, "A playbook must be a list of plays.");
  }
  bool matched = false;
  std::size_t at = 0;
  for (const auto& play : documents->front().value) {
    const auto place = "play " + std::to_string(++at);
    if (!play.is_object() || !play.contains("hosts")) {
      return refuse(run_reason::parse_error,
                    "the field 'hosts' is required but was not set in " + place);
    }
    if (!known_host(word(play, "hosts"))) continue;
    matched = true;
    read_play(play, place);
    if (over_) return;
  }
  if (!matched)
    refuse(run_reason::no_hosts, "Could not match supplied host pattern; no host matched.");
}

void inprocess_playbook::read_play(const json& play, const std::string& place) {
  for (const auto& [key, value] : play.items()) {
    if (!one_of(key, {"name", "hosts", "gather_facts", "tasks", "become", "connection"})) {
      return refuse(run_reason::limit, no_ansible + ("\"" + key + "\" of a play (" + place + ")"));
    }
  }
  std::size_t at = 0;
  for (const auto& item : play.value("tasks", json::array())) {
    const auto here = place + ", task " + std::to_string(++at);
    play_task task;
    if (!item.is_object()) return refuse(run_reason::parse_error, here + " is no mapping");
    for (const auto& [key, value] : item.items()) {
      if (key == "name")
        task.title = word(item, "name");
      else if (key == "ignore_errors")
        task.ignore_errors = truth(item, "ignore_errors", false);
      else if (one_of(key, {"register", "become", "tags", "changed_when"}))
        continue;
      else if (!module_name(key).empty() && task.module.empty()) {
        task.module = module_name(key);
        task.arguments = value.is_null() ? json::object() : value;
      } else {
        return refuse(run_reason::limit, no_ansible + ("\"" + key + "\" of a task (" + here + ")"));
      }
    }
    if (task.module.empty()) {
      return refuse(run_reason::parse_error, "no module/action detected in task (" + here + ")");
    }
    if (!task.arguments.is_object() || templated(task.arguments)) {
      return refuse(run_reason::limit,
                    no_ansible + ("arguments that are not literal (" + here + ")"));
    }
    for (const auto& [key, value] : task.arguments.items()) {
      if (!known_argument(task.module, key)) {
        return refuse(run_reason::limit, no_ansible + ("the parameter \"" + key + "\" of " +
                                                       task.module + " (" + here + ")"));
      }
    }
    if (task.title.empty()) task.title = task.module;
    tasks_.push_back(std::move(task));
  }
}

std::optional<duration> inprocess_playbook::advance(const api_client& api, vtime now) {
  while (!over_ && next_ < tasks_.size()) {
    const auto& task = tasks_[next_];
    const auto p = wait_ ? check_wait(api, now) : run(api, task, now);
    if (p.what == progress::state::waiting) {
      if (wait_->target.empty()) return from_seconds(wait_->limit_s) - (now - wait_->since);
      return from_seconds(wait_->step_s);
    }
    wait_.reset();
    record(task, p);
    ++next_;
  }
  if (!over_) recap();
  over_ = true;
  return std::nullopt;
}

inprocess_playbook::progress inprocess_playbook::run(const api_client& api, const play_task& task,
                                                     vtime now) {
  const auto& a = task.arguments;
  progress p;
  if (task.module == "debug") p.message = word(a, "msg");
  if (task.module == "k8s") p = run_k8s(api, a);
  if (task.module == "k8s_scale") p = run_scale(api, a);
  if (task.module == "k8s_info") p = run_info(api, a);
  if (task.module == "k8s_rollback") p = run_rollback(api, a);
  if (task.module == "pause") {
    wait_ = wait_for{};
    wait_->limit_s = number(a, "seconds", 0) + 60 * number(a, "minutes", 0);
  }
  if (!wait_ || p.what == progress::state::failed) {
    wait_.reset();
    return p;
  }
  wait_->since = now;
  wait_->changed = p.changed;
  return check_wait(api, now);
}

inprocess_playbook::progress inprocess_playbook::check_wait(const api_client& api, vtime now) {
  const bool late = now - wait_->since >= from_seconds(wait_->limit_s);
  const progress done{progress::state::done, wait_->changed, {}};
  if (wait_->target.empty()) {
    return late ? done : progress{progress::state::waiting, false, {}};
  }
  const progress waiting{progress::state::waiting, false, {}};
  const auto revision = api.revision();
  if (revision && revision == wait_->revision && !late) return waiting;
  const auto answer = api.get(wait_->target);
  // Metrics come with time, without a write.
  if (!wait_->target.starts_with("/apis/metrics.k8s.io/")) wait_->revision = revision;
  const bool there = answer.ok();
  const auto& seen = answer.value();
  const bool news = !wait_->last || (wait_->last != answer.given && *wait_->last != seen);
  const bool reached = wait_->absent ? answer.status == 404 : news && there && object_ready(seen);
  if (reached) return done;
  if (news) wait_->last = answer.given;
  if (late)
    return {progress::state::failed, wait_->changed,
            wait_->what + ": Timed out waiting on resource"};
  return waiting;
}

inprocess_playbook::progress inprocess_playbook::run_k8s(const api_client& api, const json& a) {
  const auto d = definition_of(a);
  const auto state = a.contains("state") ? word(a, "state") : "present";
  if (word(d, "kind").empty() || word(d.at("metadata"), "name").empty()) {
    return {progress::state::failed, false, "kind and name are needed"};
  }
  if (!one_of(state, {"present", "patched", "absent"})) {
    return {progress::state::failed, false,
            "value of state must be one of: absent, present, patched, got: " + state};
  }
  const auto target = path_of(d);
  const auto before = api.get(target);
  if (!before.ok() && before.status != 404) {
    return {progress::state::failed, false,
            "Failed to retrieve requested object: " + before.message()};
  }
  if (truth(a, "wait", false)) {
    wait_ = wait_for{target,
                     label_of(d),
                     state == "absent",
                     false,
                     number(a, "wait_timeout", 120),
                     {},
                     std::max(0.1, number(a, "wait_sleep", 5))};
  }
  api_answer answer;
  if (state == "absent") {
    if (!before.ok()) return {};
    answer = api.call("DELETE", target);
  } else if (!before.ok()) {
    if (state == "patched") {
      wait_.reset();
      return {progress::state::done, false, label_of(d) + " was not found and is not created"};
    }
    answer = api.call("POST", path_of(d, false), d.dump());
  } else {
    answer = api.call("PATCH", target, d.dump(), "application/strategic-merge-patch+json");
    if (answer.status == 415) {
      answer = api.call("PATCH", target, d.dump(), "application/merge-patch+json");
    }
  }
  if (!answer.ok()) {
    const auto verb = state == "absent" ? "delete" : before.ok() ? "patch" : "create";
    return {progress::state::failed, false,
            std::string("Failed to ") + verb + " object: " + answer.message()};
  }
  const bool changed =
      state == "absent" || !before.ok() || version_of(before) != version_of(answer);
  return {progress::state::done, changed, {}};
}

inprocess_playbook::progress inprocess_playbook::run_scale(const api_client& api, const json& a) {
  const auto d = definition_of(a);
  const auto target = path_of(d);
  const auto before = api.get(target);
  if (!before.ok()) return {progress::state::failed, false, before.message()};
  if (!a.contains("replicas")) {
    return {progress::state::failed, false, "missing required arguments: replicas"};
  }
  const auto replicas = static_cast<int>(number(a, "replicas", 1));
  json patch = json::object();
  patch["spec"]["replicas"] = replicas;
  const auto answer =
      api.call("PATCH", target + "/scale", patch.dump(), "application/merge-patch+json");
  if (!answer.ok()) {
    return {progress::state::failed, false, "Unable to scale: " + answer.message()};
  }
  if (truth(a, "wait", true)) {
    wait_ = wait_for{target, label_of(d), false, false, number(a, "wait_timeout", 20), {}};
  }
  return {progress::state::done,
          before.value().value("/spec/replicas"_json_pointer, 1) != replicas,
          {}};
}

inprocess_playbook::progress inprocess_playbook::run_info(const api_client& api, const json& a) {
  const auto d = definition_of(a);
  auto target = path_of(d);
  const bool one = !word(d.at("metadata"), "name").empty();
  if (!one && a.contains("label_selectors")) {
    std::string selector;
    for (const auto& item : a.at("label_selectors")) {
      selector += (selector.empty() ? "" : ",") +
                  (item.is_string() ? item.get<std::string>() : item.dump());
    }
    target += "?labelSelector=" + tools::percent_encode(selector);
  }
  const auto answer = api.get(target);
  // As the module does: what is not there is an empty list, not an error.
  if (!answer.ok() && answer.status != 404)
    return {progress::state::failed, false, answer.message()};
  if (one && truth(a, "wait", false)) {
    wait_ = wait_for{target,
                     label_of(d),
                     false,
                     false,
                     number(a, "wait_timeout", 120),
                     {},
                     std::max(0.1, number(a, "wait_sleep", 5))};
  }
  return {};
}

inprocess_playbook::progress inprocess_playbook::run_rollback(const api_client& api,
                                                              const json& a) {
  constexpr auto annotation = "deployment.kubernetes.io/revision";
  const auto at = "/metadata/annotations/deployment.kubernetes.io~1revision"_json_pointer;
  const auto d = definition_of(a);
  const auto target = path_of(d);
  const auto deployment = api.get(target);
  if (!deployment.ok()) return {progress::state::failed, false, deployment.message()};
  if (word(d, "kind") != "Deployment") {
    return {progress::state::failed, false,
            "Cannot perform rollback on resource of kind " + word(d, "kind")};
  }
  std::string selector;
  const auto& now = deployment.value();
  for (const auto& [key, value] : now.at("/spec/selector/matchLabels"_json_pointer).items()) {
    selector += (selector.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  }
  const auto sets =
      api.get(kind_by_name("apps/v1", "ReplicaSet").path(word(d.at("metadata"), "namespace")) +
              "?labelSelector=" + tools::percent_encode(selector));
  const auto wanted = std::to_string(std::atoi(now.value(at, std::string("0")).c_str()) - 1);
  for (auto set : sets.value().value("items", json::array())) {
    if (set.value(at, std::string()) != wanted) continue;
    auto kept = set.at("/spec/template"_json_pointer);
    kept["metadata"]["labels"].erase("pod-template-hash");
    json patch = json::array();
    json replace = json::object();
    replace["op"] = "replace";
    replace["path"] = "/spec/template";
    replace["value"] = std::move(kept);
    patch.push_back(replace);
    replace["path"] = "/metadata/annotations";
    replace["value"] = json::object();
    replace["value"][annotation] = wanted;
    patch.push_back(replace);
    const auto answer = api.call("PATCH", target, patch.dump(), "application/json-patch+json");
    if (!answer.ok()) return {progress::state::failed, false, answer.message()};
    return {progress::state::done, true, {}};
  }
  return {progress::state::done, false, "No rollout history found for resource " + label_of(d)};
}

void inprocess_playbook::record(const play_task& task, const progress& p) {
  const bool failed = p.what == progress::state::failed;
  const auto status = failed      ? task.ignore_errors ? "ignored" : "failed"
                      : p.changed ? "changed"
                                  : "ok";
  outcome_.tasks.push_back({task.title, host, status, p.message});
  auto& out = outcome_.output;
  out += "TASK [" + task.title + "]\n";
  out += (failed ? "fatal" : status) + std::string(": [") + host + "]";
  if (failed)
    out += ": FAILED! => " + p.message;
  else if (!p.message.empty())
    out += " => " + p.message;
  out += failed && task.ignore_errors ? "\n...ignoring\n" : "\n";
  if (!failed)
    ++(p.changed ? changed_ : ok_);
  else
    ++(task.ignore_errors ? ignored_ : failed_);
  if (!failed || task.ignore_errors) return;
  outcome_.reason = run_reason::task_failed;
  outcome_.exit_code = task_failed_code;
  next_ = tasks_.size() - 1; // the rest is not run
}

void inprocess_playbook::recap() {
  outcome_.output += "PLAY RECAP\n" + std::string(host) +
                     " : ok=" + std::to_string(ok_ + changed_ + ignored_) +
                     " changed=" + std::to_string(changed_) + " failed=" + std::to_string(failed_) +
                     " ignored=" + std::to_string(ignored_) + "\n";
}

} // namespace remed::agents
