#include "environments/embedded/app/http_service.hpp"

#include <cctype>

namespace remed::env {

namespace {

const char* type_of(const std::string& body) {
  if (body.empty()) return "text/plain; charset=utf-8";
  if (body[0] == '{' || body[0] == '[') return "application/json";
  return body[0] == '<' ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
}

std::string http_date(vtime now) {
  std::time_t t = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm parts{};
  gmtime_r(&t, &parts);
  char out[64];
  auto n = std::strftime(out, sizeof out, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {out, n};
}

/// Path and query; a form's fields are as good as a query's, for those who post theirs.
std::string target_of(const tools::http_request& request) {
  auto out = request.path.empty() ? std::string("/") : request.path;
  auto query = request.query.encode();
  if (request.headers.get("Content-Type").starts_with("application/x-www-form-urlencoded"))
    query += (query.empty() || request.body.empty() ? "" : "&") + request.body;
  return query.empty() ? out : out + "?" + query;
}

} // namespace

app_answer ask_app(const cluster& c, const json* client, const std::string& host, int port,
                   const tools::http_request& request, duration patience, std::string_view key) {
  auto got = send_request(c, client, host, port, target_of(request), seconds(patience), key);
  app_answer out;
  out.what = got.what;
  out.takes = from_seconds(got.seconds);
  out.address = got.address;
  if (got.what != request_outcome::kind::answered) return out;
  out.response.status = got.status;
  if (!got.server.empty()) out.response.headers.set("Server", got.server);
  out.response.headers.set("Date", http_date(c.now() + out.takes));
  out.response.headers.set("Content-Type", type_of(got.body));
  out.response.body = got.body;
  return out;
}

bool app_listens(const cluster& c, const json& pod, int port) {
  return is_accepting(c, pod, port);
}

} // namespace remed::env
