#include "environments/embedded/node/images.hpp"

#include "environments/embedded/traffic.hpp"
#include "runtime/random.hpp"
#include "runtime/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <optional>
#include <variant>

namespace remed::env {

namespace {

constexpr double mib_per_second = 20; // of a fast link, unpacking included
constexpr duration pull_overhead = std::chrono::milliseconds{900};

struct reference {
  std::string host; ///< "docker.io", "gcr.io"
  std::string repository;
  std::string tag;
  std::string digest;
  /// Without what everybody leaves out.
  std::string name() const {
    if (host != "docker.io") return host + "/" + repository;
    return repository.starts_with("library/") ? repository.substr(8) : repository;
  }
  std::string full() const {
    auto whole = host + "/" + repository;
    return digest.empty() ? whole + ":" + tag : whole + "@" + digest;
  }
};

bool is_name(const std::string& text) {
  if (text.empty()) return false;
  for (char c : text) {
    if (!std::islower(static_cast<unsigned char>(c)) &&
        !std::isdigit(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-' &&
        c != '/') {
      return false;
    }
  }
  return text.front() != '/' && text.back() != '/' && text.find("//") == std::string::npos;
}

bool is_tag(const std::string& text) {
  if (text.empty() || text.size() > 128 || text.front() == '.' || text.front() == '-') return false;
  for (char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-') {
      return false;
    }
  }
  return true;
}

std::optional<reference> parse(const std::string& image) {
  reference out;
  auto rest = image;
  if (auto at = rest.find('@'); at != std::string::npos) {
    out.digest = rest.substr(at + 1);
    rest.resize(at);
    if (!out.digest.starts_with("sha256:") || out.digest.size() != 71) return std::nullopt;
  }
  auto colon = rest.rfind(':');
  if (colon != std::string::npos && rest.find('/', colon) == std::string::npos) {
    out.tag = rest.substr(colon + 1);
    rest.resize(colon);
    if (!is_tag(out.tag)) return std::nullopt;
  } else if (out.digest.empty()) {
    out.tag = "latest";
  }
  auto slash = rest.find('/');
  auto first = rest.substr(0, slash);
  if (slash != std::string::npos &&
      (first.find_first_of(".:") != std::string::npos || first == "localhost")) {
    out.host = first;
    out.repository = rest.substr(slash + 1);
  } else {
    out.host = "docker.io";
    out.repository = slash == std::string::npos ? "library/" + rest : rest;
  }
  if (!is_name(out.repository)) return std::nullopt;
  return out;
}

std::string digest_of(const std::string& text) {
  auto source = random_source{0x1ca9e}.split(text);
  std::string out = "sha256:";
  for (int i = 0; i < 4; ++i) {
    char part[17];
    std::snprintf(part, sizeof part, "%016llx", static_cast<unsigned long long>(source.next()));
    out += part;
  }
  return out;
}

image_problem not_found(const reference& ref, bool repository_known) {
  auto full = ref.full();
  auto pulling = "failed to pull and unpack image \"" + full +
                 "\": failed to resolve reference \"" + full + "\": ";
  if (repository_known || ref.host != "docker.io") {
    return {"ErrImagePull", "rpc error: code = NotFound desc = " + pulling + full + ": not found"};
  }
  return {"ErrImagePull",
          "rpc error: code = Unknown desc = " + pulling +
              "pull access denied, repository does not exist or may require authorization: "
              "server message: insufficient_scope: authorization failed"};
}

image_facts facts_of(const reference& ref, double mib) {
  image_facts out;
  out.reference = ref.full();
  out.id = ref.host + "/" + ref.repository + "@" +
           (ref.digest.empty() ? digest_of(out.reference) : ref.digest);
  out.bytes = mib * 1024 * 1024;
  out.pull = pull_overhead + from_seconds(mib / mib_per_second);
  return out;
}

/// A container with this image stands somewhere in a manifest.
bool names(const json& value, const std::string& image) {
  if (value.is_object() && value.value("image", json()) == image) return true;
  return value.is_structured() && std::any_of(value.begin(), value.end(), [&](const json& member) {
           return names(member, image);
         });
}

constexpr double usual_mib = 60;

std::vector<std::string> strings(const YAML::Node& list) {
  return list ? list.as<std::vector<std::string>>() : std::vector<std::string>{};
}

} // namespace

result<image_catalogue> image_catalogue::load(const std::filesystem::path& file) {
  image_catalogue out;
  int n = 0;
  try {
    for (const auto& node : YAML::LoadFile(file.string())["images"]) {
      ++n;
      row r;
      r.image = std::regex(node["image"].as<std::string>(), std::regex::optimize);
      r.tags = std::regex(node["tags"].as<std::string>(), std::regex::optimize);
      r.mib = node["mib"].as<double>();
      r.runs = strings(node["runs"]);
      // yaml-cpp's own reading of booleans shares a table between threads.
      r.exits = node["exits"] && plain_scalar(node["exits"].Scalar()) == true;
      r.port = node["port"] ? node["port"].as<int>() : 0;
      r.only = strings(node["only"]);
      out.rows_.push_back(std::move(r));
    }
  } catch (const std::exception& e) {
    return failure{errc::bad_input,
                   file.string() + ": image " + std::to_string(n) + ": " + e.what()};
  }
  return out;
}

std::variant<image_facts, image_problem> image_catalogue::look_up(const std::string& image) const {
  auto ref = parse(image);
  if (!ref) {
    return image_problem{"InvalidImageName", "Failed to apply default image tag \"" + image +
                                                 "\": couldn't parse image name \"" + image +
                                                 "\": invalid reference format"};
  }
  const auto name = ref->name();
  bool repository_known = false;
  for (const auto& known : rows_) {
    std::smatch parts;
    if (!std::regex_match(name, parts, known.image)) continue;
    repository_known = true;
    if (ref->digest.empty() && !std::regex_match(ref->tag, known.tags)) continue;
    auto facts = facts_of(*ref, known.mib);
    for (const auto& word : known.runs) facts.runs.push_back(parts.format(word));
    facts.exits = known.exits;
    facts.port = known.port;
    facts.only = known.only;
    return facts;
  }
  return not_found(*ref, repository_known);
}

bool image_catalogue::knows(const std::string& image) const {
  const auto ref = parse(image);
  return !ref || std::any_of(rows_.begin(), rows_.end(), [&](const row& one) {
    return std::regex_match(ref->name(), one.image);
  });
}

std::variant<image_facts, image_problem> image_catalogue::look_up(const cluster& c,
                                                                  const std::string& image) const {
  auto known = look_up(image);
  const auto ref = parse(image);
  const auto& system = c.traffic().system;
  if (knows(image) || !system) return known;
  const auto& all = system->manifests;
  if (std::none_of(all.begin(), all.end(), [&](const auto& one) { return names(one, image); }))
    return known;
  auto facts = facts_of(*ref, usual_mib);
  facts.runs = {"/app" + ("/" + ref->repository).substr(("/" + ref->repository).rfind('/'))};
  return facts;
}

} // namespace remed::env
