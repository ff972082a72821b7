// Bodies in Kubernetes' protobuf form.
#include "environments/embedded/api/protobuf.hpp"
#include "environments/embedded/api/text.hpp"
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

namespace remed::env::test {

namespace {

constexpr auto wire_type = "application/vnd.kubernetes.protobuf";

/// Builds messages as Go's encoder would.
class message {
public:
  message& number(unsigned field, std::uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
  }
  message& text(unsigned field, const std::string& value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  message& part(unsigned field, const message& inner) { return text(field, inner.bytes_); }
  const std::string& bytes() const { return bytes_; }

private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

std::string envelope(const std::string& version, const std::string& kind, const message& raw) {
  message unknown;
  unknown.part(1, message().text(1, version).text(2, kind)).part(2, raw).text(3, "").text(4, "");
  return std::string("k8s\0", 4) + unknown.bytes();
}

message meta(const std::string& name) {
  return message().text(1, name).text(2, "").text(3, "sem");
}

} // namespace

TEST_CASE("a ConfigMap sent in protobuf is stored like one sent in JSON") {
  api_world w;
  auto body = envelope("v1", "ConfigMap",
                       message()
                           .part(1, meta("c"))
                           .part(2, message().text(1, "k").text(2, "v"))
                           .part(3, message().text(1, "b").text(2, std::string("\0\xff", 2))));
  auto made = w.send(w.admin, "POST", maps, body, wire_type);
  REQUIRE(made.status == 201);
  CHECK(made.body["data"] == json({{"k", "v"}}));
  CHECK(made.body["binaryData"]["b"] == "AP8=");
  CHECK(made.body["metadata"]["name"] == "c");
  CHECK_FALSE(made.body["metadata"].contains("generateName"));
}

TEST_CASE("protobuf numbers, quantities, ports, times and pointers mean what they do in JSON") {
  auto limits = message().text(1, "cpu").part(2, message().text(1, "200m"));
  auto port = message().number(1, 0).number(2, 8080).text(3, "");
  auto named = message().number(1, 1).number(2, 0).text(3, "http");
  auto probe = message()
                   .part(1, message().part(2, message().text(1, "/").part(2, port)))
                   .number(2, static_cast<std::uint64_t>(-3));
  auto container =
      message().text(1, "main").text(2, "i").part(8, message().part(1, limits)).part(10, probe);
  auto spec =
      message()
          .part(2, container)
          .number(4, 0)
          .part(1, message().text(1, "v").part(2, message().part(2, message().text(1, ""))));
  auto pod = read_protobuf(envelope(
      "v1", "Pod",
      message()
          .part(1, message().text(1, "p").part(8, message().number(1, 1767225600).number(2, 0)))
          .part(2, spec)));
  REQUIRE(pod.error == "");
  const auto& value = pod.value;
  CHECK(value["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z");
  CHECK(value["spec"]["terminationGracePeriodSeconds"] == 0); // a pointer: 0 is said
  const auto& one = value["spec"]["containers"][0];
  CHECK(one["resources"]["limits"]["cpu"] == "200m");
  CHECK(one["livenessProbe"]["httpGet"]["port"] == 8080); // inlined handler
  CHECK(one["livenessProbe"]["initialDelaySeconds"] == -3);
  CHECK(value["spec"]["volumes"][0]["emptyDir"] == json::object()); // inlined source
  auto service = read_protobuf(
      envelope("v1", "Service",
               message().part(2, message().part(1, message().number(3, 80).part(4, named)))));
  CHECK(service.value["spec"]["ports"][0]["targetPort"] == "http");
}

TEST_CASE("reviews and options may come in protobuf") {
  api_world w;
  auto attributes = message().text(1, "sem").text(2, "get").text(5, "pods");
  auto asked = w.send(w.admin, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                      envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview",
                               message().part(2, message().part(1, attributes))),
                      wire_type);
  REQUIRE(asked.status == 201);
  CHECK(asked.body["status"]["allowed"] == true);
  w.post(maps, config_map("gone"));
  auto options = envelope("v1", "DeleteOptions", message().part(2, message().text(1, "x")));
  auto refused = w.send(w.admin, "DELETE", maps + "/gone", options, wire_type);
  CHECK(refused.status == 409); // the uid of the precondition
}

TEST_CASE("broken protobuf is a bad request, wherever it breaks") {
  api_world w;
  auto good = envelope("v1", "ConfigMap", message().part(1, meta("c")));
  for (std::size_t cut = 1; cut < good.size(); ++cut) {
    auto answer = w.send(w.admin, "POST", maps + "?dryRun=All", good.substr(0, cut), wire_type);
    CHECK((answer.status == 400 || answer.status == 422 || answer.status == 201));
  }
  auto not_at_all = w.send(w.admin, "POST", maps, "hello", wire_type);
  CHECK(not_at_all.status == 400);
  CHECK(not_at_all.message() ==
        "the object provided is unrecognized (must be of type ConfigMap): provided data does not "
        "appear to be a protobuf message, expected prefix [107 56 115 0] (68656c6c6f)");
  auto odd =
      w.send(w.admin, "POST", maps, envelope("v1", "ConfigMap", message().number(1, 7)), wire_type);
  CHECK(odd.status == 400);
  CHECK(odd.message() ==
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: proto: wrong wireType = 0 "
        "for field metadata");
  // A message inside a message inside a message … ends before the stack does.
  message deep;
  for (int i = 0; i < 200; ++i) {
    message outer;
    outer.part(2, message().part(1, message().part(4, deep)));
    deep = outer;
  }
  auto answer = w.send(w.admin, "POST", "/api/v1/namespaces/sem/pods", envelope("v1", "Pod", deep),
                       wire_type);
  CHECK(answer.status >= 400);
}

} // namespace remed::env::test
