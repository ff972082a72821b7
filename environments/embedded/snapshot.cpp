#include "environments/embedded/snapshot.hpp"

#include "environments/embedded/snapshot/members.hpp"
#include "runtime/event_log.hpp"

#include <charconv>
#include <cstdio>

namespace remed::env {

namespace {

constexpr std::string_view magic = "remed cluster snapshot ";

failure bad(const std::string& what) {
  return {errc::bad_input, what};
}

std::string header(std::string_view body) {
  return std::string(magic) + "format=" + std::to_string(snapshot_format) +
         " bytes=" + std::to_string(body.size()) + " sha256=" + sha256(body) + "\n";
}

/// The value behind `name=` in a header line.
std::string_view value_in(std::string_view line, std::string_view name) {
  auto at = line.find(name);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + name.size());
  return line.substr(0, line.find(' '));
}

result<std::string_view> checked_body(std::string_view text) {
  if (text.substr(0, magic.size()) != magic)
    return bad(
        "this is no snapshot of a cluster; `remed cluster up --snapshot-out FILE` makes one");
  auto end = text.find('\n');
  if (end == std::string_view::npos) return bad("the snapshot is torn: it ends in its first line");
  auto line = text.substr(0, end);
  auto body = text.substr(end + 1);
  int format = 0;
  std::size_t bytes = 0;
  auto number = [&](std::string_view name, auto& out) {
    auto value = value_in(line, name);
    return std::from_chars(value.data(), value.data() + value.size(), out).ec == std::errc{};
  };
  if (!number("format=", format)) return bad("the snapshot's first line is damaged");
  if (format > snapshot_format) {
    return bad("the snapshot has format " + std::to_string(format) + ", this program reads up to " +
               std::to_string(snapshot_format) + ": use the remed that made it, or a newer one");
  }
  if (!number("bytes=", bytes)) return bad("the snapshot's first line is damaged");
  if (body.size() < bytes) {
    return bad("the snapshot is torn: " + std::to_string(body.size()) + " of " +
               std::to_string(bytes) + " bytes are there");
  }
  if (body.size() > bytes || sha256(body) != value_in(line, "sha256="))
    return bad("the snapshot is damaged: its checksum is wrong");
  return body;
}

} // namespace

std::string snapshot(const cluster& c) {
  snapshots::writer write;
  auto content = json::object();
  content["cluster"] = write(c);
  content["shared"] = std::move(write).shared();
  std::string body;
  json::to_cbor(content, nlohmann::detail::output_adapter<char>(body));
  return header(body) + body;
}

result<std::unique_ptr<cluster>> restore(std::string_view text,
                                         std::shared_ptr<const cluster_rules> rules) {
  auto body = checked_body(text);
  if (!body) return body.why();
  try {
    const auto content = json::from_cbor(body->begin(), body->end());
    auto out = std::make_unique<cluster>(std::move(rules), cluster_options{}, vtime{}, 0);
    snapshots::reader read(content.at("shared"));
    read(content.at("cluster"), *out);
    return out;
  } catch (const std::exception& e) {
    return bad(std::string("the snapshot is of another version of remed: ") + e.what());
  }
}

} // namespace remed::env
