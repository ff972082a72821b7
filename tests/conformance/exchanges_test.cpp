// One session of kubectl with a real API server, replayed against an embedded cluster.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api_server.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/traffic.hpp"
#include "runtime/paths.hpp"
#include "tests/conformance/unifier.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>

namespace remed::conformance {

namespace {

using namespace remed::env;

const std::string golden = data_root().string() + "/tests/golden/kubernetes/";

/// A stream that keeps what it is sent.
class kept_stream final : public tools::http_stream {
public:
  std::string body;
  void write(std::string chunk) override { body += chunk; }
  void end() override { over_ = true; }
  std::size_t pending() const override { return 0; }
  bool closed() const override { return over_; }
  void on_close(std::function<void()>) override {}

private:
  bool over_ = false;
};

struct answered {
  int status = 0;
  std::string text;
};

/// A cluster, a client of it, and what it was told so far.
class session {
public:
  session() {
    c_ = std::make_unique<cluster>(rules_with_images(), cluster_options{}, stepped_epoch, 3);
    install_basics(*c_);
    system_profile none;
    none.name = "shop";
    service_profile web; // the recorded pods serve HTTP a second after their start
    web.name = "web";
    web.start_seconds = 1;
    web.memory_mib = 20;
    none.services["web"] = web;
    set_system(*c_, none);
    api_ = std::make_unique<api_server>(*c_);
    admin_.token = "t";
    admin_.user = "kubernetes-admin";
    admin_.groups = {"system:masters"};
    api_->add_identity(admin_);
    for (const auto& node : c_->objects().list("nodes")) {
      known_.same("node1", text_at(*node, {"metadata", "name"}));
    }
  }

  void pass(double s) {
    c_->advance_to(c_->now() + from_seconds(s));
    api_->pump();
  }

  answered send(const json& exchange) {
    tools::http_request request;
    request.method = exchange.value("method", "GET");
    request.path = known_.translated(exchange.value("path", ""));
    auto query = tools::query_params::parse(exchange.value("query", ""));
    for (const auto& [name, value] : query.items()) {
      auto mine = name == "resourceVersion" && value != "0" ? known_.version(value)
                                                            : known_.translated(value);
      request.query.add(name, mine);
    }
    request.headers.set("Authorization", "Bearer t");
    request.headers.set("User-Agent", "kubectl.1.32/v1.32.5 (linux/amd64) kubernetes/9894294");
    request.headers.set("Accept", accept_of(exchange.value("accept", "")));
    if (exchange.contains("body")) set_body(exchange, request);
    if (exchange.value("status", 0) == 304)
      request.headers.set("If-None-Match", tags_[request.path]);
    auto reply = api_->handle(request);
    if (auto* plain = std::get_if<tools::http_response>(&reply)) {
      if (plain->headers.has("ETag")) tags_[request.path] = plain->headers.get("ETag");
      return {plain->status, plain->body};
    }
    auto* stream = std::get_if<tools::stream_reply>(&reply);
    if (!stream) return {101, ""};
    auto sink = std::make_shared<kept_stream>();
    stream->start(sink);
    api_->pump();
    sink->end();
    return {stream->status, sink->body};
  }

  unifier& known() { return known_; }

private:
  /// The recorded pods ran an image of their own registry.
  static std::shared_ptr<const cluster_rules> rules_with_images() {
    auto rules = standard_rules();
    auto images = image_catalogue::load(golden + "images.yaml");
    REQUIRE(images);
    for (auto& one : rules.controllers) {
      if (one->name() == "kubelet")
        one = make_kubelet(std::make_shared<const image_catalogue>(*images));
    }
    return std::make_shared<const cluster_rules>(std::move(rules));
  }

  static std::string accept_of(const std::string& form) {
    if (form == "table")
      return "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;"
             "g=meta.k8s.io,application/json";
    if (form == "discovery")
      return "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
             "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
             "application/json";
    return form == "protobuf" ? "application/vnd.kubernetes.protobuf,application/json"
                              : "application/json, */*";
  }

