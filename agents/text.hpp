// Small pure helpers on texts that go to and come from models.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace remed::agents {

/// Replaces each `{{name}}` by its value; a name without a value stays as it is.
std::string fill(std::string_view text, const std::map<std::string, std::string>& values);

/// At most about `limit` bytes: beginning and end are kept, a line between says how many bytes are
/// missing. Cuts never split a UTF-8 character.
std::string shorten(std::string text, std::size_t limit);

/// What models wrap code in.
struct unfenced {
  std::string text;
  bool fenced = false; ///< a pair of ``` lines was around it and is gone
};
/// Takes the code out of the one fence that surrounds the whole text; other texts come back as is.
unfenced strip_fence(std::string_view text);
/// The content of the first ```yaml, ```yml or bare ``` block anywhere in the text; empty if none.
std::string first_yaml_block(std::string_view text);

std::string_view trim(std::string_view text);

} // namespace remed::agents
