// What decides a verdict, as the verification role sees it: begun with each outcome, asked again
// after each pause, until it knows.
#pragma once

#include "runtime/messages.hpp"
#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <functional>
#include <variant>

namespace remed::agents {

class examiner {
public:
  virtual ~examiner() = default;

  /// Look again after this virtual time.
  struct pause {
    duration wait{};
  };
  /// A failure means that the system could not be looked at: infrastructure, not a verdict.
  using next = std::variant<pause, verdict, failure>;
  using answer = std::function<void(next)>;

  /// A remedy was tried. `then` is called once, at once or later on the world's thread.
  virtual void begin(const outcome& what, answer then) = 0;
  /// The pause is over.
  virtual void look(answer then) = 0;
};

} // namespace remed::agents
