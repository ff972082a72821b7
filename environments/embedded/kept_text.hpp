// What is told from a stored object, kept with the object: objects are immutable and read much more
// often than they are written.
#pragma once

#include "environments/embedded/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace remed::env {

/// An object that can keep what is told from it.
object make_object(json value);

/// Appends the members of an object but "kind" and "apiVersion" as compact JSON: `"a":1,"b":2`,
/// invalid UTF-8 replaced. `keep`: for the next time, when the object can; all forks share it.
void append_members(const object& obj, bool keep, std::string& out);

/// Appends the object's metadata alone, from the same kept text; `{}` when it has none.
void append_metadata(const object& obj, bool keep, std::string& out);

class cell_draft;
struct object_facts;
struct managed_names;

/// The facts of an object, told at the first call; none when it cannot keep them.
const object_facts* kept_facts(const object& obj);
/// Likewise the names in its managedFields.
const managed_names* kept_names(const object& obj);

/// The cells of an object's row, drafted at the first call; none when `draft` makes none, or the
/// object cannot keep them. An object is of one kind, so it has one row.
const cell_draft* kept_cells(const object& obj,
                             const std::function<std::optional<cell_draft>()>& draft);

/// What `make` tells from the object, made once in the object's life when it can keep it. Of one
/// object only one kind of thing may be kept.
std::shared_ptr<const void> kept_with(const object& obj,
                                      const std::function<std::shared_ptr<const void>()>& make);

} // namespace remed::env
