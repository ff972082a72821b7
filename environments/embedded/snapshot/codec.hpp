// Values to and from JSON by their types alone: structs by their field lists, containers by their
// elements. What several places share stays shared.
#pragma once

#include "environments/embedded/forked.hpp"
#include "environments/embedded/forked_table.hpp"
#include "environments/embedded/kept.hpp"
#include "environments/embedded/kept_text.hpp"
#include "runtime/fields.hpp"
#include "runtime/json_value.hpp"
#include "runtime/random.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace remed::env {

/// Classes whose members are private give them to `snapshot_access` (their friend): a tuple of
/// `saved` and `left_out`, in order of declaration.
struct snapshot_access;

namespace snapshots {

template <class T>
struct saved {
  std::string_view name;
  T& value;
};
/// No part of a snapshot.
template <class T>
struct left_out {
  T& value;
};
// Clang before 17 does not deduce aggregates by itself.
template <class T>
saved(std::string_view, T&) -> saved<T>;
template <class T>
left_out(T&) -> left_out<T>;

template <class T>
concept plain = std::is_arithmetic_v<T> || std::is_same_v<T, std::string>;
template <class T>
concept map_like = requires {
  typename T::mapped_type;
};
template <class T>
concept set_like = requires {
  typename T::key_compare;
}
&&!map_like<T>;
template <class T>
concept list_like = requires(T& x) {
  x.emplace_back();
};
template <class T>
concept fixed_list = requires {
  std::tuple_size<T>::value;
}
&&requires(T& x) {
  x.fill(x[0]);
};

/// Fields that are no part of a snapshot.
template <class T>
inline constexpr bool told_again = false;
template <class T>
inline constexpr bool told_again<retold<T>> = true;

template <class T>
struct is_chrono : std::false_type {};
template <class R, class P>
struct is_chrono<std::chrono::duration<R, P>> : std::true_type {};
template <class C, class D>
struct is_chrono<std::chrono::time_point<C, D>> : std::true_type {};

class writer {
public:
  template <plain T>
  json operator()(const T& x) {
    return x;
  }
  json operator()(const json& x) { return x; }
  template <class T>
  requires std::is_enum_v<T> json operator()(const T& x) { return static_cast<std::int64_t>(x); }
  template <class R, class P>
  json operator()(const std::chrono::duration<R, P>& x) {
    return x.count();
  }
  template <class C, class D>
  json operator()(const std::chrono::time_point<C, D>& x) {
    return x.time_since_epoch().count();
  }
  template <class T>
  json operator()(const std::optional<T>& x) {
    auto out = json::array();
    if (x) out.push_back((*this)(*x));
    return out;
  }
  template <class A, class B>
  json operator()(const std::pair<A, B>& x) {
    auto out = json::array();
    out.push_back((*this)(x.first));
    out.push_back((*this)(x.second));
    return out;
  }
  template <class T>
  requires list_like<T> || set_like<T> || map_like<T> || fixed_list<T> json operator()(const T& x) {
    auto out = json::array();
    for (const auto& one : x) out.push_back((*this)(one));
    return out;
  }
  json operator()(const random_source& x) { return x.state(); }
  template <class T>
  json operator()(const std::unique_ptr<T>& x) {
    return (*this)(*x);
  }
  template <class T>
  json operator()(const forked<T>& x) {
    if constexpr (requires { x->flat(); })
      return (*this)(x->flat());
    else
      return (*this)(*x);
  }
  template <class Key, class Value>
  json operator()(const shared_table<Key, Value>& x) {
    return entries_of(x);
  }
  template <class Key, class Value>
  json operator()(const forked_table<Key, Value>& x) {
    return entries_of(x);
  }
  template <class T>
  json operator()(const std::shared_ptr<T>& x) {
    if (!x) return nullptr;
    auto [at, is_new] = seen_.try_emplace(x.get(), shared_.size());
    const auto index = at->second;
    if (is_new) {
      shared_.push_back(nullptr);
      auto made = (*this)(*x);
      shared_[index] = std::move(made);
    }
    return index;
  }
  template <reflected T>
  json operator()(const T& x) {
    const auto names = field_names(static_cast<const T*>(nullptr));
    auto out = json::object();
    auto put_field = [&, i = std::size_t{0}](const auto& field) mutable {
      const auto name = names[i++];
      if constexpr (!told_again<std::remove_cvref_t<decltype(field)>>)
        out[std::string(name)] = (*this)(field);
    };
    std::apply([&](const auto&... field) { (put_field(field), ...); }, fields_of(x));
    return out;
  }
  template <class T, class Access = snapshot_access>
  requires requires(const T& x) { Access::members(x); }
  json operator()(const T& x) {
    auto out = json::object();
    std::apply([&](const auto&... member) { (put(out, member), ...); }, Access::members(x));
    return out;
  }

  json shared() && { return std::move(shared_); }

private:
  template <class Table>
  json entries_of(const Table& x) {
    auto out = json::array();
    x.walk([&](const auto& key, const auto& value) {
      auto one = json::array();
      one.push_back((*this)(key));
      one.push_back((*this)(value));
      out.push_back(std::move(one));
    });
    return out;
  }
  template <class T>
  void put(json& out, const saved<T>& member) {
    out[std::string(member.name)] = (*this)(member.value);
  }
  template <class T>
  void put(json&, const left_out<T>&) {}

  std::map<const void*, std::size_t> seen_;
  json shared_ = json::array();
};

/// Throws (std::exception) when the text does not hold what the types ask for.
class reader {
public:
  explicit reader(const json& shared) : shared_(shared), made_(shared.size()) {}

