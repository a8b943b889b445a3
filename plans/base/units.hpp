// Numbers with units, which plans and settings write as strings: "500ms", "30m", "7d"; "16MiB".
// Pure functions; call them from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "plans/base/result.hpp"

namespace pgphase {

// A whole number and one of ms, s, m (min), h, d. The error's code is Errc::usage.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// In the largest unit that divides it: 90000 ms is "90s", 120000 ms is "2m". parse_duration reads it back.
std::string format_duration(std::chrono::milliseconds duration);

// A whole number and one of B, KiB, MiB, GiB, TiB. The error's code is Errc::usage.
Result<std::uint64_t> parse_bytes(std::string_view text);

// In the largest unit that divides it; parse_bytes reads it back.
std::string format_bytes(std::uint64_t bytes);

// For people only.
std::string human_count(std::int64_t number);  // "1,000,000"
std::string human_bytes(std::int64_t bytes);   // "1.2 GiB"

}  // namespace pgphase
