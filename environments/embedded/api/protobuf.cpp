#include "environments/embedded/api/protobuf.hpp"

#include "environments/embedded/api/text.hpp"
#include "runtime/paths.hpp"

#include <map>
#include <stdexcept>

namespace remed::env {

namespace {

/// Messages nest no deeper than this in any real object.
constexpr int deepest = 64;

struct wire_field {
  std::string name, type;
  bool map = false, list = false, inlined = false, omit = false;
};
using wire_message = std::map<std::uint64_t, wire_field>;

const std::map<std::string, wire_message>& messages() {
  static const auto all = [] {
    auto text = read_file(data_root() / "environments/embedded/schemas/wire.json");
    if (!text) throw std::runtime_error(text.why().what);
    std::map<std::string, wire_message> out;
    const auto document = json::parse(*text);
    for (const auto& [message, fields] : document.items()) {
      for (const auto& [number, f] : fields.items()) {
        out[message][std::stoull(number)] = {f.value("name", ""),      f.value("type", ""),
                                             f.value("map", false),    f.value("list", false),
                                             f.value("inline", false), f.value("omit", false)};
      }
    }
    return out;
  }();
  return all;
}

/// What gogo's decoder says; caught in read_protobuf.
struct broken {
  std::string what;
};

/// One field as it stands on the wire.
struct raw_field {
  std::uint64_t number = 0;
  unsigned wire = 0; ///< 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes
  std::uint64_t value = 0;
  std::string_view bytes;
};

class reader {
public:
  explicit reader(std::string_view data) : data_(data) {}
  bool done() const { return data_.empty(); }

  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (shift >= 64) throw broken{"proto: integer overflow"};
      if (data_.empty()) throw broken{"unexpected EOF"};
      auto byte = static_cast<unsigned char>(data_.front());
      data_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return out;
    }
  }

  raw_field next() {
    auto tag = varint();
    raw_field out;
    out.number = tag >> 3;
    out.wire = static_cast<unsigned>(tag & 7);
    if (out.number == 0)
      throw broken{"proto: illegal tag 0 (wire type " + std::to_string(out.wire) + ")"};
    if (out.wire == 0)
      out.value = varint();
    else if (out.wire == 1)
      out.bytes = take(8);
    else if (out.wire == 2)
      out.bytes = take(varint());
    else if (out.wire == 5)
      out.bytes = take(4);
    else
      throw broken{"proto: illegal wireType " + std::to_string(out.wire)};
    return out;
  }

private:
  std::string_view take(std::uint64_t size) {
    if (size > data_.size()) throw broken{"unexpected EOF"};
    auto out = data_.substr(0, static_cast<std::size_t>(size));
    data_.remove_prefix(static_cast<std::size_t>(size));
    return out;
  }
  std::string_view data_;
};

void expect(const raw_field& field, unsigned wire, const std::string& name) {
  if (field.wire == wire) return;
  throw broken{"proto: wrong wireType = " + std::to_string(field.wire) + " for field " + name};
}

/// The numbers and texts of a message that stands for one value.
struct small_message {
  std::map<std::uint64_t, std::int64_t> numbers;
  std::map<std::uint64_t, std::string> texts;
};
small_message read_small(std::string_view data) {
  small_message out;
  for (reader in(data); !in.done();) {
    auto field = in.next();
    if (field.wire == 0)
      out.numbers[field.number] = static_cast<std::int64_t>(field.value);
    else
      out.texts[field.number] = std::string(field.bytes);
  }
  return out;
}

json read_time(std::string_view data, bool micro) {
  auto parts = read_small(data);
  auto seconds = parts.numbers[1];
  if (seconds == 0 && parts.numbers[2] == 0) return nullptr;
  constexpr std::int64_t far = 253402300800; // the year 10000
  if (seconds < 0 || seconds >= far) throw broken{"proto: time out of range"};
  vtime at{std::chrono::seconds{seconds}};
  if (!micro) return rfc3339(at);
  return rfc3339_micro(at + std::chrono::microseconds{parts.numbers[2] / 1000});
}

json read_embedded(std::string_view data) {
  auto text = read_small(data).texts[1];
  auto out = json::parse(text, nullptr, false);
  return out.is_discarded() ? json(nullptr) : out;
}

