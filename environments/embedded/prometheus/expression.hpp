// PromQL: an expression as a tree, and the parser that makes it.
#pragma once

#include "runtime/result.hpp"

#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace remed::env::prometheus {

/// Longer queries, and deeper nesting, are refused.
inline constexpr std::size_t longest_query = 10'000;
inline constexpr int deepest_query = 50;

struct matcher {
  enum class op { equal, differs, matches, matches_not } how = op::equal;
  std::string label, value;
  std::regex pattern; ///< of the last two; the whole value must match
  bool accepts(const std::string& text) const;
};

enum class value_type { scalar, text, instant, range };

struct expression {
  enum class kind { number, text, selector, subquery, call, aggregate, binary, negation } what{};
  value_type type = value_type::scalar;
  std::size_t at = 0; ///< place in the query, from 0

  double number = 0;
  std::string name; ///< text; metric, function, aggregate or operator
  std::vector<matcher> matchers;
  double range_s = 0, step_s = 0, offset_s = 0;
  std::vector<std::shared_ptr<const expression>> parts; ///< arguments, operands

  std::vector<std::string> labels; ///< of by, without, on, ignoring
  bool inverted = false;           ///< without, ignoring
  bool labelled = false;           ///< one of the four was given
  bool as_bool = false;            ///< comparison gives 0 or 1
  enum class group { none, left, right } many = group::none;
  std::vector<std::string> taken; ///< labels of group_left and group_right
};

using expression_ptr = std::shared_ptr<const expression>;

/// The failure's text is Prometheus': "1:5: parse error: …".
result<expression_ptr> parse_query(std::string_view query);
/// "5m", "1h30m", "90" (seconds); nothing else. Seconds.
result<double> parse_duration(const std::string& text);

} // namespace remed::env::prometheus
