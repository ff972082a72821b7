#include "environments/embedded/prometheus/expression.hpp"
#include "environments/embedded/prometheus/functions.hpp"
#include "environments/embedded/prometheus/token.hpp"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

namespace remed::env::prometheus {

namespace {

using kind = expression::kind;
constexpr std::size_t longest_pattern = 300;

/// Thrown inside the parser, turned into a failure by parse_query.
struct complaint {
  failure why;
};

int strength_of(const std::string& op) {
  static const std::map<std::string, int> all{
      {"or", 1}, {"and", 2}, {"unless", 2}, {"==", 3}, {"!=", 3}, {"<", 3}, {">", 3}, {"<=", 3},
      {">=", 3}, {"+", 4},   {"-", 4},      {"*", 5},  {"/", 5},  {"%", 5}, {"^", 6}};
  auto found = all.find(op);
  return found == all.end() ? 0 : found->second;
}

bool is_set_operator(const std::string& op) {
  return op == "and" || op == "or" || op == "unless";
}

const char* word_of(value_type t) {
  switch (t) {
    case value_type::scalar:
      return "scalar";
    case value_type::text:
      return "string";
    case value_type::instant:
      return "instant vector";
    case value_type::range:
      break;
  }
  return "range vector";
}

class parser {
public:
  parser(std::string_view query, std::vector<token> tokens)
      : query_(query), tokens_(std::move(tokens)) {}

  expression_ptr whole() {
    if (now().what == token::kind::end) fail(0, "no expression found in input");
    auto out = binary(1);
    if (now().what != token::kind::end) unexpected("");
    return out;
  }

private:
  const token& now() const { return tokens_[next_]; }
  token take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool is(const std::string& sign) const {
    return now().what == token::kind::sign && now().text == sign;
  }
  bool is_word(const std::string& word) const {
    return now().what == token::kind::name && now().text == word;
  }
  bool accept(const std::string& sign) {
    if (!is(sign)) return false;
    ++next_;
    return true;
  }

  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw complaint{parse_error(query_, at, what)};
  }
  [[noreturn]] void unexpected(const std::string& where) const {
    fail(now().at, "unexpected " + describe(now()) + where);
  }
  void expect(const std::string& sign, const std::string& where) {
    if (!accept(sign)) unexpected(where);
  }

  std::shared_ptr<expression> make(kind what, value_type type) const {
    auto out = std::make_shared<expression>();
    out->what = what;
    out->type = type;
    out->at = now().at;
    return out;
  }

  /// Left-associative but for ^.
  expression_ptr binary(int least) {
    if (++depth_ > deepest_query) fail(now().at, "expression is nested too deeply");
    auto left = unary();
    for (;;) {
      auto strength = now().what == token::kind::sign || is_set_operator(now().text)
                          ? strength_of(now().text)
                          : 0;
      if (strength < least || strength == 0) break;
      auto out = make(kind::binary, value_type::instant);
      out->name = take().text;
      modifiers(*out);
      auto right = binary(out->name == "^" ? strength : strength + 1);
      out->parts = {left, right};
      check_binary(*out); // complains at the operator
      out->at = left->at;
      left = out;
    }
    --depth_;
    return left;
  }

  void modifiers(expression& out) {
    if (is_word("bool")) {
      if (strength_of(out.name) != 3)
        fail(now().at, "bool modifier can only be used on comparison operators");
      ++next_;
      out.as_bool = true;
    }
    if (is_word("on") || is_word("ignoring")) {
      out.inverted = take().text == "ignoring";
      out.labelled = true;
      out.labels = label_list();
    } else {
      out.inverted = true;
    }
    if (is_word("group_left") || is_word("group_right")) {
      out.many = take().text == "group_left" ? expression::group::left : expression::group::right;
      if (is("(")) out.taken = label_list();
    }
  }

  void check_binary(expression& e) const {
    auto left = e.parts[0]->type, right = e.parts[1]->type;
    for (const auto& part : e.parts) {
      if (part->type == value_type::scalar || part->type == value_type::instant) continue;
      fail(part->at, "binary expression must contain only scalar and instant vector types");
    }
    auto scalars = left == value_type::scalar && right == value_type::scalar;
    if (is_set_operator(e.name) && (left != value_type::instant || right != value_type::instant))
      fail(e.at, "set operator \"" + e.name + "\" not allowed in binary scalar expression");
    if (scalars && strength_of(e.name) == 3 && !e.as_bool)
      fail(e.at, "comparisons between scalars must use BOOL modifier");
    if (scalars) e.type = value_type::scalar;
  }

