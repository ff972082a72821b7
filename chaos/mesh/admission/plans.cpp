// Schedules, workflows and status checks.
#include "chaos/mesh/admission/checks.hpp"
#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/plans/timetable.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <map>

namespace remed::chaos::mesh {

namespace {

/// What a template may hold beside its own matter, and the words when it should not.
struct part {
  const char *word, *name;
};
constexpr part parts[] = {{"task", "Task"},
                          {"children", "Children"},
                          {"conditionalBranches", "ConditionalBranches"},
                          {"chaos", "any Chaos"},
                          {"schedule", "Schedule"}};

/// The kind whose spec a template or schedule embeds, or none.
const kind_info* embedded_in(const json& holder) {
  for (const auto& kind : kinds()) {
    if (!at_path(holder, {kind.embedded}).is_null()) return &kind;
  }
  return nullptr;
}

bool has_part(const json& one, const std::string& word) {
  if (word == "chaos") return embedded_in(one) != nullptr;
  const auto& value = at_path(one, {word});
  return value.is_array() ? !value.empty() : !value.is_null();
}

void refuse_parts(findings_list& out, const json& one, const std::string& path,
                  std::initializer_list<std::string_view> words) {
  for (const auto& part : parts) {
    if (std::find(words.begin(), words.end(), part.word) == words.end()) continue;
    if (!has_part(one, part.word)) continue;
    const json shown = std::string(part.word) == "chaos"
                           ? at_path(one, {embedded_in(one)->embedded})
                           : at_path(one, {part.word});
    invalid(out, path, shown, std::string("this template should not contain ") + part.name);
  }
}

bool has_template(const json& all, const std::string& name) {
  return std::any_of(all.begin(), all.end(),
                     [&](const json& one) { return text_at(one, {"name"}) == name; });
}

void check_chaos_template(findings_list& out, const json& one, const std::string& path) {
  const auto type = text_at(one, {"templateType"});
  const auto* kind = kind_named(type);
  const auto& spec = at_path(one, {kind->embedded});
  if (spec.is_null()) {
    return invalid(out, path + "." + type, nullptr,
                   "parse workflow field error: missing chaos spec " + type);
  }
  const auto lasts = text_at(spec, {"duration"});
  if (!lasts.empty()) {
    invalid(out, path, lasts,
            "should not define duration in chaos when using Workflow, use Template#Deadline "
            "instead.");
  }
  refuse_parts(out, one, path, {"task", "children", "conditionalBranches", "schedule"});
  for (auto& finding : check_experiment(type, spec, path + "." + type)) {
    out.push_back(std::move(finding));
  }
}

void check_template(findings_list& out, const json& one, const std::string& path, const json& all) {
  const auto name = text_at(one, {"name"}), type = text_at(one, {"templateType"});
  if (name.empty()) out.push_back(path + ".name: Required value: name of template is required");
  if (type == "Suspend") {
    if (text_at(one, {"deadline"}).empty()) {
      invalid(out, path + ".deadline", at_path(one, {"deadline"}),
              "deadline in template with type Suspend could not be empty");
    }
    refuse_parts(out, one, path, {"task", "children", "conditionalBranches", "chaos", "schedule"});
  } else if (type == "Serial" || type == "Parallel") {
    const auto& wanted = at_path(one, {"children"});
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (has_template(all, wanted[i])) continue;
      invalid(out, path + ".children[" + std::to_string(i) + "]", wanted[i],
              "can not find a template with name " + wanted[i].get<std::string>());
    }
    refuse_parts(out, one, path, {"task", "conditionalBranches", "chaos", "schedule"});
  } else if (type == "Schedule") {
    refuse_parts(out, one, path, {"task", "children", "conditionalBranches", "chaos"});
  } else if (type == "Task") {
    refuse_parts(out, one, path, {"children", "chaos", "schedule"});
  } else if (type == "StatusCheck") {
    refuse_parts(out, one, path, {"task", "children", "conditionalBranches", "chaos", "schedule"});
    if (at_path(one, {"statusCheck"}).is_null()) {
      invalid(out, path + ".statusCheck", nullptr, "the value of statusCheck is required");
    } else {
      for (auto& f : check_status_check(one["statusCheck"], path + ".StatusCheck")) {
        out.push_back(std::move(f));
      }
    }
  } else if (kind_named(type)) {
    check_chaos_template(out, one, path);
  } else {
    invalid(out, path + ".templateType", type, "unrecognized template type: " + type);
  }
}

/// "200" or "200-400".
bool is_status_code(const std::string& text) {
  const auto dash = text.find('-');
  auto first = parse_int(text.substr(0, dash));
  auto last = dash == std::string::npos ? first : parse_int(text.substr(dash + 1));
  auto fits = [](const result<std::int64_t>& n) { return n && *n >= 100 && *n <= 599; };
  return fits(first) && fits(last);
}

} // namespace

