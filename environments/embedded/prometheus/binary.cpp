#include "environments/embedded/prometheus/binary.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace remed::env::prometheus {

namespace {

using vector = std::vector<element>;

bool compares(const std::string& op) {
  return op == "==" || op == "!=" || op == "<" || op == ">" || op == "<=" || op == ">=";
}

bool holds(const std::string& op, double a, double b) {
  if (op == "==") return a == b;
  if (op == "!=") return a != b;
  if (op == "<") return a < b;
  if (op == ">") return a > b;
  return op == "<=" ? a <= b : a >= b;
}

double computed(const std::string& op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "/") return a / b;
  if (op == "%") return std::fmod(a, b);
  return std::pow(a, b);
}

/// None: a comparison that does not hold filters the element. A filter keeps `kept`.
std::optional<double> outcome(const expression& e, double a, double b, double kept) {
  if (!compares(e.name)) return computed(e.name, a, b);
  auto yes = holds(e.name, a, b);
  if (e.as_bool) return yes ? 1 : 0;
  return yes ? std::optional(kept) : std::nullopt;
}

bool drops_name(const expression& e) {
  return !compares(e.name) || e.as_bool;
}

vector with_scalar(const expression& e, vector in, double number, bool number_left) {
  vector out;
  for (auto& one : in) {
    auto v = number_left ? outcome(e, number, one.value, one.value)
                         : outcome(e, one.value, number, one.value);
    if (!v) continue;
    if (drops_name(e)) one.labels.erase("__name__");
    out.push_back({std::move(one.labels), *v});
  }
  return out;
}

vector set_operation(const expression& e, const vector& left, const vector& right) {
  std::map<label_set, bool> there, here;
  for (const auto& one : right) there[reduced(one.labels, e.labels, e.inverted)] = true;
  vector out;
  for (const auto& one : left) {
    auto key = reduced(one.labels, e.labels, e.inverted);
    here[key] = true;
    if (e.name == "or" || (there.count(key) > 0) == (e.name == "and")) out.push_back(one);
  }
  if (e.name != "or") return out;
  for (const auto& one : right) {
    if (!here.count(reduced(one.labels, e.labels, e.inverted))) out.push_back(one);
  }
  return out;
}

std::string text_of(const label_set& labels) {
  std::string out = "{";
  for (const auto& [key, v] : labels) out += (out.size() > 1 ? ", " : "") + key + "=\"" + v + "\"";
  return out + "}";
}

label_set result_labels(const expression& e, const label_set& many, const label_set& one) {
  auto out = many;
  if (drops_name(e)) out.erase("__name__");
  if (e.many == expression::group::none) {
    if (!e.labelled || e.inverted) {
      for (const auto& label : e.labels) out.erase(label);
      return out;
    }
    return reduced(out, e.labels, false);
  }
  for (const auto& label : e.taken) {
    auto found = one.find(label);
    if (found == one.end())
      out.erase(label);
    else
      out[label] = found->second;
  }
  return out;
}

vector matched(const expression& e, const vector& left, const vector& right) {
  auto swapped = e.many == expression::group::right;
  const auto &many = swapped ? right : left, &single = swapped ? left : right;
  const auto* side = swapped ? "left" : "right";
  std::map<label_set, const element*> partners;
  for (const auto& one : single) {
    auto key = reduced(one.labels, e.labels, e.inverted);
    if (!partners.emplace(key, &one).second)
      throw query_error{"found duplicate series for the match group " + text_of(key) + " on the " +
                        side + " hand-side of the operation: [" + text_of(one.labels) + ", " +
                        text_of(partners[key]->labels) +
                        "];many-to-many matching not allowed: matching labels must be unique on "
                        "one side"};
  }
  vector out;
  std::map<label_set, bool> met;
  for (const auto& one : many) {
    auto key = reduced(one.labels, e.labels, e.inverted);
    auto partner = partners.find(key);
    if (partner == partners.end()) continue;
    auto other = partner->second->value;
    auto v =
        swapped ? outcome(e, other, one.value, other) : outcome(e, one.value, other, one.value);
    if (!v) continue;
    if (e.many == expression::group::none && !met.emplace(key, true).second)
      throw query_error{
          "multiple matches for labels: many-to-one matching must be explicit "
          "(group_left/group_right)"};
    out.push_back({result_labels(e, one.labels, partner->second->labels), *v});
  }
  return out;
}

} // namespace

label_set reduced(const label_set& labels, const std::vector<std::string>& names, bool inverted) {
  label_set out;
  for (const auto& [key, v] : labels) {
    auto named = std::find(names.begin(), names.end(), key) != names.end();
    if (inverted ? !named && key != "__name__" : named) out[key] = v;
  }
  return out;
}

value combine(const expression& e, value left, value right) {
  auto* a = std::get_if<double>(&left);
  auto* b = std::get_if<double>(&right);
  if (a && b) return outcome(e, *a, *b, *a).value_or(0);
  if (a) return with_scalar(e, std::get<vector>(std::move(right)), *a, true);
  if (b) return with_scalar(e, std::get<vector>(std::move(left)), *b, false);
  const auto &l = std::get<vector>(left), &r = std::get<vector>(right);
  if (e.name == "and" || e.name == "or" || e.name == "unless") return set_operation(e, l, r);
  return matched(e, l, r);
}

} // namespace remed::env::prometheus
