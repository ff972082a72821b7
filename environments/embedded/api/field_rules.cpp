#include "environments/embedded/api/field_rules.hpp"

#include "environments/embedded/api/field_formats.hpp"
#include "environments/embedded/api/place.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace remed::env {

namespace {

using errors_out = std::vector<field_error>;

/// One rule applied to one object.
struct trial {
  const json& rule;
  const json& value;
  const json* before;
  const place& here;
  errors_out& out;

  std::string text(const char* name = "text") const { return rule.value(name, ""); }
};

bool is_absent(const json& value, const std::string& name) {
  auto at = value.find(name);
  if (at == value.end() || at->is_null()) return true;
  return (at->is_string() || at->is_structured()) &&
         (at->is_string() ? at->get_ref<const std::string&>().empty() : at->empty());
}

const json& member(const json& value, const std::string& name) {
  static const json none;
  auto at = value.find(name);
  return at == value.end() ? none : *at;
}

/// Names of a rule: one, or a list.
std::vector<std::string> names_of(const json& names) {
  if (names.is_string()) return {names.get<std::string>()};
  return names.get<std::vector<std::string>>();
}

/// null: absent; "*": present; a list: any of it; anything else: equal.
bool meets(const json& wanted, const json& value, const std::string& name) {
  if (wanted.is_null()) return is_absent(value, name);
  if (wanted == "*") return value.contains(name) && !value[name].is_null();
  if (wanted.is_array())
    return std::any_of(wanted.begin(), wanted.end(),
                       [&](const json& one) { return meets(one, value, name); });
  return member(value, name) == wanted;
}

bool applies(const json& rule, const json& value) {
  auto when = rule.find("when");
  if (when == rule.end()) return true;
  for (const auto& [name, wanted] : when->items()) {
    if (!meets(wanted, value, name)) return false;
  }
  return true;
}

void check_required(const trial& t) {
  for (const auto& name : names_of(t.rule["required"])) {
    if (is_absent(t.value, name)) t.out.push_back(required(t.here.member(name), t.text()));
  }
}

void check_forbidden(const trial& t) {
  for (const auto& name : names_of(t.rule["forbid"])) {
    if (!is_absent(t.value, name)) t.out.push_back(forbidden_field(t.here.member(name), t.text()));
  }
}

/// Invalid whenever `when` holds.
void check_refused(const trial& t) {
  auto name = t.rule["refuse"].get<std::string>();
  const auto& found = member(t.value, name);
  t.out.push_back(invalid(t.here.member(name), found.is_null() ? json("") : found, t.text()));
}

void check_range(const trial& t) {
  for (const auto& [name, bounds] : t.rule["range"].items()) {
    const auto& found = member(t.value, name);
    if (!found.is_number()) continue;
    auto least = bounds[0].get<std::int64_t>();
    auto number = found.get<std::int64_t>();
    bool open = bounds.size() == 1;
    if (number >= least && (open || number <= bounds[1].get<std::int64_t>())) continue;
    auto words = open ? "must be greater than or equal to " + std::to_string(least)
                      : "must be between " + std::to_string(least) + " and " + bounds[1].dump() +
                            ", inclusive";
    t.out.push_back(invalid(t.here.member(name), found, t.text().empty() ? words : t.text()));
  }
}

void check_format_at(const trial& t, const std::string& where, const std::string& format,
                     const json& text) {
  if (!text.is_string()) return;
  auto why = format_error(format, text.get<std::string>());
  if (why) t.out.push_back(invalid(where, text, *why));
}

/// Of a text that is there, or of each text of a list.
void check_format(const trial& t) {
  for (const auto& [name, format] : t.rule["format"].items()) {
    if (is_absent(t.value, name)) continue;
    const auto& found = member(t.value, name);
    auto where = t.here.member(name);
    if (!found.is_array()) {
      check_format_at(t, where, format, found);
      continue;
    }
    for (std::size_t i = 0; i < found.size(); ++i)
      check_format_at(t, where + "[" + std::to_string(i) + "]", format, found[i]);
  }
}

void check_choice(const trial& t) {
  for (const auto& [name, allowed] : t.rule["one_of"].items()) {
    const auto& found = member(t.value, name);
    if (is_absent(t.value, name) || !found.is_string()) continue;
    if (std::find(allowed.begin(), allowed.end(), found) != allowed.end()) continue;
    auto where = t.here.member(name);
    t.out.push_back(t.text().empty() ? not_supported(where, found, allowed)
                                     : invalid(where, found, t.text()));
  }
}

/// Of some members exactly one (with `none`: its text), or at most one (without).
void check_alternatives(const trial& t) {
  std::vector<std::string> present;
  for (const auto& name : names_of(t.rule["alternatives"])) {
    // An empty object chooses: `emptyDir: {}`.
    if (!member(t.value, name).is_null()) present.push_back(name);
  }
  bool as_value = t.rule.value("as", "") == "invalid"; // complains of the object as a whole
  auto here = t.here.text();
  if (present.empty() && t.rule.contains("none")) {
    t.out.push_back(as_value ? invalid(here, "", t.text("none")) : required(here, t.text("none")));
  }
  if (present.size() < 2 || !t.rule.contains("many")) return;
  if (as_value) {
    t.out.push_back(invalid(here, "", t.text("many")));
    return;
  }
  for (std::size_t i = 1; i < present.size(); ++i)
    t.out.push_back(forbidden_field(t.here.member(present[i]), t.text("many")));
}

/// The elements of a list differ in a member, or in themselves (`{LIST: ""}`).
void check_unique(const trial& t) {
  for (const auto& [name, key] : t.rule["unique"].items()) {
    const auto& list = member(t.value, name);
    if (!list.is_array()) continue;
    std::set<json> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto by = key.get<std::string>();
      const auto& id = by.empty() ? list[i] : member(list[i], by);
      if (id.is_null() || id == "" || seen.insert(id).second) continue;
      auto where = t.here.member(name) + "[" + std::to_string(i) + "]";
      t.out.push_back(duplicate(by.empty() ? where : where + "." + by, id));
    }
  }
}

