// A cluster as text to keep in a file: all that its future depends on. A restored cluster goes on
// exactly as the original would have; only open watches must begin again.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "runtime/result.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace remed::env {

/// The form of the text; raised when it can no longer be read by older programs.
inline constexpr int snapshot_format = 2;

/// One line that says what it is (format, length, checksum), then CBOR.
std::string snapshot(const cluster& c);

/// The cluster behind such a text. `rules` are code, not state: those of the cluster that was
/// saved. Failures (errc::bad_input) say whether the text is torn, damaged, something else, or of
/// another version.
result<std::unique_ptr<cluster>> restore(std::string_view text,
                                         std::shared_ptr<const cluster_rules> rules);

} // namespace remed::env
