#include "agents/policies/history.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace remed::agents {

namespace {

constexpr double clearly_more = 2; // an older revision's limit counts from this factor on

json at_or(const json& value, const char* pointer, json otherwise) {
  const json::json_pointer where(pointer);
  return value.contains(where) ? value.at(where) : otherwise;
}

double limit_of(const json& container, const char* what) {
  const auto at = json::json_pointer(std::string("/resources/limits/") + what);
  return container.contains(at) && container.at(at).is_string()
             ? quantity(container.at(at).get<std::string>())
             : 0;
}

/// The resources `older` gives a container of the same name, if they are clearly more.
std::optional<json> more_resources(const json& now, const json& older) {
  for (const auto& before : older) {
    if (before.value("name", "") != now.value("name", "")) continue;
    for (const char* what : {"cpu", "memory"}) {
      const auto has = limit_of(now, what), had = limit_of(before, what);
      if (has > 0 && had >= has * clearly_more) return before.at("resources");
    }
  }
  return std::nullopt;
}

} // namespace

std::vector<revision> revisions_in(const json& list) {
  std::vector<revision> out;
  for (const auto& item : list.value("items", json::array())) {
    revision one;
    const bool controller_revision = item.contains("data");
    const auto number =
        controller_revision
            ? at_or(item, "/revision", 0)
            : at_or(item, "/metadata/annotations/deployment.kubernetes.io~1revision", 0);
    one.number =
        number.is_string() ? std::atoi(number.get<std::string>().c_str()) : number.get<int>();
    one.pod = at_or(item, controller_revision ? "/data/spec/template/spec" : "/spec/template/spec",
                    json::object());
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](const revision& a, const revision& b) { return a.number > b.number; });
  return out;
}

std::optional<json> lost_resources(const json& workload, const std::vector<revision>& history) {
  const auto present = at_or(workload, "/spec/template/spec/containers", json::array());
  for (const auto& older : history) {
    auto changed = json::array();
    for (const auto& now : present) {
      if (auto resources = more_resources(now, older.pod.value("containers", json::array()))) {
        json container = json::object();
        container["name"] = now.at("name");
        container["resources"] = std::move(*resources);
        changed.push_back(std::move(container));
      }
    }
    if (changed.empty()) continue;
    json spec = json::object();
    spec["template"]["spec"]["containers"] = std::move(changed);
    return spec;
  }
  return std::nullopt;
}

bool changed_last(const std::vector<revision>& history) {
  return history.size() > 1 && history[0].pod != history[1].pod;
}

double quantity(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (unit == "m") return number / 1000;
  static const std::vector<std::pair<std::string, double>> units{
      {"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 1073741824.0}, {"Ti", 1099511627776.0},
      {"k", 1e3},     {"M", 1e6},        {"G", 1e9},           {"T", 1e12}};
  for (const auto& [name, factor] : units) {
    if (unit == name) return number * factor;
  }
  return unit.empty() ? number : 0;
}

} // namespace remed::agents
