// wget, curl, nc: requests from a pod, through the same model as the users'.
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/traffic.hpp"
#include "tools/http.hpp"

#include <cstdlib>
#include <optional>

namespace remed::env {

namespace {

struct url_parts {
  std::string scheme = "http", host, path = "/";
  int port = 80;
};

std::optional<url_parts> parse_url(std::string url) {
  url_parts out;
  auto scheme = url.find("://");
  if (scheme != std::string::npos) {
    out.scheme = url.substr(0, scheme);
    url = url.substr(scheme + 3);
    if (out.scheme == "https") out.port = 443;
  }
  auto slash = url.find('/');
  if (slash != std::string::npos) {
    out.path = url.substr(slash);
    url = url.substr(0, slash);
  }
  auto colon = url.rfind(':');
  if (colon != std::string::npos) {
    out.port = std::atoi(url.substr(colon + 1).c_str());
    url = url.substr(0, colon);
  }
  out.host = url;
  if (out.host.empty() || out.port <= 0 || out.port > 65535) return std::nullopt;
  return out;
}

/// A piece of curl's data: what follows the name is percent-encoded when curl is asked to.
std::string encoded(const std::string& piece, bool encode) {
  auto equals = piece.find('=');
  if (!encode || equals == std::string::npos) return piece;
  return piece.substr(0, equals + 1) + tools::percent_encode(piece.substr(equals + 1));
}

const char* reason_of(int status) {
  return status == 200 ? "OK" : status == 404 ? "Not Found" : "Internal Server Error";
}

struct curl_wishes {
  std::string url, show;
  std::string query; ///< what -d and --data-urlencode give; a server reads it like the URL's
  double timeout = 130;
  bool silent = false, fail = false, headers = false, discard = false, errors = false;
};

curl_wishes curl_wishes_of(const std::vector<std::string>& words) {
  curl_wishes o;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto& w = words[i];
    auto next = [&] { return i + 1 < words.size() ? words[++i] : std::string{}; };
    if (w == "-m" || w == "--max-time" || w == "--connect-timeout")
      o.timeout = std::atof(next().c_str());
    else if (w == "-w" || w == "--write-out")
      o.show = next();
    else if (w == "-o" || w == "--output")
      o.discard = next() != "-";
    else if (w == "-d" || w == "--data" || w == "--data-urlencode")
      o.query += (o.query.empty() ? "" : "&") + encoded(next(), w == "--data-urlencode");
    else if (w == "-H" || w == "-X" || w == "--retry")
      next();
    else if (w.rfind("--", 0) == 0) {
      o.silent = o.silent || w == "--silent";
      o.fail = o.fail || w == "--fail";
    } else if (w[0] == '-') {
      o.silent = o.silent || w.find('s') != std::string::npos;
      o.errors = o.errors || w.find('S') != std::string::npos;
      o.fail = o.fail || w.find('f') != std::string::npos;
      o.headers = o.headers || w.find_first_of("iI") != std::string::npos;
      if (w.back() == 'o') o.discard = next() != "-";
      if (w.back() == 'w') o.show = next();
      if (w.back() == 'm') o.timeout = std::atof(next().c_str());
    } else
      o.url = w;
  }
  return o;
}

/// curl's exit code and what it says of it; 0 when all is well.
std::pair<int, std::string> curl_error(const curl_wishes& o, const url_parts& to,
                                       const request_outcome& got) {
  using kind = request_outcome::kind;
  const auto ms = static_cast<long>(got.seconds * 1000);
  if (got.what == kind::no_name) return {6, "Could not resolve host: " + to.host};
  if (got.what == kind::refused) {
    return {7, format("Failed to connect to %s port %d after %ld ms: Connection refused",
                      to.host.c_str(), to.port, ms)};
  }
  if (got.what == kind::timed_out)
    return {28, format("Connection timed out after %ld milliseconds", ms)};
  if (got.what == kind::reset) return {52, "Empty reply from server"};
  if (o.fail && got.status >= 400)
    return {22, format("The requested URL returned error: %d", got.status)};
  return {0, {}};
}

/// What -w asks for, after the transfer.
std::string curl_report(std::string show, const request_outcome& got) {
  auto put = [&](const std::string& key, const std::string& value) {
    for (auto at = show.find(key); at != std::string::npos; at = show.find(key))
      show.replace(at, key.size(), value);
  };
  const bool answered = got.what == request_outcome::kind::answered;
  put("%{http_code}", format("%03d", answered ? got.status : 0));
  put("%{time_total}", format("%.6f", got.seconds));
  put("%{time_connect}", format("%.6f", got.seconds / 3));
  put("\\n", "\n");
  return show;
}

} // namespace

