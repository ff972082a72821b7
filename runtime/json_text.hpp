// JSON to text, fast: what is logged, hashed and sent is written here.
#pragma once

#include "runtime/json.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>
#include <utility>

namespace remed {

/// Appends the value as `dump` writes it: byte for byte what nlohmann's dump(-1, ' ', false,
/// replace) makes, in a fraction of its time, since text that needs no escape is copied as it is.
void append_json(const json& value, std::string& out);
/// Appends a text as a JSON string.
void append_json(const std::string& text, std::string& out);

/// Appends a struct with FIELDS as a JSON object, keys sorted.
template <class T>
requires reflected<T>
void append_fields(const T& x, std::string& out) {
  static constexpr auto names = field_names(static_cast<const T*>(nullptr));
  static const auto order = [] {
    std::array<std::size_t, names.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    std::sort(all.begin(), all.end(), [](auto a, auto b) { return names[a] < names[b]; });
    return all;
  }();
  const auto fields = fields_of(x);
  auto append = [&]<class Value>(const Value& value) {
    if constexpr (std::is_same_v<Value, json> || std::is_same_v<Value, std::string>)
      append_json(value, out);
    else
      append_json(json(value), out);
  };
  out += '{';
  for (const auto at : order) {
    if (out.back() != '{') out += ',';
    append_json(std::string(names[at]), out);
    out += ':';
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((I == at ? append(std::get<I>(fields)) : void()), ...);
    }
    (std::make_index_sequence<names.size()>{});
  }
  out += '}';
}

} // namespace remed