  expression_ptr unary() {
    if (!is("-") && !is("+")) return postfix(primary());
    auto out = make(kind::negation, value_type::scalar);
    auto minus = take().text == "-";
    // A power binds more strongly than a sign.
    auto inner = binary(6);
    if (inner->type == value_type::range || inner->type == value_type::text)
      fail(inner->at, std::string("unary expression only allowed on expressions of type scalar or "
                                  "instant vector, got \"") +
                          word_of(inner->type) + "\"");
    if (!minus) return inner;
    out->type = inner->type;
    out->parts = {inner};
    return out;
  }

  expression_ptr primary() {
    const auto& t = now();
    if (t.what == token::kind::number) return number(std::strtod(t.text.c_str(), nullptr));
    if (t.what == token::kind::text) {
      auto out = make(kind::text, value_type::text);
      out->name = take().text;
      return out;
    }
    if (accept("(")) {
      auto out = binary(1);
      if (now().what == token::kind::end) fail(query_.size(), "unclosed left parenthesis");
      expect(")", " in parenthesized expression");
      return out;
    }
    if (is("{")) return selector("");
    if (t.what == token::kind::end) unexpected("");
    if (t.what != token::kind::name) unexpected("");
    auto lower = t.text;
    for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower == "inf" || lower == "nan") {
      return number(lower == "inf" ? HUGE_VAL : std::nan(""));
    }
    auto follows = tokens_[next_ + 1];
    auto opens = follows.what == token::kind::sign && follows.text == "(";
    if (is_aggregate(t.text) && (opens || follows.text == "by" || follows.text == "without"))
      return aggregate();
    if (opens) return call();
    return selector(take().text);
  }

  expression_ptr number(double value) {
    auto out = make(kind::number, value_type::scalar);
    out->number = value;
    take();
    return out;
  }

  std::vector<std::string> label_list() {
    expect("(", " in grouping opts, expected \"(\"");
    std::vector<std::string> out;
    while (!accept(")")) {
      if (now().what != token::kind::name) unexpected(" in grouping opts, expected label");
      out.push_back(take().text);
      if (!is(")")) expect(",", " in grouping opts, expected \",\" or \")\"");
    }
    return out;
  }

  void grouping(expression& out) {
    if (!is_word("by") && !is_word("without")) return;
    out.inverted = take().text == "without";
    out.labelled = true;
    out.labels = label_list();
  }

  expression_ptr aggregate() {
    auto out = make(kind::aggregate, value_type::instant);
    out->name = take().text;
    grouping(*out);
    out->parts = arguments();
    if (!out->labelled) grouping(*out);
    auto wanted = takes_parameter(out->name) ? 2u : 1u;
    if (out->parts.size() != wanted)
      fail(out->at, "wrong number of arguments for aggregate expression provided, expected " +
                        std::to_string(wanted) + ", got " + std::to_string(out->parts.size()));
    need(*out->parts.back(), value_type::instant, "aggregation expression");
    if (wanted == 2) need(*out->parts[0], value_type::scalar, "aggregation parameter");
    return out;
  }

  std::vector<expression_ptr> arguments() {
    expect("(", "");
    std::vector<expression_ptr> out;
    while (!accept(")")) {
      out.push_back(binary(1));
      if (now().what == token::kind::end) fail(query_.size(), "unclosed left parenthesis");
      if (!is(")")) expect(",", " in function call arguments, expected \",\" or \")\"");
    }
    return out;
  }

  void need(const expression& part, value_type wanted, const std::string& where) const {
    if (part.type == wanted) return;
    fail(part.at, std::string("expected type ") + word_of(wanted) + " in " + where + ", got " +
                      word_of(part.type));
  }

  expression_ptr call() {
    auto out = make(kind::call, value_type::instant);
    out->name = take().text;
    const auto* f = signature_of(out->name);
    if (!f) fail(out->at, "unknown function with name \"" + out->name + "\"");
    out->type = f->gives;
    out->parts = arguments();
    auto n = out->parts.size();
    if (n < f->at_least || n > f->takes.size()) {
      auto bound = f->at_least == f->takes.size() ? "expected "
                   : n < f->at_least              ? "expected at least "
                                                  : "expected at most ";
      auto number = n < f->at_least ? f->at_least : f->takes.size();
      fail(out->at, bound + std::to_string(number) + " argument(s) in call to \"" + out->name +
                        "\", got " + std::to_string(n));
    }
    for (std::size_t i = 0; i < n; ++i)
      need(*out->parts[i], f->takes[i], "call to function \"" + out->name + "\"");
    return out;
  }

