// "-- pgphase:allow create-index, add-check: the table is empty until the launch": what the comments before a statement
// say that is meant to be so. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgphase {

struct Waiver {
  std::vector<std::string> rules;  // as they are written
  std::string reason;              // empty: none is given
};

// Nothing where the comment is no waiver.
std::vector<Waiver> waivers_in(const std::vector<std::string>& comments);

}  // namespace pgphase
