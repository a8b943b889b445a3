// Times and texts as people read them (numbers and sizes: plans/base/units.hpp). Pure; any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "phases/ledger/records.hpp"

namespace pgphase::words {

std::string duration(std::chrono::seconds time);  // "45 s", "12 min", "3 h 5 min", "2 d 4 h"
std::string time(ServerTime at);                  // "2026-01-31T18:02:11Z"
std::string joined(const std::vector<std::string>& items, std::string_view separator);

// The first line, and " …" when there is more.
std::string first_line(const std::string& sql);
// Every line with so many blanks in front of it, but the first.
std::string indented(const std::string& text, int blanks);

}  // namespace pgphase::words
