#include "environments/systems/system.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace remed::env;
namespace fs = std::filesystem;

namespace {

class folder {
public:
  folder() {
    auto pattern = (fs::temp_directory_path() / "remed-system-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~folder() { fs::remove_all(path); }
  folder(const folder&) = delete;
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path / name) << text;
  }
  fs::path path;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* minimal = "name: demo\nentry: [a]\nservices:\n  a:\n    cpu_ms: 2\n";

} // namespace

TEST_CASE("simple-micro loads with its two services, manifests and targets") {
  auto s = load_system("simple-micro");
  REQUIRE(s);
  CHECK(s->name == "simple-micro");
  CHECK(s->entry == std::vector<std::string>{"hello-service"});
  CHECK(s->targets.size() == 2);
  REQUIRE(s->services.count("hello-service"));
  CHECK(s->services.at("hello-service").calls.at(0).to == "time-service");
  CHECK(s->services.at("hello-service").calls.at(0).timeout_s == 2);
  REQUIRE(s->manifests.size() == 5);
  CHECK(s->manifests[0]["kind"] == "Namespace");
  const auto& pod = s->manifests[1]["spec"]["template"]["spec"];
  CHECK(pod["containers"][0]["resources"]["limits"]["memory"] == "2000Mi");
  CHECK(pod["containers"][0]["ports"][0]["containerPort"].is_number_integer());
  CHECK(pod["containers"][1]["command"] == remed::json::array({"sh", "-c", "sleep 3600"}));
  CHECK(has(s->context, "hello-service"));
}

TEST_CASE("shipped systems are listed, and an unknown name is answered with the nearest") {
  auto all = shipped_systems();
  CHECK(std::count(all.begin(), all.end(), "simple-micro") == 1);
  auto s = load_system("simple-mirco");
  REQUIRE_FALSE(s);
  CHECK(has(s.why().what, "did you mean 'simple-micro'?"));
}

TEST_CASE("a folder is a system; an unknown key is refused with place and nearest key") {
  folder f;
  f.write("system.yaml", std::string(minimal) + "    memroy_mib: 3\n");
  f.write("manifests.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n");
  auto s = load_system(f.path.string());
  REQUIRE_FALSE(s);
  CHECK(s.why().code == remed::errc::bad_input);
  CHECK(has(s.why().what, "system.yaml:6:5: services.a.memroy_mib: unknown key"));
  CHECK(has(s.why().what, "'memory_mib'"));
}

TEST_CASE("wrong types, ranges and names of a system are said with their place") {
  folder f;
  f.write("manifests.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n");
  auto complaint = [&](const std::string& text) {
    f.write("system.yaml", text);
    auto s = load_system(f.path.string());
    return s ? std::string() : s.why().what;
  };
  CHECK(complaint(minimal).empty());
  CHECK(has(complaint("name: demo\nentry: [b]\nservices: {a: {cpu_ms: 2}}\n"),
            ":2:8: entry: no service 'b'"));
  CHECK(has(complaint("name: demo\nservices: {a: {cpu_ms: fast}}\n"), "must be a number"));
  CHECK(has(complaint("name: demo\nslo: {success: 3}\nservices: {a: {}}\n"), "out of range"));
  CHECK(has(complaint("name: demo\n"), "at least one service"));
  CHECK(has(complaint("name: [\n"), "system.yaml:"));
}

TEST_CASE("a manifest that is no object is refused, quoted scalars stay texts") {
  folder f;
  f.write("system.yaml", minimal);
  f.write("manifests.yaml", "kind: Namespace\nmetadata: {name: demo}\n");
  auto s = load_system(f.path.string());
  REQUIRE_FALSE(s);
  CHECK(has(s.why().what, "'apiVersion' is missing"));
  f.write("manifests.yaml",
          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
          "data: {a: \"1\", b: 1, c: yes, d: true, e: 1.5, f: ~, g: '', h: 1e3, i: 1.2.3}\n---\n");
  s = load_system(f.path.string());
  REQUIRE(s);
  const auto& d = s->manifests.back()["data"];
  CHECK(d["a"] == "1");
  CHECK(d["b"] == 1);
  CHECK(d["c"] == "yes");
  CHECK(d["d"] == true);
  CHECK(d["e"] == 1.5);
  CHECK(d["f"].is_null());
  CHECK(d["g"] == "");
  CHECK(d["i"] == "1.2.3");
  CHECK(s->manifests.size() == 2); // the namespace it needs comes first
}
