// Values as Go's libraries read them, with their error texts: Chaos Mesh repeats these to users.
#pragma once

#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <cstdint>
#include <string>

namespace remed::chaos::mesh {

/// time.ParseDuration: "1.5h", "-200ms", "1h15m30s". Fails with `time: missing unit in duration
/// "10"` and its like.
result<duration> parse_duration(const std::string& text);
/// strconv.ParseFloat.
result<double> parse_float(const std::string& text);
/// strconv.Atoi.
result<std::int64_t> parse_int(const std::string& text);
/// Sizes of memory stressors: go-humanize ("256MB" = 10^6, "256MiB" = 2^20, "512") or a share of
/// `total` ("50%").
result<double> parse_bytes(const std::string& text, double total);

/// Rates of traffic: "1mbps" is 1024 * 1024 bytes per second. Fails with `invalid unit`.
result<double> parse_rate(const std::string& text);

} // namespace remed::chaos::mesh