findings_list check_schedule(const json& spec, const std::string& path) {
  findings_list out;
  const auto text = text_at(spec, {"schedule"});
  auto parsed = timetable::parse(text);
  if (!parsed) {
    invalid(out, path + ".Schedule", text, "parse schedule field error:" + parsed.why().what);
  }
  const auto type = text_at(spec, {"type"});
  if (type == "Workflow") return out;
  const auto* kind = kind_named(type);
  if (!kind) {
    invalid(out, path + ".Type", type, "unknown type " + type);
    return out;
  }
  const auto place = path + ".ScheduleItem.EmbedChaos." + type;
  if (at_path(spec, {kind->embedded}).is_null()) {
    invalid(out, place, nullptr, "parse workflow field error: missing chaos spec " + type);
    return out;
  }
  for (auto& finding : check_experiment(type, spec[kind->embedded], place)) {
    out.push_back(std::move(finding));
  }
  return out;
}

findings_list check_workflow(const json& spec) {
  findings_list out;
  const auto entry = text_at(spec, {"entry"});
  const auto& templates = at_path(spec, {"templates"});
  if (entry.empty()) {
    out.push_back("spec.entry: Required value: the entry of workflow is required");
  }
  if (!has_template(templates, entry)) {
    invalid(out, "spec.entry", entry, "can not find a template with name " + entry);
  }
  if (templates.empty()) {
    invalid(out, "spec.templates", json::array(), "templates in workflow could not be empty");
    return out;
  }
  std::map<std::string, int> names;
  for (const auto& one : templates) ++names[text_at(one, {"name"})];
  std::vector<std::string> twice;
  for (const auto& [name, count] : names) {
    if (count > 1) twice.push_back(name);
  }
  if (!twice.empty()) {
    invalid(out, "spec.templates", "",
            "template name must be unique, duplicated names: [" + env::join(twice, " ") + "]");
  }
  for (std::size_t i = 0; i < templates.size(); ++i) {
    check_template(out, templates[i], "spec.templates[" + std::to_string(i) + "]", templates);
  }
  return out;
}

findings_list check_status_check(const json& spec, const std::string& path) {
  findings_list out;
  const auto lasts = text_at(spec, {"duration"});
  if (!lasts.empty()) {
    auto parsed = parse_duration(lasts);
    if (!parsed) {
      invalid(out, path + ".Duration", lasts, "parse duration field error: " + parsed.why().what);
    }
  }
  const auto& http = at_path(spec, {"http"});
  if (http.is_null()) {
    invalid(out, path + ".EmbedStatusCheck", nullptr,
            "the detail of http status check is required");
    return out;
  }
  const auto code = text_at(http, {"criteria", "statusCode"});
  if (!is_status_code(code)) {
    invalid(out, path + ".EmbedStatusCheck.HTTPStatusCheck.Criteria.StatusCode", code,
            code.empty() ? "status code is required" : "incorrect status code format");
  }
  return out;
}

} // namespace remed::chaos::mesh
