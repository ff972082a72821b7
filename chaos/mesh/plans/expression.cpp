// Conditions of a task's branches: a small expression language, by recursive descent.
#include "chaos/mesh/plans/nodes.hpp"

#include <cctype>

namespace remed::chaos::mesh {

namespace {

struct malformed {
  std::string why;
};

/// Deeper expressions are refused: the descent uses the stack.
constexpr int deepest = 64;

class parser {
public:
  parser(const std::string& text, const json& context) : text_(text), context_(context) {}

  bool run() {
    auto value = disjunction();
    skip();
    if (at_ != text_.size()) throw malformed{"unexpected token " + text_.substr(at_, 10)};
    return truth(value);
  }

private:
  static bool truth(const json& value) {
    if (!value.is_boolean()) throw malformed{"expected bool, but got " + value.dump()};
    return value;
  }

  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  static bool is_word(char ch) { return std::isalnum(static_cast<unsigned char>(ch)) || ch == '_'; }

  /// Takes an operator or a word when it comes next.
  bool take(const std::string& token) {
    skip();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    const auto end = at_ + token.size();
    if (is_word(token[0]) && end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }

  json disjunction() {
    auto left = conjunction();
    while (take("||") || take("or")) {
      const bool right = truth(conjunction());
      left = truth(left) || right;
    }
    return left;
  }

  json conjunction() {
    auto left = negation();
    while (take("&&") || take("and")) {
      const bool right = truth(negation());
      left = truth(left) && right;
    }
    return left;
  }

  json negation() {
    if (++depth_ > deepest) throw malformed{"the expression is too deep"};
    skip();
    const bool different = text_.compare(at_, 2, "!=") == 0;
    json out;
    if ((!different && take("!")) || take("not"))
      out = !truth(negation());
    else
      out = comparison();
    --depth_;
    return out;
  }

  json comparison() {
    auto left = value();
    if (take("==")) return left == value();
    if (take("!=")) return left != value();
    if (take("<=")) return left <= value();
    if (take(">=")) return left >= value();
    if (take("<")) return left < value();
    if (take(">")) return left > value();
    for (const auto* word : {"contains", "startsWith", "endsWith"}) {
      if (take(word)) return compare_texts(word, left, value());
    }
    return left;
  }

  static bool compare_texts(const std::string& how, const json& left, const json& right) {
    if (!left.is_string() || !right.is_string()) throw malformed{how + " compares strings"};
    const auto a = left.get<std::string>(), b = right.get<std::string>();
    if (how == "contains") return a.find(b) != std::string::npos;
    return how == "startsWith" ? a.starts_with(b) : a.ends_with(b);
  }

  json value() {
    skip();
    if (at_ >= text_.size()) throw malformed{"unexpected token EOF"};
    const char ch = text_[at_];
    if (take("(")) {
      auto inner = disjunction();
      if (!take(")")) throw malformed{"expected )"};
      return inner;
    }
    if (ch == '"' || ch == '\'') return quoted_text(ch);
    if (std::isdigit(static_cast<unsigned char>(ch)) || ch == '-') return number();
    std::string word;
    while (at_ < text_.size() && is_word(text_[at_])) word += text_[at_++];
    if (word == "true" || word == "false") return word == "true";
    if (!word.empty() && context_.contains(word)) return context_[word];
    throw malformed{"unknown name " + word};
  }

  json quoted_text(char quote) {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    if (at_ >= text_.size()) throw malformed{"literal not terminated"};
    ++at_;
    return out;
  }

  json number() {
    const auto from = at_++;
    while (at_ < text_.size() &&
           (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.')) {
      ++at_;
    }
    auto out = json::parse(text_.substr(from, at_ - from), nullptr, false);
    if (out.is_discarded()) throw malformed{"bad number"};
    return out;
  }

  const std::string& text_;
  const json& context_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

} // namespace

result<bool> evaluate_branch(const std::string& expression, const json& context) {
  try {
    return parser(expression, context).run();
  } catch (const malformed& e) {
    return failure{errc::bad_input, e.why};
  }
}

} // namespace remed::chaos::mesh
