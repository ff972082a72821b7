#include "environments/embedded/api/selectors.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace remed::env {

namespace {

using op = requirement::op;

/// Reads a selector text token by token.
class selector_parser {
public:
  explicit selector_parser(const std::string& text) : text_(text) {}

  result<requirements> read() {
    requirements out;
    skip();
    while (!done()) {
      auto term = read_term();
      if (!term) return term.why();
      out.push_back(std::move(*term));
      skip();
      if (done()) break;
      if (text_[at_] != ',') return expected("',' or 'end of string'");
      ++at_;
      skip();
      if (done()) return expected("identifier after ','");
    }
    return out;
  }

private:
  static bool is_word(char c) {
    return std::string_view(" \t,=!()<>").find(c) == std::string_view::npos;
  }
  bool done() const { return at_ >= text_.size(); }
  void skip() {
    while (!done() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  std::string word() {
    auto from = at_;
    while (!done() && is_word(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }
  std::string peek() const {
    if (done()) return "";
    auto end = at_ + 1;
    auto special = !is_word(text_[at_]);
    while (end < text_.size() && is_word(text_[end]) != special &&
           (!special || std::string_view("=!<>").find(text_[end]) != std::string_view::npos)) {
      ++end;
    }
    return text_.substr(at_, end - at_);
  }
  failure expected(const std::string& what) const {
    return {errc::bad_input, "found '" + peek() + "', expected: " + what};
  }
  /// The same within a requirement, which has begun.
  failure needs(const std::string& what) const {
    return {errc::bad_input, "unable to parse requirement: " + expected(what).what};
  }

  result<requirement> read_term() {
    requirement out;
    if (text_[at_] == '!') {
      ++at_;
      skip();
      out.what = op::absent;
      out.key = word();
      if (out.key.empty()) return needs("identifier");
      return out;
    }
    out.key = word();
    if (out.key.empty()) return expected("!, identifier, or 'end of string'");
    skip();
    if (done() || text_[at_] == ',') return out;
    return read_values(std::move(out));
  }

  result<requirement> read_values(requirement out) {
    auto symbol = peek();
    if (symbol == "=" || symbol == "==" || symbol == "!=" || symbol == ">" || symbol == "<") {
      at_ += symbol.size();
      skip();
      out.what = symbol == "!="  ? op::differs
                 : symbol == ">" ? op::greater
                 : symbol == "<" ? op::less
                                 : op::equals;
      out.values.push_back(word());
      return out;
    }
    auto name = word();
    if (name != "in" && name != "notin") {
      at_ -= name.size();
      return needs("in, notin, =, ==, !=, gt, lt");
    }
    out.what = name == "in" ? op::in : op::not_in;
    skip();
    if (done() || text_[at_] != '(') return needs("'('");
    do {
      ++at_;
      skip();
      out.values.push_back(word());
      skip();
    } while (!done() && text_[at_] == ',');
    if (done() || text_[at_] != ')') return needs("',' or ')'");
    ++at_;
    return out;
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

bool holds(const requirement& r, const std::string* value) {
  auto one_of = [&] {
    return value && std::find(r.values.begin(), r.values.end(), *value) != r.values.end();
  };
  switch (r.what) {
    case op::exists:
      return value != nullptr;
    case op::absent:
      return value == nullptr;
    case op::equals:
      return value && *value == r.values[0];
    case op::differs:
      return !value || *value != r.values[0];
    case op::in:
      return one_of();
    case op::not_in:
      return !one_of();
    case op::greater:
      return value && std::atof(value->c_str()) > std::atof(r.values[0].c_str());
    case op::less:
      return value && std::atof(value->c_str()) < std::atof(r.values[0].c_str());
  }
  return false;
}

std::string field_text(const json& obj, const std::string& path) {
  const json* at = &obj;
  for (const auto& name : split(path, '.')) {
    if (!at->is_object() || !at->contains(name)) return {};
    at = &(*at)[name];
  }
  if (at->is_string()) return at->get<std::string>();
  return at->is_null() || at->is_structured() ? std::string{} : at->dump();
}

/// Fields that lists of a kind can be selected by besides name and namespace.
const std::vector<std::string>& extra_fields(const resource_type& type) {
  static const std::vector<std::string> none;
  static const std::map<std::string, std::vector<std::string>> more = {
      {"pods",
       {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"}},
      {"events",
       {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"}},
      {"nodes", {"spec.unschedulable"}},
      {"namespaces", {"status.phase"}},
      {"secrets", {"type"}},
      {"replicasets.apps", {"status.replicas"}},
      {"replicationcontrollers", {"status.replicas"}},
      {"jobs.batch", {"status.successful"}}};
  auto found = more.find(type.table());
  return found == more.end() ? none : found->second;
}

/// None when lists of this kind can be selected by the field.
std::optional<std::string> unknown_field(const resource_type& type, const std::string& field) {
  if (field == "metadata.name" || (field == "metadata.namespace" && type.namespaced))
    return std::nullopt;
  const auto& extra = extra_fields(type);
  if (std::find(extra.begin(), extra.end(), field) != extra.end()) return std::nullopt;
  if (!extra.empty()) return "field label not supported: " + field;
  return go_quote(field) +
         " is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
}

} // namespace

result<requirements> parse_label_selector(const std::string& text) {
  return selector_parser(text).read();
}

bool matches(const requirements& all, const json& labels) {
  for (const auto& r : all) {
    std::string value;
    bool there = labels.is_object() && labels.contains(r.key) && labels[r.key].is_string();
    if (there) value = labels[r.key].get<std::string>();
    if (!holds(r, there ? &value : nullptr)) return false;
  }
  return true;
}

bool matches_selector(const json& selector, const json& labels) {
  if (!selector.is_object()) return false;
  requirements all;
  for (const auto& [key, value] : at_path(selector, {"matchLabels"}).items()) {
    all.push_back({op::equals, key, {value.is_string() ? value.get<std::string>() : ""}});
  }
  for (const auto& e : at_path(selector, {"matchExpressions"})) {
    static const std::map<std::string, op> ops = {{"In", op::in},
                                                  {"NotIn", op::not_in},
                                                  {"Exists", op::exists},
                                                  {"DoesNotExist", op::absent}};
    auto found = ops.find(e.value("operator", ""));
    if (found == ops.end()) return false;
    all.push_back(
        {found->second, e.value("key", ""), e.value("values", std::vector<std::string>{})});
  }
  return matches(all, labels);
}

result<requirements> parse_field_selector(const resource_type& type, const std::string& text) {
  requirements out;
  for (const auto& term : split(text, ',')) {
    if (term.empty()) continue;
    auto equals = term.find('=');
    if (equals == std::string::npos) {
      return failure{errc::bad_input,
                     "invalid selector: '" + term + "'; can't understand '" + term + "'"};
    }
    requirement r;
    r.what = op::equals;
    auto end = equals;
    if (end > 0 && term[end - 1] == '!') {
      r.what = op::differs;
      --end;
    }
    r.key = term.substr(0, end);
    auto from = equals + 1;
    if (from < term.size() && term[from] == '=') ++from;
    r.values.push_back(term.substr(from));
    if (auto why = unknown_field(type, r.key)) return failure{errc::bad_input, *why};
    out.push_back(std::move(r));
  }
  return out;
}

bool matches_fields(const requirements& all, const json& obj) {
  for (const auto& r : all) {
    auto value = field_text(obj, r.key == "source" ? "source.component" : r.key);
    if (r.key == "spec.unschedulable" && value.empty()) value = "false";
    if (!holds(r, &value)) return false;
  }
  return true;
}

} // namespace remed::env
