// Small readers of Kubernetes' values: times, quantities, nested fields.
#pragma once

#include "environments/embedded/quantity.hpp"
#include "runtime/json_value.hpp"
#include "runtime/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remed::env {

/// RFC 3339 with or without a fraction, of the years 0000 to 9999; none when it is not one.
std::optional<vtime> parse_time(std::string_view text);

/// duration.HumanDuration of apimachinery: "12s", "3m37s", "26m", "5d3h", "2y10d".
std::string human_duration(duration d);

/// The value at a path of member names, or null. Never throws.
const json& at_path(const json& from, std::initializer_list<std::string_view> path);
/// The text at a path, or `otherwise` when absent or no string.
std::string text_at(const json& from, std::initializer_list<std::string_view> path,
                    std::string otherwise = {});
/// The integer at a path, or `otherwise`.
std::int64_t int_at(const json& from, std::initializer_list<std::string_view> path,
                    std::int64_t otherwise = 0);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Standard alphabet, padded.
std::string base64_encode(std::string_view bytes);
/// Standard or URL alphabet; stops at the first character that is neither.
std::string base64_decode(std::string_view text);

/// A value as Go prints it with %v: `map[a:1 b:[x y]]`.
std::string go_print(const json& value);

/// The text in double quotes with Go's escapes (strconv.Quote).
std::string go_quote(std::string_view text);

} // namespace remed::env
