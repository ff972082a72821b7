#include "environments/embedded/node/logs.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/app_log.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/state.hpp"

#include <algorithm>
#include <cstdio>

namespace remed::env {

namespace {

failure bad_request(std::string text) {
  return {errc::bad_input, std::move(text)};
}

/// The container that is meant: the named one, or the only or the annotated one.
result<std::string> chosen(const json& pod, const std::string& container) {
  auto name = text_at(pod, {"metadata", "name"});
  std::vector<std::string> names, init;
  for (const auto& one : at_path(pod, {"spec", "containers"}))
    names.push_back(text_at(one, {"name"}));
  for (const auto& one : at_path(pod, {"spec", "initContainers"}))
    init.push_back(text_at(one, {"name"}));
  if (container.empty()) {
    if (names.size() == 1 && init.empty()) return names.front();
    auto text = "a container name must be specified for pod " + name + ", choose one of: [" +
                join(names, " ") + "]";
    if (!init.empty()) text += " or one of the init containers: [" + join(init, " ") + "]";
    return bad_request(text);
  }
  for (const auto* list : {&names, &init}) {
    if (std::find(list->begin(), list->end(), container) != list->end()) return container;
  }
  // Debug containers are named, never listed.
  if (container_spec(pod, container).is_object()) return container;
  return bad_request("container " + container + " is not valid for pod " + name);
}

std::string stamp(vtime t) {
  auto text = rfc3339_micro(t); // …Z; the runtime writes nanoseconds
  text.insert(text.size() - 1, "000");
  return text;
}

std::string text_of(const cluster& c, const std::vector<log_line>& lines,
                    const log_options& options) {
  auto from = vtime::min();
  if (options.since_seconds) from = c.now() - std::chrono::seconds{*options.since_seconds};
  if (options.since_time) from = std::max(from, *options.since_time);
  std::vector<const log_line*> chosen_lines;
  for (const auto& line : lines) {
    if (line.at >= from) chosen_lines.push_back(&line);
  }
  if (options.tail_lines && *options.tail_lines >= 0 &&
      chosen_lines.size() > static_cast<std::size_t>(*options.tail_lines)) {
    chosen_lines.erase(chosen_lines.begin(), chosen_lines.end() - *options.tail_lines);
  }
  std::string out;
  for (const auto* line : chosen_lines) {
    if (options.timestamps) out += stamp(line->at) + " ";
    out += line->text + "\n";
  }
  if (options.limit_bytes && out.size() > static_cast<std::size_t>(*options.limit_bytes)) {
    out.resize(static_cast<std::size_t>(*options.limit_bytes));
  }
  return out;
}

} // namespace

result<std::string> container_log(cluster& c, const std::string& ns, const std::string& pod,
                                  const std::string& container, const log_options& options) {
  auto found_pod = c.objects().get("pods", {ns, pod});
  if (!found_pod) return failure{errc::failed, "pods \"" + pod + "\" not found"};
  auto name = chosen(*found_pod, container);
  if (!name) return name.why();
  auto uid = text_at(*found_pod, {"metadata", "uid"});
  bring_log_up_to_date(c, uid, *name);
  const auto* rt = c.node().find(uid);
  const auto* found = rt ? rt->find(*name) : nullptr;
  auto where = "container \"" + *name + "\" in pod \"" + pod + "\" ";
  if (!found || (found->instance == 0 && !options.previous)) {
    auto reason = found ? found->reason : std::string("ContainerCreating");
    auto waits = reason == "ErrImagePull"       ? "image can't be pulled"
                 : reason == "ImagePullBackOff" ? "trying and failing to pull image"
                                                : std::string(reason);
    if (reason == "ContainerCreating" || reason == "PodInitializing" || reason.empty()) {
      return bad_request(where +
                         "is waiting to start: " + (reason.empty() ? "ContainerCreating" : reason));
    }
    return bad_request(where + "is waiting to start: " + waits);
  }
  if (options.previous && found->instance < 2 && !found->last) {
    return bad_request("previous terminated " + where + "not found");
  }
  return text_of(c, options.previous ? found->previous_log : found->log, options);
}

void append_log(cluster& c, const std::string& pod_uid, const std::string& container,
                std::string text, bool is_error) {
  append_log_at(c, pod_uid, container, c.now(), std::move(text), is_error);
}

void append_log_at(cluster& c, const std::string& pod_uid, const std::string& container, vtime at,
                   std::string text, bool is_error) {
  auto* rt = c.node().edit(pod_uid);
  auto* found = rt ? rt->find(container) : nullptr;
  if (!found) return;
  if (found->log.size() >= log_line_limit) {
    // A quarter at once, so that a busy log is not moved for each line.
    found->log.erase(found->log.begin(), found->log.begin() + log_line_limit / 4);
  }
  ++found->log_count;
  found->log.push_back({at, std::move(text), is_error});
}

} // namespace remed::env
