// A value, or the reason there is none. Used wherever the world may fail; exceptions of third-party
// code are turned into a `failure` in the function that calls it.
#pragma once

#include <cassert>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace remed {

/// What the caller should do about a failure.
enum class errc {
  bad_input,   ///< the user's input is wrong: stop and say where
  unreachable, ///< a peer could not be reached: retry may help
  refused,     ///< the peer or a policy said no: retry will not help
  failed,      ///< it was tried and failed
  timed_out,   ///< no answer within the limit
  over_budget, ///< a limit of the experiment would be exceeded
  cancelled,   ///< someone asked to stop
};

constexpr const char* to_string(errc code) {
  switch (code) {
    case errc::bad_input:
      return "bad_input";
    case errc::unreachable:
      return "unreachable";
    case errc::refused:
      return "refused";
    case errc::failed:
      return "failed";
    case errc::timed_out:
      return "timed_out";
    case errc::over_budget:
      return "over_budget";
    case errc::cancelled:
      return "cancelled";
  }
  return "failed";
}

/// Why something did not happen, with a text a person can act on.
struct failure {
  errc code = errc::failed;
  std::string what;

  /// The same failure with the place it happened in front: "place: what".
  failure in(const std::string& place) const { return {code, place + ": " + what}; }
};

/// A `T`, or a `failure`. `T` may be void.
template <class T>
class [[nodiscard]] result {
  using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

public:
  using value_type = T;

  result() requires(std::is_void_v<T>) : state_(std::in_place_index<0>) {}
  template <class U = stored>
  requires(!std::is_void_v<T> && std::is_convertible_v<U&&, stored> &&
           !std::is_same_v<std::remove_cvref_t<U>, result> &&
           !std::is_same_v<std::remove_cvref_t<U>, failure>) result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  result(failure why) : state_(std::in_place_index<1>, std::move(why)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// The value; only when `ok()`.
  const stored& operator*() const& { return value(); }
  stored& operator*() & { return value(); }
  stored&& operator*() && { return std::move(value()); }
  const stored* operator->() const { return &value(); }
  stored* operator->() { return &value(); }

  /// The reason; only when not `ok()`.
  const failure& why() const {
    assert(!ok());
    return std::get<1>(state_);
  }

  /// The same result with a place in front of the reason.
  result in(const std::string& place) && {
    if (!ok()) state_.template emplace<1>(why().in(place));
    return std::move(*this);
  }

private:
  const stored& value() const {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  stored& value() {
    assert(ok());
    return *std::get_if<0>(&state_);
  }

  std::variant<stored, failure> state_;
};

} // namespace remed