/// What was written once stays; `at_first`: an absent value may still be set.
void check_fixed(const trial& t) {
  if (!t.before) return;
  auto words = t.text().empty() ? "field is immutable" : t.text();
  for (const auto& name : names_of(t.rule["fixed"])) {
    if (member(*t.before, name) == member(t.value, name)) continue;
    if (t.rule.value("at_first", false) && is_absent(*t.before, name)) continue;
    if (t.rule.value("as", "") == "forbidden")
      t.out.push_back(forbidden_field(t.here.member(name), words));
    else
      t.out.push_back(invalid(t.here.member(name), member(t.value, name), words));
  }
}

using check = void (*)(const trial&);

const std::map<std::string, check, std::less<>>& checks() {
  static const std::map<std::string, check, std::less<>> all{
      {"required", check_required},
      {"forbid", check_forbidden},
      {"refuse", check_refused},
      {"range", check_range},
      {"format", check_format},
      {"one_of", check_choice},
      {"alternatives", check_alternatives},
      {"unique", check_unique},
      {"fixed", check_fixed},
  };
  return all;
}

/// Adds what a rule or an enumeration finds, unless its field was complained of already.
void add_new(errors_out& out, errors_out found) {
  for (auto& error : found) {
    bool known = std::any_of(out.begin(), out.end(),
                             [&](const auto& one) { return one.field == error.field; });
    if (!known) out.push_back(std::move(error));
  }
}

void check_enumeration(const schema_node& type, const json& value, const place& here,
                       errors_out& out) {
  if (type.allowed.empty() || !value.is_string() || value == "") return;
  const auto& text = value.get_ref<const std::string&>();
  if (std::find(type.allowed.begin(), type.allowed.end(), text) != type.allowed.end()) return;
  add_new(out, {not_supported(here.text(), text, type.allowed)});
}

void apply_rules(const json& rules, const json& value, const json* before, const place& here,
                 errors_out& out) {
  for (const auto& rule : rules) {
    if (!applies(rule, value)) continue;
    errors_out found;
    for (const auto& [name, run] : checks()) {
      if (rule.contains(name)) run({rule, value, before, here, found});
    }
    add_new(out, std::move(found));
  }
}

void walk(const schema_node& type, const json& value, const json* before, const place& here,
          errors_out& out) {
  check_enumeration(type, value, here, out);
  if (value.is_array() && type.items) {
    for (std::size_t i = 0; i < value.size(); ++i)
      walk(*type.items, value[i], nullptr, {&here, nullptr, i}, out);
  }
  if (!value.is_object()) return;
  if (type.checks) apply_rules(*type.checks, value, before, here, out);
  for (const auto& [name, next] : value.get_ref<const json::object_t&>()) {
    const auto* node = type.field(name);
    if (!node || (!here.up && name == "status")) continue;
    const auto* old = before && before->is_object() ? &member(*before, name) : nullptr;
    bool is_key = !type.fields.contains(name);
    walk(*node, next, old && !old->is_null() ? old : nullptr, {&here, &name, 0, is_key}, out);
  }
}

} // namespace

void check_rules(const schema_node& type, const json& value, const json* before, errors_out& out) {
  walk(type, value, before, {}, out);
}

namespace {

/// The fields that a rule speaks of.
std::vector<std::string> fields_of(const json& rule) {
  std::vector<std::string> out;
  for (const char* part : {"when", "range", "format", "one_of", "unique"}) {
    const auto& by_name = member(rule, part);
    for (const auto& [name, value] : by_name.items()) out.push_back(name);
  }
  for (const char* part : {"required", "forbid", "refuse", "alternatives", "fixed"}) {
    if (!rule.contains(part)) continue;
    for (auto& name : names_of(rule[part])) out.push_back(std::move(name));
  }
  return out;
}

} // namespace

std::vector<std::string> rule_mistakes() {
  std::vector<std::string> out;
  const auto& all = builtin_schemas::get();
  for (const auto& [definition, rules] : all.checks().items()) {
    const auto* type = all.of_definition(definition);
    if (!type) {
      out.push_back("no definition " + definition);
      continue;
    }
    for (const auto& rule : rules) {
      auto kinds = std::count_if(checks().begin(), checks().end(),
                                 [&](const auto& one) { return rule.contains(one.first); });
      if (kinds != 1) out.push_back(definition + ": not one check in " + rule.dump());
      for (const auto& name : fields_of(rule)) {
        if (!type->field(name)) out.push_back(definition + ": no field " + name);
      }
    }
  }
  return out;
}

} // namespace remed::env
