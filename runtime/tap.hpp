// Sees every message of a world as it is sent and as it is handled; may refuse one. Tracing,
// causality, mailbox bounds and crash reports of all roles hang here, so that roles hold none of
// it.
#pragma once

#include <caf/mailbox_element.hpp>

#include <string>

namespace remed {

class tap {
public:
  virtual ~tap() = default;
  /// A message enters the mailbox of `role`; false: the mailbox is full, drop it.
  virtual bool sent(const caf::mailbox_element& message, const char* role) = 0;
  /// A message is about to be handled by `role`; false: it is lost (tests do that). An exception
  /// from here counts as the role's own.
  virtual bool begins(const caf::mailbox_element& message, const char* role) = 0;
  virtual void ends(const char* role) = 0;
  /// The handler of `role` threw.
  virtual void failed(const char* role, const std::string& what) = 0;
};

} // namespace remed