/// Values that are messages on the wire and something simpler in JSON.
bool read_special(const std::string& type, std::string_view data, json& out) {
  auto is = [&](std::string_view end) { return type.ends_with(end); };
  if (type.find(".apimachinery.") == std::string::npos && !is(".ExtraValue")) return false;
  if (is(".v1.Time") || is(".v1.MicroTime")) {
    out = read_time(data, is("MicroTime"));
  } else if (is(".resource.Quantity")) {
    out = read_small(data).texts[1];
  } else if (is(".IntOrString")) {
    auto parts = read_small(data);
    out = parts.numbers[1] == 1 ? json(parts.texts[3]) : json(parts.numbers[2]);
  } else if (is(".RawExtension") || is(".FieldsV1")) {
    out = read_embedded(data);
  } else if (is(".v1.Verbs") || is(".ExtraValue")) {
    out = json::array();
    for (reader in(data); !in.done();) out.push_back(std::string(in.next().bytes));
  } else {
    return false;
  }
  return true;
}

json read_message(const std::string& type, std::string_view data, int depth);

json read_value(const wire_field& what, const raw_field& field, int depth) {
  if (what.type == "string") {
    expect(field, 2, what.name);
    return std::string(field.bytes);
  }
  if (what.type == "bytes") {
    expect(field, 2, what.name);
    return base64_encode(field.bytes);
  }
  if (what.type == "bool") {
    expect(field, 0, what.name);
    return field.value != 0;
  }
  if (what.type == "int32" || what.type == "int64") {
    expect(field, 0, what.name);
    auto number = static_cast<std::int64_t>(field.value);
    return what.type == "int32" ? static_cast<std::int32_t>(number) : number;
  }
  expect(field, 2, what.name);
  return read_message(what.type, field.bytes, depth + 1);
}

void read_map_entry(const wire_field& what, const raw_field& field, int depth, json& out) {
  expect(field, 2, what.name);
  std::string key;
  json value = what.type == "string" || what.type == "bytes" ? json("") : json(nullptr);
  for (reader in(field.bytes); !in.done();) {
    auto part = in.next();
    if (part.number == 1) key = std::string(part.bytes);
    if (part.number == 2) value = read_value(what, part, depth);
  }
  out[key] = std::move(value);
}

bool is_zero(const json& value) {
  return value.is_null() || value == 0 || value == false || value == "";
}

json read_message(const std::string& type, std::string_view data, int depth) {
  if (depth > deepest) throw broken{"proto: message is nested too deeply"};
  json out;
  if (read_special(type, data, out)) return out;
  auto known = messages().find(type);
  if (known == messages().end()) throw broken{"no kind is registered for message " + type};
  out = json::object();
  for (reader in(data); !in.done();) {
    auto field = in.next();
    auto found = known->second.find(field.number);
    if (found == known->second.end()) continue; // of a later version
    const auto& what = found->second;
    if (what.map) {
      read_map_entry(what, field, depth, out[what.name]);
      continue;
    }
    auto value = read_value(what, field, depth);
    if (what.list)
      out[what.name].push_back(std::move(value));
    else if (what.inlined && value.is_object())
      out.update(value);
    else if (!value.is_null() && !(what.omit && is_zero(value)))
      out[what.name] = std::move(value);
  }
  return out;
}

/// "apps/v1", "Deployment" -> "k8s.io.api.apps.v1.Deployment"
std::string message_of(const std::string& api_version, const std::string& kind) {
  auto slash = api_version.find('/');
  auto group = slash == std::string::npos ? "core" : api_version.substr(0, slash);
  auto version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  auto name = "k8s.io.api." + group.substr(0, group.find('.')) + "." + version + "." + kind;
  if (messages().count(name)) return name;
  // DeleteOptions and the like belong to every group.
  return "k8s.io.apimachinery.pkg.apis.meta.v1." + kind;
}

} // namespace

protobuf_body read_protobuf(std::string_view body) {
  static constexpr std::string_view prefix("k8s\0", 4);
  protobuf_body out;
  try {
    if (body.substr(0, prefix.size()) != prefix) {
      throw broken{
          "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"};
    }
    std::string_view raw;
    for (reader in(body.substr(prefix.size())); !in.done();) {
      auto field = in.next();
      if (field.number == 1) {
        expect(field, 2, "TypeMeta");
        auto meta = read_small(field.bytes);
        out.api_version = meta.texts[1];
        out.kind = meta.texts[2];
      } else if (field.number == 2) {
        expect(field, 2, "Raw");
        raw = field.bytes;
      }
    }
    if (out.kind.empty()) throw broken{"Object 'Kind' is missing in 'protobuf'"};
    out.value = read_message(message_of(out.api_version, out.kind), raw, 0);
    out.value["apiVersion"] = out.api_version;
    out.value["kind"] = out.kind;
  } catch (const broken& why) {
    out.error = why.what;
  }
  return out;
}

} // namespace remed::env
