// JSON from and to every struct with FIELDS and every enumeration with NAMES.
#pragma once

#include "runtime/fields.hpp"
#include "runtime/json_value.hpp"
#include "runtime/result.hpp"

#include <stdexcept>
#include <string>

// Serializers rather than to_json functions: those would be found only for types of namespace remed
// itself, not for the rooms' own.
namespace nlohmann {

template <class T>
requires remed::reflected<T>
struct adl_serializer<T, void> {
  static void to_json(remed::json& out, const T& x) {
    out = remed::json::object();
    const auto names = field_names(static_cast<const T*>(nullptr));
    std::apply(
        [&](const auto&... field) {
          std::size_t i = 0;
          ((out[std::string(names[i++])] = field), ...);
        },
        fields_of(x));
  }

  /// Missing keys keep the field's default; a wrong type throws, as nlohmann's own conversions do.
  static void from_json(const remed::json& in, T& x) {
    const auto names = field_names(static_cast<const T*>(nullptr));
    std::apply(
        [&](auto&... field) {
          std::size_t i = 0;
          auto read = [&](auto& value) {
            const auto it = in.find(std::string(names[i++]));
            if (it != in.end() && !it->is_null()) it->get_to(value);
          };
          (read(field), ...);
        },
        fields_of(x));
  }
};

template <class T>
requires remed::named_enum<T>
struct adl_serializer<T, void> {
  static void to_json(remed::json& out, const T& x) { out = std::string(to_string(x)); }

  static void from_json(const remed::json& in, T& x) {
    const auto text = in.get<std::string>();
    const auto names = value_names(x);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) {
        x = static_cast<T>(i);
        return;
      }
    }
    throw std::invalid_argument("unknown value \"" + text + "\"");
  }
};

} // namespace nlohmann

namespace remed {

/// Parses text; the failure says where it went wrong.
result<json> parse_json(std::string_view text);

/// Reads a `T` out of JSON text.
template <class T>
result<T> read_json(std::string_view text) {
  auto parsed = parse_json(text);
  if (!parsed) return parsed.why();
  try {
    return parsed->template get<T>();
  } catch (const std::exception& e) {
    return failure{errc::bad_input, e.what()};
  }
}

/// One line, keys sorted, invalid UTF-8 replaced: the form that is hashed and logged.
std::string dump(const json& value);

} // namespace remed
