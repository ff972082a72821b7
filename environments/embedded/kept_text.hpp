// The JSON text of a stored object, kept with the object: objects are immutable and read much more
// often than they are written.
#pragma once

#include "environments/embedded/store.hpp"

#include <string>

namespace remed::env {

/// An object that can keep its text.
object make_object(json value);

/// Appends the members of an object but "kind" and "apiVersion" as compact JSON: `"a":1,"b":2`,
/// invalid UTF-8 replaced. `keep`: for the next time, when the object can; all forks share it.
void append_members(const object& obj, bool keep, std::string& out);

} // namespace remed::env
