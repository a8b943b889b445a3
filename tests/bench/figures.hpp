// The arithmetic of a bench, and how its numbers are written. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgphase::bench {

// Of an even number the mean of the two in the middle; nothing of none.
std::optional<double> median(std::vector<double> values);

// By nearest rank: the smallest value that at least `share` (0 to 1) of all do not exceed; nothing of none.
std::optional<double> percentile(std::vector<double> values, double share);

// The median of above[i] / below[i]: of neighbours in time, because a machine's speed drifts from round to round.
// What has no partner, and what would be divided by nothing, is left out.
std::optional<double> median_ratio(const std::vector<double>& above, const std::vector<double>& below);

std::string with_commas(std::int64_t number);           // 1,500,000
std::string as_megabytes(std::optional<double> bytes);  // "634 MB" of 1,000,000 bytes each; "–" for nothing
std::string as_mebibytes(std::optional<double> bytes);  // "21.5 MiB" of 1,048,576 bytes each
std::string as_seconds(
    const std::vector<double>& seconds);                // "12.5 s", of several "12.5 s (12.1–13.0)" with the median
std::string as_milliseconds(std::optional<double> ms);  // "2.5 ms"
std::string as_ratio(std::optional<double> ratio);      // "1.59x"
std::string as_percent(std::optional<double> share);    // "87 %"

}  // namespace pgphase::bench
