// YAML into structs with FIELDS. Unknown keys and wrong types are errors that name file, line, path
// and the nearest key that exists.
#pragma once

#include "runtime/fields.hpp"
#include "runtime/json.hpp"
#include "runtime/result.hpp"
#include "runtime/yaml.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace remed {

/// "did you mean …": the candidate with the smallest edit distance, or empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

namespace detail {

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {};

failure unknown_key(const yaml_document& doc, const std::string& pointer, const std::string& key,
                    const std::vector<std::string>& known);

template <class T>
result<void> bind_value(const yaml_document& doc, const json& in, const std::string& pointer,
                        T& out);

template <reflected T>
result<void> bind_struct(const yaml_document& doc, const json& in, const std::string& pointer,
                         T& out) {
  if (!in.is_object()) return doc.at(pointer, "a mapping is expected");
  const auto names = field_names(static_cast<const T*>(nullptr));
  const std::vector<std::string> known(names.begin(), names.end());
  for (const auto& [key, value] : in.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return unknown_key(doc, pointer, key, known);
    }
  }
  result<void> done;
  std::size_t i = 0;
  auto read = [&](auto& field) {
    const auto& key = known[i++];
    if (!done || !in.contains(key)) return;
    done = bind_value(doc, in.at(key), pointer + "/" + key, field);
  };
  std::apply([&](auto&... field) { (read(field), ...); }, fields_of(out));
  return done;
}

template <class T>
result<void> bind_value(const yaml_document& doc, const json& in, const std::string& pointer,
                        T& out) {
  if constexpr (std::is_same_v<T, json>) {
    out = in;
  } else if constexpr (reflected<T>) {
    return bind_struct(doc, in, pointer, out);
  } else if constexpr (named_enum<T>) {
    std::vector<std::string> known;
    for (auto name : value_names(out)) known.emplace_back(name);
    const auto text = in.is_string() ? in.get<std::string>() : in.dump();
    const auto it = std::find(known.begin(), known.end(), text);
    if (it == known.end()) return unknown_key(doc, pointer, text, known);
    out = static_cast<T>(it - known.begin());
  } else if constexpr (is_vector<T>::value) {
    if (!in.is_array()) return doc.at(pointer, "a list is expected");
    out.clear();
    for (std::size_t i = 0; i < in.size(); ++i) {
      typename T::value_type item{};
      auto done = bind_value(doc, in[i], pointer + "/" + std::to_string(i), item);
      if (!done) return done;
      out.push_back(std::move(item));
    }
  } else if constexpr (is_map<T>::value) {
    if (!in.is_object()) return doc.at(pointer, "a mapping is expected");
    out.clear();
    for (const auto& [key, value] : in.items()) {
      auto done = bind_value(doc, value, pointer + "/" + key, out[key]);
      if (!done) return done;
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (in.is_structured()) return doc.at(pointer, "a text is expected");
    out = in.is_string() ? in.get<std::string>() : in.is_null() ? std::string() : in.dump();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!in.is_boolean()) return doc.at(pointer, "true or false is expected");
    out = in.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    if (!in.is_number_integer()) return doc.at(pointer, "a whole number is expected");
    if (std::is_unsigned_v<T> && in.get<std::int64_t>() < 0) {
      return doc.at(pointer, "a number of at least 0 is expected");
    }
    out = in.get<T>();
  } else {
    static_assert(std::is_floating_point_v<T>);
    if (!in.is_number()) return doc.at(pointer, "a number is expected");
    out = in.get<T>();
  }
  return {};
}

} // namespace detail

/// Fills `out` from the document; fields that are not given keep their values.
template <reflected T>
result<void> bind_yaml(const yaml_document& doc, T& out) {
  return detail::bind_value(doc, doc.value, "", out);
}

/// A whole struct from a file.
template <reflected T>
result<T> load_yaml(const std::filesystem::path& file) {
  auto doc = read_yaml_document(file);
  if (!doc) return doc.why();
  T out{};
  auto done = bind_yaml(*doc, out);
  if (!done) return done.why();
  return out;
}

} // namespace remed
