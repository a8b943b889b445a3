#include "plans/toml/value.hpp"

#include <algorithm>

namespace pgphase {

const Entry* Table::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

const char* Value::kind() const {
  constexpr const char* k_kinds[] = {"a string", "an integer", "a float",       "a boolean",
                                     "a list",   "a table",    "a date or time"};
  return k_kinds[data.index()];
}

}  // namespace pgphase
