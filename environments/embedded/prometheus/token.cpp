#include "environments/embedded/prometheus/token.hpp"

#include <algorithm>
#include <cctype>

namespace remed::env::prometheus {

namespace {

bool starts_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == ':';
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c));
}
bool continues_name(char c) {
  return starts_name(c) || is_digit(c);
}

class reader {
public:
  explicit reader(std::string_view query) : query_(query) {}

  result<std::vector<token>> all() {
    std::vector<token> out;
    while (skip_space()) {
      auto one = next();
      if (!one) return one.why();
      // A colon inside [ ] divides a subquery; elsewhere it begins a name.
      if (one->text == "[") bracket_ = true;
      if (one->text == "]") bracket_ = false;
      out.push_back(std::move(*one));
    }
    out.push_back({token::kind::end, "", query_.size()});
    return out;
  }

private:
  bool skip_space() {
    while (at_ < query_.size()) {
      if (query_[at_] == '#') {
        while (at_ < query_.size() && query_[at_] != '\n') ++at_;
      } else if (!std::isspace(static_cast<unsigned char>(query_[at_]))) {
        return true;
      } else {
        ++at_;
      }
    }
    return false;
  }

  result<token> next() {
    char c = query_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < query_.size() && is_digit(query_[at_ + 1])))
      return number();
    if (starts_name(c) && !(bracket_ && c == ':')) return name();
    if (c == '"' || c == '\'' || c == '`') return quoted(c);
    static constexpr std::string_view pairs[] = {"==", "!=", "=~", "!~", "<=", ">="};
    auto two = query_.substr(at_, 2);
    auto start = at_;
    if (std::find(std::begin(pairs), std::end(pairs), two) != std::end(pairs)) {
      at_ += 2;
      return token{token::kind::sign, std::string(two), start};
    }
    if (std::string_view("(){}[],+-*/%^=<>:@").find(c) == std::string_view::npos) {
      return parse_error(query_, at_, std::string("unexpected character: '") + c + "'");
    }
    ++at_;
    return token{token::kind::sign, std::string(1, c), start};
  }

  token number() {
    auto start = at_;
    while (at_ < query_.size() && (is_digit(query_[at_]) || query_[at_] == '.')) ++at_;
    auto unit = [&](std::size_t i) {
      return i < query_.size() &&
             std::string_view("smhdwy").find(query_[i]) != std::string_view::npos;
    };
    if (unit(at_)) {
      while (at_ < query_.size() && (is_digit(query_[at_]) || unit(at_))) ++at_;
      return {token::kind::duration, std::string(query_.substr(start, at_ - start)), start};
    }
    if (at_ < query_.size() && (query_[at_] == 'e' || query_[at_] == 'E')) {
      ++at_;
      if (at_ < query_.size() && (query_[at_] == '+' || query_[at_] == '-')) ++at_;
      while (at_ < query_.size() && is_digit(query_[at_])) ++at_;
    }
    return {token::kind::number, std::string(query_.substr(start, at_ - start)), start};
  }

  token name() {
    auto start = at_;
    while (at_ < query_.size() && continues_name(query_[at_])) ++at_;
    return {token::kind::name, std::string(query_.substr(start, at_ - start)), start};
  }

  result<token> quoted(char quote) {
    auto start = at_++;
    std::string out;
    while (at_ < query_.size() && query_[at_] != quote) {
      if (query_[at_] == '\\' && quote != '`' && at_ + 1 < query_.size()) {
        ++at_;
        auto c = query_[at_];
        // An unknown escape stays as it is: it is a regular expression's.
        if (c == 'n')
          out += '\n';
        else if (c == 't')
          out += '\t';
        else if (c == quote || c == '\\')
          out += c;
        else
          return parse_error(
              query_, start,
              std::string("unknown escape sequence U+") + "00" + hex(c) + " '" + c + "'");
      } else {
        out += query_[at_];
      }
      ++at_;
    }
    if (at_ >= query_.size()) return parse_error(query_, start, "unterminated quoted string");
    ++at_;
    return token{token::kind::text, std::move(out), start};
  }

  static std::string hex(char c) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    auto u = static_cast<unsigned char>(c);
    return {digits[u / 16], digits[u % 16]};
  }

  std::string_view query_;
  std::size_t at_ = 0;
  bool bracket_ = false;
};

} // namespace

failure parse_error(std::string_view query, std::size_t at, const std::string& what) {
  auto before = query.substr(0, std::min(at, query.size()));
  auto line = 1 + std::count(before.begin(), before.end(), '\n');
  auto last = before.rfind('\n');
  auto column = at - (last == std::string_view::npos ? 0 : last + 1) + 1;
  return {errc::bad_input,
          std::to_string(line) + ":" + std::to_string(column) + ": parse error: " + what};
}

result<std::vector<token>> tokens_of(std::string_view query) {
  return reader(query).all();
}

std::string describe(const token& t) {
  switch (t.what) {
    case token::kind::end:
      return "end of input";
    case token::kind::name:
      return "identifier \"" + t.text + "\"";
    case token::kind::number:
      return "number \"" + t.text + "\"";
    case token::kind::duration:
      return "duration \"" + t.text + "\"";
    case token::kind::text:
      return "string \"" + t.text + "\"";
    case token::kind::sign:
      break;
  }
  return "\"" + t.text + "\"";
}

} // namespace remed::env::prometheus