  void set_body(const json& exchange, tools::http_request& request) const {
    auto type = exchange.value("type", "json");
    if (type == "protobuf") {
      request.headers.set("Content-Type", "application/vnd.kubernetes.protobuf");
      request.body = base64_decode(exchange["body"].get<std::string>());
      return;
    }
    request.headers.set("Content-Type", type == "apply-patch" ? "application/apply-patch+yaml"
                                        : type == "json"      ? "application/json"
                                                              : "application/" + type + "+json");
    request.body = known_.translated(exchange["body"]).dump();
  }

  std::unique_ptr<cluster> c_;
  std::unique_ptr<api_server> api_;
  identity admin_;
  unifier known_;
  std::map<std::string, std::string> tags_; ///< of the last answer by path
};

std::vector<json> read_lines(const std::string& name) {
  std::ifstream in(golden + name);
  std::vector<json> out;
  for (std::string line; std::getline(in, line);) out.push_back(json::parse(line));
  return out;
}

/// Exchanges whose answer cannot be the recorded one, each with its reason.
const std::map<int, std::string>& exceptions() {
  const std::string machine = "the recorded node is another machine";
  static const std::map<int, std::string> all = {
      {144, machine},
      {254, machine},
      {263, machine},
      {265, machine},
      {267, machine},
      {242, "the recorded node ran busybox without a command for ever; it ends at once"},
      {245, "as 242"},
      {335, "the recorded namespace took seconds to empty, ours none"},
      {336, "as 335"},
      {339, "as 335"},
      {340, "as 335"},
      {315, "the recorded server took a second to delete the definition's objects, ours none"},
      {316, "as 315"},
      {273, "the pod's name was only ever answered in protobuf, which was not kept"},
  };
  return all;
}

std::vector<std::string> judge(session& world, const json& exchange, const json& answer) {
  auto mine = world.send(exchange);
  std::vector<std::string> out;
  auto status = exchange.value("status", 0);
  if (mine.status != status) {
    out.push_back("status: recorded " + std::to_string(status) + ", ours " +
                  std::to_string(mine.status) + " " + mine.text.substr(0, 300));
    return out;
  }
  if (!answer.is_null())
    return world.known().differences(answer, json::parse(mine.text, nullptr, false));
  for (const auto& event : exchange.value("events", json::array())) {
    // What changed while the recorded client watched happened at times of its own.
    auto first = json::parse(mine.text.substr(0, mine.text.find('\n')), nullptr, false);
    if (exchange.value("query", "").find("resourceVersion=0") == std::string::npos) continue;
    return world.known().differences(event, first);
  }
  return out;
}

} // namespace

TEST_CASE("a recorded session of kubectl gets the answers that a real API server gave") {
  session world;
  auto all = read_lines("exchanges.jsonl");
  REQUIRE(all.size() > 300);
  std::map<int, json> answers;
  std::string before;
  int matched = 0, excused = 0;
  bool verbose = std::getenv("REMED_CONFORMANCE_VERBOSE") != nullptr;
  for (const auto& exchange : all) {
    auto id = exchange.value("id", "");
    if (id != before) world.pass(4);
    before = id;
    auto n = exchange.value("n", 0);
    auto answer = exchange.value("answer", json());
    if (answer.is_object() && answer.contains("as")) answer = answers.at(answer["as"].get<int>());
    answers[n] = answer;
    auto found = judge(world, exchange, answer);
    auto excuse = exceptions().find(n);
    if (found.empty() && excuse == exceptions().end()) {
      ++matched;
      continue;
    }
    if (excuse != exceptions().end()) {
      ++excused;
      WARN_MESSAGE(!found.empty(), "exchange ", n, " ", id, " matches: it needs no exception");
      continue;
    }
    std::string text;
    for (std::size_t i = 0; i < found.size() && (verbose || i < 5); ++i) text += "\n  " + found[i];
    auto line = std::to_string(n) + " " + id + " " + exchange.value("method", "") + " " +
                exchange.value("path", "");
    FAIL_CHECK(line, text);
  }
  MESSAGE(matched, " of ", all.size(), " recorded exchanges match, ", excused, " are excepted");
}

} // namespace remed::conformance
