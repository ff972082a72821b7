// FIELDS(type, a, b, c): names a struct's fields once. CAF inspection, JSON, the event log and
// golden files all derive from it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

#define REMED_PARENS ()
#define REMED_EXPAND(...) REMED_EXPAND3(REMED_EXPAND3(REMED_EXPAND3(REMED_EXPAND3(__VA_ARGS__))))
#define REMED_EXPAND3(...) REMED_EXPAND2(REMED_EXPAND2(REMED_EXPAND2(__VA_ARGS__)))
#define REMED_EXPAND2(...) REMED_EXPAND1(REMED_EXPAND1(REMED_EXPAND1(__VA_ARGS__)))
#define REMED_EXPAND1(...) __VA_ARGS__
#define REMED_LIST(macro, ...) __VA_OPT__(REMED_EXPAND(REMED_LIST_STEP(macro, __VA_ARGS__)))
#define REMED_LIST_STEP(macro, first, ...) \
  macro(first) __VA_OPT__(, REMED_LIST_AGAIN REMED_PARENS(macro, __VA_ARGS__))
#define REMED_LIST_AGAIN() REMED_LIST_STEP
#define REMED_FIELD_NAME(field) std::string_view(#field)
#define REMED_FIELD_REF(field) x.field

/// To be used in the namespace of `type`, after its definition, with all its fields in order.
#define FIELDS(type, ...)                                         \
  constexpr std::string_view struct_name(const type*) {           \
    return #type;                                                 \
  }                                                               \
  constexpr auto field_names(const type*) {                       \
    return std::array{REMED_LIST(REMED_FIELD_NAME, __VA_ARGS__)}; \
  }                                                               \
  inline auto fields_of(type& x) {                                \
    return std::tie(REMED_LIST(REMED_FIELD_REF, __VA_ARGS__));    \
  }                                                               \
  inline auto fields_of(const type& x) {                          \
    return std::tie(REMED_LIST(REMED_FIELD_REF, __VA_ARGS__));    \
  }

/// NAMES(enumeration, "first", "second"): the words of an enumeration whose values count from 0.
#define NAMES(type, ...)                                   \
  constexpr auto value_names(type) {                       \
    return std::to_array<std::string_view>({__VA_ARGS__}); \
  }                                                        \
  constexpr std::string_view to_string(type x) {           \
    return value_names(x)[static_cast<std::size_t>(x)];    \
  }

namespace remed {

/// A struct whose fields were named.
template <class T>
concept reflected = requires(T& x) {
  field_names(static_cast<const T*>(nullptr));
  fields_of(x);
};

/// An enumeration whose values were named.
template <class T>
concept named_enum = std::is_enum_v<T> && requires(T x) {
  value_names(x);
};

} // namespace remed
