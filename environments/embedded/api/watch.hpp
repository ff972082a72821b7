// Watches: what changed, as a stream of events.
#pragma once

#include "environments/embedded/api/context.hpp"

namespace remed::env {

/// Answers a watch request: a stream, or the error that refuses it.
tools::http_reply watch_objects(const api_call& call);

/// Bytes a watcher may be behind before it is dropped.
inline constexpr std::size_t watch_backlog_limit = 16u << 20;
/// Bytes all streams of a cluster together may be behind before the slowest are dropped.
inline constexpr std::size_t total_backlog_limit = 128u << 20;

} // namespace remed::env