  expression_ptr selector(const std::string& metric) {
    auto out = make(kind::selector, value_type::instant);
    out->at = metric.empty() ? now().at : tokens_[next_ - 1].at;
    out->name = metric;
    if (accept("{")) {
      while (!accept("}")) {
        out->matchers.push_back(label_matcher());
        if (!is("}")) expect(",", " inside braces");
      }
    }
    if (metric.empty() && !selects_something(*out))
      fail(out->at, "vector selector must contain at least one non-empty matcher");
    return out;
  }

  static bool selects_something(const expression& e) {
    for (const auto& m : e.matchers) {
      if (!m.accepts("")) return true;
    }
    return false;
  }

  matcher label_matcher() {
    if (now().what != token::kind::name) unexpected(" inside braces");
    matcher out;
    out.label = take().text;
    static const std::map<std::string, matcher::op> ops{{"=", matcher::op::equal},
                                                        {"!=", matcher::op::differs},
                                                        {"=~", matcher::op::matches},
                                                        {"!~", matcher::op::matches_not}};
    auto found = ops.find(now().text);
    if (now().what != token::kind::sign || found == ops.end())
      unexpected(" inside braces, expected label matching operator");
    ++next_;
    out.how = found->second;
    if (now().what != token::kind::text) unexpected(" in label matching, expected string");
    auto at = now().at;
    out.value = take().text;
    if (out.how != matcher::op::matches && out.how != matcher::op::matches_not) return out;
    try {
      if (out.value.size() > longest_pattern)
        throw std::regex_error(std::regex_constants::error_complexity);
      out.pattern = std::regex(out.value);
    } catch (const std::regex_error&) {
      fail(at, "error parsing regexp: `" + out.value + "`");
    }
    return out;
  }

  double duration() {
    if (now().what != token::kind::duration && now().what != token::kind::number)
      unexpected(" in duration, expected number or duration");
    auto at = now().at;
    auto value = parse_duration(take().text);
    if (!value || *value <= 0) fail(at, "duration must be greater than 0");
    return *value;
  }

  expression_ptr postfix(expression_ptr base) {
    auto out = base;
    if (accept("[")) {
      auto copy = std::make_shared<expression>(*base);
      auto range = duration();
      if (accept(":")) {
        if (base->type != value_type::instant)
          fail(base->at, std::string("subquery is only allowed on instant vector, got ") +
                             word_of(base->type));
        copy = make(kind::subquery, value_type::range);
        copy->at = base->at;
        copy->parts = {base};
        copy->step_s = is("]") ? 0 : duration();
      } else if (base->what != kind::selector) {
        fail(base->at, "ranges only allowed for vector selectors");
      }
      copy->range_s = range;
      copy->type = value_type::range;
      expect("]", " in range selector");
      out = copy;
    }
    if (!is_word("offset")) return out;
    ++next_;
    if (out->what != kind::selector && out->what != kind::subquery)
      fail(out->at,
           "offset modifier must be preceded by an instant vector selector or range vector "
           "selector or a subquery");
    auto copy = std::make_shared<expression>(*out);
    auto back = accept("-") ? -1 : 1;
    copy->offset_s = back * duration();
    return copy;
  }

  std::string_view query_;
  std::vector<token> tokens_;
  std::size_t next_ = 0;
  int depth_ = 0;
};

} // namespace

bool matcher::accepts(const std::string& text) const {
  switch (how) {
    case op::equal:
      return text == value;
    case op::differs:
      return text != value;
    case op::matches:
      return std::regex_match(text, pattern);
    case op::matches_not:
      break;
  }
  return !std::regex_match(text, pattern);
}

result<double> parse_duration(const std::string& text) {
  static const std::map<std::string, double> units{{"ms", 0.001},    {"s", 1},      {"m", 60},
                                                   {"h", 3600},      {"d", 86'400}, {"w", 604'800},
                                                   {"y", 31'536'000}};
  double out = 0;
  const char* at = text.c_str();
  if (text.empty()) return failure{errc::bad_input, "empty duration string"};
  while (*at) {
    char* end = nullptr;
    auto value = std::strtod(at, &end);
    if (end == at) return failure{errc::bad_input, "not a valid duration string: \"" + text + "\""};
    std::string unit;
    for (at = end; std::isalpha(static_cast<unsigned char>(*at)); ++at) unit += *at;
    if (unit.empty() && !*at) return out + value;
    auto known = units.find(unit);
    if (known == units.end())
      return failure{errc::bad_input, "not a valid duration string: \"" + text + "\""};
    out += value * known->second;
  }
  return out;
}

result<expression_ptr> parse_query(std::string_view query) {
  if (query.size() > longest_query) return parse_error(query, 0, "query is too long");
  auto tokens = tokens_of(query);
  if (!tokens) return tokens.why();
  try {
    return parser(query, std::move(*tokens)).whole();
  } catch (const complaint& c) {
    return c.why;
  }
}

} // namespace remed::env::prometheus
