#include "agents/inprocess/api_client.hpp"

#include <optional>
#include <utility>

namespace remed::agents {

namespace {

constexpr auto exec_protocol = "v4.channel.k8s.io";

/// The client's side of an exec session: frames whose first byte is the channel.
class exec_socket final : public tools::websocket {
public:
  explicit exec_socket(std::function<void(int, std::string)> done) : done_(std::move(done)) {}

  void send(std::string message, bool) override {
    if (message.empty()) return;
    const auto channel = message[0];
    if (channel == 1 || channel == 2) output_ += message.substr(1);
    if (channel == 3) read_status(message.substr(1));
  }
  void close(int) override {
    closed_ = true;
    finish();
  }
  bool closed() const override { return closed_; }
  std::size_t pending() const override { return 0; }
  void on_message(std::function<void(std::string, bool)>) override {}
  void on_close(std::function<void()>) override {}

private:
  void read_status(const std::string& text) {
    const auto status = json::parse(text, nullptr, false);
    exit_code_ = 1;
    if (status.is_object() && status.value("status", "") == "Success") {
      exit_code_ = 0;
    } else if (status.is_object()) {
      const auto code = "/details/causes/0/message"_json_pointer;
      const bool exited = status.value("reason", "") == "NonZeroExitCode" && status.contains(code);
      if (exited)
        exit_code_ = std::atoi(status.at(code).get<std::string>().c_str());
      else
        output_ += "error: " + status.value("message", "") + "\n";
    }
    finish();
  }
  void finish() {
    if (auto done = std::exchange(done_, {})) done(exit_code_, std::move(output_));
  }

  std::function<void(int, std::string)> done_;
  std::string output_;
  int exit_code_ = 1;
  bool closed_ = false;
};

api_answer to_answer(tools::http_response r) {
  return {r.status, std::move(r.body), std::move(r.value), std::move(r.table)};
}

api_answer not_at_once() {
  return {501, "this backend takes no answer that comes in pieces"};
}

} // namespace

const json& api_answer::value() const {
  if (!given) {
    auto parsed = json::parse(body, nullptr, false);
    given = std::make_shared<const json>(parsed.is_discarded() ? json() : std::move(parsed));
  }
  return *given;
}

std::string api_answer::message() const {
  const auto& found = value();
  return found.is_object() && found.contains("message") && found.at("message").is_string()
             ? found.at("message").get<std::string>()
             : body;
}

std::string api_answer::error() const {
  const auto& found = value();
  const auto reason = found.is_object() ? found.value("reason", "") : "";
  return "Error from server" + (reason.empty() ? "" : " (" + reason + ")") + ": " + message();
}

tools::http_request api_client::request(const std::string& method,
                                        const std::string& target) const {
  tools::http_request r;
  r.method = method;
  r.target = target;
  const auto question = target.find('?');
  r.path = tools::percent_decode(target.substr(0, question));
  if (question != std::string::npos) {
    r.query = tools::query_params::parse(std::string_view(target).substr(question + 1));
  }
  r.headers.set("Authorization", "Bearer " + token_);
  r.headers.set("User-Agent", "remed");
  return r;
}

api_answer api_client::call(const std::string& method, const std::string& target,
                            const std::string& body, const std::string& content_type,
                            const std::string& accept) const {
  auto r = request(method, target);
  r.headers.set("Accept", accept);
  if (!body.empty()) r.headers.set("Content-Type", content_type);
  r.body = body;
  r.takes_value = true;
  return send(r);
}

api_answer api_client::table(const std::string& target) const {
  auto r = request("GET", target);
  r.headers.set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
  r.takes_value = r.takes_table = true;
  return send(r);
}

api_answer api_client::text(const std::string& target) const {
  auto r = request("GET", target);
  r.headers.set("Accept", "application/json");
  return send(r);
}

api_answer api_client::send(const tools::http_request& r) const {
  auto reply = handler_(r);
  if (auto* answer = std::get_if<tools::http_response>(&reply))
    return to_answer(std::move(*answer));
  const auto* deferred = std::get_if<tools::deferred_reply>(&reply);
  if (deferred == nullptr) return not_at_once();
  auto came = std::make_shared<std::optional<api_answer>>();
  deferred->start([came](tools::http_response answer) { *came = to_answer(std::move(answer)); });
  return came->value_or(not_at_once());
}

void api_client::exec(const std::string& ns, const std::string& pod, const std::string& container,
                      const std::vector<std::string>& argv,
                      std::function<void(int, std::string)> done) const {
  tools::query_params query;
  for (const auto& word : argv) query.add("command", word);
  if (!container.empty()) query.add("container", container);
  query.add("stdout", "true");
  query.add("stderr", "true");
  auto r = request("GET", "/api/v1/namespaces/" + ns + "/pods/" + pod + "/exec?" + query.encode());
  r.headers.set("Connection", "Upgrade");
  r.headers.set("Upgrade", "websocket");
  r.headers.set("Sec-WebSocket-Version", "13");
  r.headers.set("Sec-WebSocket-Protocol", exec_protocol);
  auto reply = handler_(r);
  if (const auto* socket = std::get_if<tools::websocket_reply>(&reply)) {
    return socket->start(std::make_shared<exec_socket>(std::move(done)));
  }
  const auto* answer = std::get_if<tools::http_response>(&reply);
  done(1, (answer != nullptr ? to_answer(*answer) : not_at_once()).error() + "\n");
}

} // namespace remed::agents