  template <plain T>
  void operator()(const json& in, T& x) {
    in.get_to(x);
  }
  void operator()(const json& in, json& x) { x = in; }
  template <class T>
  requires std::is_enum_v<T>
  void operator()(const json& in, T& x) { x = static_cast<T>(in.get<std::int64_t>()); }
  template <class R, class P>
  void operator()(const json& in, std::chrono::duration<R, P>& x) {
    x = std::chrono::duration<R, P>(in.get<R>());
  }
  template <class C, class D>
  void operator()(const json& in, std::chrono::time_point<C, D>& x) {
    x = std::chrono::time_point<C, D>(D(in.get<typename D::rep>()));
  }
  template <class T>
  void operator()(const json& in, std::optional<T>& x) {
    x.reset();
    if (!in.empty()) (*this)(in.at(0), x.emplace());
  }
  template <class A, class B>
  void operator()(const json& in, std::pair<A, B>& x) {
    (*this)(in.at(0), x.first);
    (*this)(in.at(1), x.second);
  }
  template <list_like T>
  void operator()(const json& in, T& x) {
    x.clear();
    for (const auto& one : in) (*this)(one, x.emplace_back());
  }
  template <fixed_list T>
  void operator()(const json& in, T& x) {
    std::size_t i = 0;
    for (auto& one : x) (*this)(in.at(i++), one);
  }
  template <set_like T>
  void operator()(const json& in, T& x) {
    x.clear();
    for (const auto& one : in) {
      typename T::value_type value;
      (*this)(one, value);
      x.insert(std::move(value));
    }
  }
  template <map_like T>
  void operator()(const json& in, T& x) {
    x.clear();
    for (const auto& one : in) {
      typename T::key_type key;
      (*this)(one.at(0), key);
      (*this)(one.at(1), x[std::move(key)]);
    }
  }
  template <class Key, class Value>
  void operator()(const json& in, shared_table<Key, Value>& x) {
    x = {};
    for (const auto& one : in) {
      Key key;
      (*this)(one.at(0), key);
      (*this)(one.at(1), x.edit(nullptr, key)); // nobody shares it yet
    }
  }
  template <class Key, class Value>
  void operator()(const json& in, forked_table<Key, Value>& x) {
    for (const auto& one : in) {
      Key key;
      (*this)(one.at(0), key);
      (*this)(one.at(1), x.edit(key));
    }
  }
  void operator()(const json& in, random_source& x) { x = random_source{in.get<std::uint64_t>()}; }
  template <class T>
  void operator()(const json& in, std::unique_ptr<T>& x) {
    (*this)(in, *x);
  }
  template <class T>
  void operator()(const json& in, forked<T>& x) {
    (*this)(in, x.edit());
  }
  template <class T>
  void operator()(const json& in, std::shared_ptr<T>& x) {
    x.reset();
    if (in.is_null()) return;
    auto& slot = made_.at(in.get<std::size_t>());
    if (!slot) slot = make<std::remove_const_t<T>>(shared_.at(in.get<std::size_t>()));
    x = std::static_pointer_cast<T>(slot);
  }
  template <reflected T>
  void operator()(const json& in, T& x) {
    const auto names = field_names(static_cast<const T*>(nullptr));
    auto take_field = [&, i = std::size_t{0}](auto& field) mutable {
      const auto name = names[i++];
      if constexpr (!told_again<std::remove_cvref_t<decltype(field)>>)
        (*this)(member_of(in, struct_name(static_cast<const T*>(nullptr)), name), field);
    };
    std::apply([&](auto&... field) { (take_field(field), ...); }, fields_of(x));
  }
  template <class T, class Access = snapshot_access>
  requires requires(T& x) { Access::members(x); }
  void operator()(const json& in, T& x) {
    std::apply([&](const auto&... member) { (take(in, member), ...); }, Access::members(x));
  }

private:
  template <class T>
  std::shared_ptr<void> make(const json& in) {
    if constexpr (std::is_same_v<T, json>) {
      return std::const_pointer_cast<json>(make_object(in));
    } else {
      auto out = std::make_shared<T>();
      (*this)(in, *out);
      return out;
    }
  }
  static const json& member_of(const json& in, std::string_view owner, std::string_view name) {
    auto found = in.find(name);
    if (found != in.end()) return *found;
    throw std::invalid_argument("it lacks " + std::string(owner) + "." + std::string(name));
  }
  template <class T>
  void take(const json& in, const saved<T>& member) {
    (*this)(member_of(in, "cluster", member.name), member.value);
  }
  template <class T>
  void take(const json&, const left_out<T>&) {}

  const json& shared_;
  std::vector<std::shared_ptr<void>> made_;
};

/// Converts to anything; for counting how many members an aggregate has.
struct anything {
  template <class T>
  operator T() const;
};

template <class T, std::size_t... I>
consteval bool takes(std::index_sequence<I...>) {
  return requires {
    T{(static_cast<void>(I), anything{})...};
  };
}

/// How many members an aggregate has (64 at most).
template <class T, std::size_t N = 64>
consteval std::size_t member_count() {
  if constexpr (N == 0 || takes<T>(std::make_index_sequence<N>{}))
    return N;
  else
    return member_count<T, N - 1>();
}

/// The size of a class with these members in this order.
template <class... Members>
constexpr std::size_t layout_size(const std::tuple<Members...>&) {
  std::size_t size = 0, widest = 1;
  auto add = [&](std::size_t bytes, std::size_t alignment) {
    size = (size + alignment - 1) / alignment * alignment + bytes;
    widest = alignment > widest ? alignment : widest;
  };
  (add(sizeof(std::declval<Members>().value), alignof(decltype(std::declval<Members>().value))),
   ...);
  return (size + widest - 1) / widest * widest;
}

} // namespace snapshots
} // namespace remed::env
