// TLS between our two ends, and with clients that others wrote.
#include "tests/tools/pump.hpp"
#include "tests/tools/raw_peer.hpp"
#include "tools/http_client.hpp"
#include "tools/http_server.hpp"
#include "tools/process.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

using namespace remed;
using namespace remed::tools;
using namespace std::chrono_literals;
using remed::test::pump;
using remed::test::raw_peer;

namespace {

std::shared_ptr<const tls_identity> identity() {
  auto made = tls_identity::generate();
  REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : made.why().what));
  return *made;
}

struct fixture {
  explicit fixture(std::chrono::milliseconds idle = 90s) {
    http_server_options options;
    options.tls = id;
    options.idle_limit = idle;
    server = std::make_unique<http_server>(
        loop, [this](const http_request& r) { return handle(r); }, options);
    auto listening = server->listen();
    REQUIRE(listening.ok());
    port = *listening;
    char name[] = "/tmp/remed-tls-XXXXXX";
    folder = ::mkdtemp(name);
    std::ofstream(folder + "/ca.pem") << id->ca_pem;
  }
  ~fixture() { std::filesystem::remove_all(folder); }

  http_reply handle(const http_request& r) {
    if (r.is_websocket_upgrade())
      return websocket_reply{"chat", [this](std::shared_ptr<websocket> s) {
                               socket = s;
                               s->on_message([this](std::string text, bool binary) {
                                 if (text == "bye")
                                   socket->close(1001);
                                 else
                                   socket->send("echo " + text, binary);
                               });
                             }};
    if (r.path == "/stream")
      return stream_reply{200, {}, [this](std::shared_ptr<http_stream> s) {
                            stream = s;
                            s->on_close([this] { ++closes; });
                            s->write("a");
                            s->write(std::string(100'000, 'x'));
                            s->write("z");
                          }};
    http_response out;
    out.body = r.method + ' ' + r.path + ' ' + std::to_string(r.body.size());
    return out;
  }

  result<http_response> get(const std::string& url, const std::string& ca) {
    http_call call;
    call.url = url;
    call.ca_pem = ca;
    std::optional<result<http_response>> end;
    auto kept = http_send(loop, call, [&](auto r) { end.emplace(std::move(r)); });
    REQUIRE(pump(loop, [&] { return end.has_value(); }));
    return *end;
  }

  process_result run(std::vector<std::string> argv) {
    command cmd;
    cmd.argv = std::move(argv);
    cmd.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", folder}};
    cmd.time_limit = 20s;
    std::optional<result<process_result>> end;
    process_callbacks callbacks;
    callbacks.done = [&](auto r) { end.emplace(std::move(r)); };
    auto kept = start_process(loop, cmd, callbacks);
    REQUIRE(pump(
        loop, [&] { return end.has_value(); }, 25s));
    REQUIRE_MESSAGE(end->ok(), (end->ok() ? "" : end->why().what));
    return **end;
  }
  std::string at(const std::string& host = "127.0.0.1") {
    return "https://" + host + ':' + std::to_string(port);
  }

  std::shared_ptr<const tls_identity> id = identity();
  io_loop loop;
  std::shared_ptr<http_stream> stream;
  std::shared_ptr<websocket> socket;
  int closes = 0;
  std::unique_ptr<http_server> server;
  std::uint16_t port = 0;
  std::string folder;
};

bool have(const char* program) {
  return ::access(program, X_OK) == 0;
}

} // namespace

TEST_CASE("our client trusts the server by its authority, by address and by name") {
  fixture f;
  auto by_address = f.get(f.at() + "/x", f.id->ca_pem);
  REQUIRE_MESSAGE(by_address.ok(), (by_address.ok() ? "" : by_address.why().what));
  CHECK(by_address->body == "GET /x 0");
  CHECK(f.get(f.at("localhost") + "/x", f.id->ca_pem).ok());
  CHECK(f.get(f.at() + "/again", f.id->ca_pem).ok()); // over the kept connection
}

TEST_CASE("our client refuses an authority it does not know, and a broken one") {
  fixture f;
  auto unknown = f.get(f.at() + "/x", "");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.why().code == errc::unreachable);
  CHECK_FALSE(f.get(f.at() + "/x", identity()->ca_pem).ok());
  auto broken = f.get(f.at() + "/x", "not a certificate");
  REQUIRE_FALSE(broken.ok());
  CHECK(broken.why().code == errc::bad_input);
}

TEST_CASE("a peer that does not speak TLS, or nothing at all, hurts nobody else") {
  fixture f(200ms);
  raw_peer plain(f.loop, f.port), silent(f.loop, f.port);
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(plain.wait_for_end());
  CHECK(silent.wait_for_end());
  CHECK(f.get(f.at() + "/x", f.id->ca_pem).ok());
}

TEST_CASE("an identity that cannot be read is a failure of listen") {
  io_loop loop;
  auto broken = std::make_shared<tls_identity>();
  broken->certificate_pem = "nonsense";
  http_server_options options;
  options.tls = broken;
  http_server server(
      loop, [](const http_request&) { return http_response{}; }, options);
  auto listening = server.listen();
  REQUIRE_FALSE(listening.ok());
  CHECK(listening.why().what.find("certificate") != std::string::npos);
}

TEST_CASE("curl verifies the server and gets all of a stream and of a large upload") {
  if (!have("/usr/bin/curl")) return;
  fixture f;
  std::ofstream(f.folder + "/body") << std::string(1'000'000, 'b');
  auto r = f.run({"curl", "-sS", "--cacert", f.folder + "/ca.pem", "--data-binary",
                  "@" + f.folder + "/body", f.at() + "/up", f.at("localhost") + "/two"});
  CHECK(r.err == "");
  CHECK(r.out == "POST /up 1000000POST /two 1000000");
  auto watch = f.run(
      {"curl", "-sSN", "--max-time", "0.3", "--cacert", f.folder + "/ca.pem", f.at() + "/stream"});
  CHECK(watch.exit_code == 28); // curl gave up waiting: the stream was still open
  CHECK(watch.out.size() == 100'002);
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
}

TEST_CASE("Python's urllib3 and websocket-client work over TLS") {
  fixture f;
  std::ofstream(f.folder + "/t.py") << R"(
import sys, ssl, urllib3, websocket
ca, base = sys.argv[1], sys.argv[2]
pool = urllib3.PoolManager(ca_certs=ca)
for i in range(3):
    r = pool.request('PUT', base + '/p%d' % i, body=b'x' * 70000)
    print(r.status, r.data.decode())
ws = websocket.create_connection(base.replace('https', 'wss') + '/ws', subprotocols=['other', 'chat'],
                                 sslopt={'ca_certs': ca})
print(ws.getsubprotocol())
ws.send('hi'); print(ws.recv())
ws.send_binary(b'\x00\xff'); print(ws.recv())
ws.ping('p')
ws.send('bye')
op, data = ws.recv_data(control_frame=True)
while op != 8:
    op, data = ws.recv_data(control_frame=True)
print(op, int.from_bytes(data[:2], 'big'))
ws.close()
)";
  if (f.run({"/usr/bin/python3", "-c", "import urllib3, websocket"}).exit_code != 0) return;
  auto r = f.run({"/usr/bin/python3", f.folder + "/t.py", f.folder + "/ca.pem", f.at()});
  CHECK(r.err == "");
  CHECK(r.out ==
        "200 PUT /p0 70000\n200 PUT /p1 70000\n200 PUT /p2 70000\nchat\necho hi\n"
        "b'echo \\x00\\xff'\n8 1001\n");
}
