#include "experiments/trace_compare.hpp"

#include <algorithm>
#include <map>

namespace remed::experiments {

namespace {

bool of_environment(const event& e) {
  return e.kind == "fault" || e.type == "wake";
}

/// The bodies of settings: names of experiments differ between any two.
void forget_names(json& value) {
  if (!value.is_structured()) return;
  if (value.is_object()) value.erase("experiment");
  for (auto& inner : value) forget_names(inner);
}

/// An event as it is compared, and where it stands in its log.
struct line {
  const event* from;
  json text;
};

std::vector<line> lines_of(const std::vector<event>& events, const compare_how& how) {
  std::vector<line> out;
  std::map<std::uint64_t, std::uint64_t> place{{0, 0}}; // seq → place of it or of its cause
  for (const auto& e : events) {
    const auto known = place.find(e.cause);
    const auto cause = known == place.end() ? ~std::uint64_t{0} : known->second;
    place[e.seq] = cause;
    if (!how.environment && of_environment(e)) continue;
    if (!how.settings && e.type == "experiment") continue;
    auto text = json::object();
    text["kind"] = e.kind;
    text["type"] = e.type;
    text["from"] = e.from;
    text["to"] = e.to;
    text["trial"] = e.trial;
    text["cause"] = cause;
    text["body"] = e.body;
    if (how.times) {
      text["t"] = e.t;
      text["wall"] = e.wall;
    }
    if (!how.settings) forget_names(text["body"]);
    out.push_back({&e, std::move(text)});
    place[e.seq] = out.size();
  }
  return out;
}

void name_differences(const json& a, const json& b, const std::string& path, std::string& out) {
  if (a == b) return;
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, value] : a.items())
      name_differences(value, b.value(key, json()), path.empty() ? key : path + "." + key, out);
    for (const auto& [key, value] : b.items())
      if (!a.contains(key)) out += (out.empty() ? "" : ", ") + path + "." + key;
    return;
  }
  out += (out.empty() ? "" : ", ") + path;
}

std::string shown(const std::optional<event>& e) {
  if (!e) return "(the log ends here)";
  auto text = dump(json(*e));
  constexpr std::size_t most = 1'500;
  if (text.size() > most) text = text.substr(0, most) + "…";
  return text;
}

} // namespace

comparison compare(const std::vector<event>& left, const std::vector<event>& right,
                   const compare_how& how) {
  const auto a = lines_of(left, how), b = lines_of(right, how);
  comparison out;
  while (out.same < a.size() && out.same < b.size() && a[out.same].text == b[out.same].text)
    ++out.same;
  if (out.same == a.size() && out.same == b.size()) return out;
  divergence d;
  if (out.same < a.size()) d.left = *a[out.same].from;
  if (out.same < b.size()) d.right = *b[out.same].from;
  out.first = std::move(d);
  return out;
}

std::string describe(const divergence& d) {
  std::string fields;
  if (d.left && d.right) {
    auto a = json(*d.left), b = json(*d.right);
    for (auto* side : {&a, &b}) {
      side->erase("seq"); // numbers and wall times differ between any two runs
      side->erase("cause");
      side->erase("wall");
    }
    name_differences(a, b, "", fields);
    if (fields.empty()) fields = "cause";
  }
  return (fields.empty() ? "" : "differs in " + fields + "\n") + "< " + shown(d.left) + "\n> " +
         shown(d.right) + "\n";
}

json summary_of(const std::vector<event>& events) {
  std::int64_t model_calls = 0, tools = 0, tokens = 0;
  auto out = json::object();
  for (const auto& e : events) {
    if (e.kind == "tool.start") ++tools;
    if (e.kind == "model.reply") {
      ++model_calls;
      if (const auto used = e.body.find("usage"); used != e.body.end())
        tokens += used->value("input", std::int64_t{0}) + used->value("output", std::int64_t{0});
    }
    if (e.type == "experiment") {
      for (const char* key : {"system", "fault", "target", "method", "model", "seed"})
        if (e.body.contains(key)) out[key] = e.body[key];
    }
    if (e.type == "episode_result") {
      for (const char* key : {"outcome", "score", "trials", "virtual_s"})
        if (e.body.contains(key)) out[key] = e.body[key];
    }
  }
  out["events"] = events.size();
  out["model_calls"] = model_calls;
  out["tool_runs"] = tools;
  out["tokens"] = tokens;
  return out;
}

} // namespace remed::experiments