shell_result shell_wget(const shell_call& s) {
  std::string url, file;
  double timeout = 900;
  bool quiet = false, spider = false;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    const auto& w = s.argv[i];
    auto next = [&] { return i + 1 < s.argv.size() ? s.argv[++i] : std::string{}; };
    if (w == "-T")
      timeout = std::atof(next().c_str());
    else if (w.rfind("-T", 0) == 0)
      timeout = std::atof(w.c_str() + 2);
    else if (w.rfind("--timeout=", 0) == 0)
      timeout = std::atof(w.c_str() + 10);
    else if (w == "--spider")
      spider = true;
    else if (w == "-O" || w == "-qO" || w == "-q0") {
      quiet = quiet || w[1] == 'q';
      file = next();
    } else if (w == "-O-" || w == "-qO-") {
      quiet = quiet || w[1] == 'q';
      file = "-";
    } else if (w == "-t" || w == "-U" || w == "--header" || w == "--post-data")
      next();
    else if (w[0] == '-')
      quiet = quiet || w.find('q') == 1;
    else
      url = w;
  }
  auto to = parse_url(url);
  if (!to) return complain(1, "wget: bad address '" + url + "'\n");
  auto got = send_request(s.c, &s.pod, to->host, to->port, to->path, timeout, "wget");
  shell_result out;
  out.takes = from_seconds(got.seconds);
  using kind = request_outcome::kind;
  auto line =
      "Connecting to " + to->host + ":" + std::to_string(to->port) + " (" + got.address + ")\n";
  if (got.what != kind::no_name && !quiet) out.err = line;
  if (got.what == kind::no_name) out.err += "wget: bad address '" + to->host + "'\n";
  if (got.what == kind::refused) {
    out.err += "wget: can't connect to remote host (" +
               got.address.substr(0, got.address.find(':')) + "): Connection refused\n";
  }
  if (got.what == kind::timed_out) out.err += "wget: download timed out\n";
  if (got.what == kind::reset)
    out.err += "wget: error getting response: Connection reset by peer\n";
  if (got.what == kind::answered && got.status >= 400) {
    out.err +=
        format("wget: server returned error: HTTP/1.0 %d %s\n", got.status, reason_of(got.status));
  }
  out.code = got.what == kind::answered && got.status < 400 ? 0 : 1;
  if (out.code != 0) return out;
  if (spider) {
    out.err += quiet ? "" : "remote file exists\n";
  } else if (file == "-") {
    out.out = got.body;
  } else if (!quiet) {
    out.err += "saving to '" + (file.empty() ? "index.html" : file) + "'\n";
  }
  return out;
}

shell_result shell_curl(const shell_call& s) {
  const auto o = curl_wishes_of(s.argv);
  auto to = parse_url(o.url);
  if (!to) return complain(3, "curl: (3) URL using bad/illegal format or missing URL\n");
  if (!o.query.empty()) to->path += (to->path.find('?') == std::string::npos ? "?" : "&") + o.query;
  const auto got = send_request(s.c, &s.pod, to->host, to->port, to->path, o.timeout, "curl");
  shell_result out;
  out.takes = from_seconds(got.seconds);
  const auto [code, error] = curl_error(o, *to, got);
  out.code = code;
  if (!error.empty() && (!o.silent || o.errors))
    out.err = "curl: (" + std::to_string(code) + ") " + error + "\n";
  if (code == 0 && o.headers) {
    out.out =
        format("HTTP/1.0 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
               got.status, reason_of(got.status), got.body.size());
  }
  if (code == 0 && !o.discard) out.out += got.body;
  out.out += curl_report(o.show, got);
  return out;
}

shell_result shell_nc(const shell_call& s) {
  std::vector<std::string> plain;
  double timeout = 10;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    if (s.argv[i] == "-w" && i + 1 < s.argv.size())
      timeout = std::atof(s.argv[++i].c_str());
    else if (s.argv[i][0] != '-')
      plain.push_back(s.argv[i]);
  }
  if (plain.size() < 2) return complain(1, "nc: bad usage\n");
  auto got =
      send_request(s.c, &s.pod, plain[0], std::atoi(plain[1].c_str()), "/healthz", timeout, "nc");
  using kind = request_outcome::kind;
  shell_result out;
  out.takes = from_seconds(got.seconds);
  out.code = got.what == kind::answered ? 0 : 1;
  if (got.what == kind::no_name) out.err = "nc: bad address '" + plain[0] + "'\n";
  if (got.what == kind::refused)
    out.err = "nc: " + plain[0] + " (" + got.address + "): Connection refused\n";
  if (got.what == kind::timed_out)
    out.err = "nc: " + plain[0] + " (" + got.address + "): Operation timed out\n";
  if (got.what == kind::answered) out.err = plain[0] + " (" + got.address + ") open\n";
  return out;
}

} // namespace remed::env
