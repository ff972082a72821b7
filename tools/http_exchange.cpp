#include "tools/http_exchange.hpp"

#include "tools/http_session.hpp"

namespace remed::tools {

namespace {

constexpr std::size_t header_limit = 64 * 1024, body_limit = 1024 * 1024;

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

http_request taken(http::request<http::string_body> message) {
  http_request out;
  out.method = text_of(message.method_string());
  out.target = text_of(message.target());
  auto question = out.target.find('?');
  out.path = percent_decode(std::string_view(out.target).substr(0, question));
  if (question != std::string::npos) {
    out.query = query_params::parse(std::string_view(out.target).substr(question + 1));
  }
  for (const auto& field : message) {
    out.headers.add(text_of(field.name_string()), text_of(field.value()));
  }
  if (!message.keep_alive()) out.headers.set("Connection", "close");
  out.body = std::move(message.body());
  return out;
}

} // namespace

struct http_reader::native {
  void begin() {
    parser.emplace();
    parser->header_limit(header_limit);
    parser->body_limit(body_limit);
    parser->eager(true);
  }
  std::optional<http::request_parser<http::string_body>> parser;
  std::string rest;
};

http_reader::http_reader() : native_(std::make_unique<native>()) {
  native_->begin();
}

http_reader::~http_reader() = default;

result<std::vector<http_request>> http_reader::receive(std::string_view bytes) {
  auto& n = *native_;
  n.rest.append(bytes);
  std::vector<http_request> out;
  while (!n.rest.empty()) {
    error_code ec;
    auto used = n.parser->put(net::buffer(n.rest), ec);
    n.rest.erase(0, used);
    if (ec && ec != http::error::need_more) {
      return failure{errc::bad_input, "not HTTP: " + ec.message()};
    }
    if (!n.parser->is_done()) {
      if (used == 0) break;
      continue;
    }
    out.push_back(taken(n.parser->release()));
    n.begin();
  }
  return out;
}

std::string http_text(const http_response& response, bool keep_alive, bool head_only) {
  auto out =
      response_head(response.status, response.headers, false, keep_alive, response.body.size());
  return head_only ? out : out + response.body;
}

} // namespace remed::tools
