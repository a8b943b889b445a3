// How deep the keys of a TOML text nest, found before the library reads it: it recurses once for each part of a dotted
// key, so that one line of 40 kB could use up the stack. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

#include "plans/toml/diagnostic.hpp"

namespace pgphase {

// Nothing of ours has more than four ("env.NAME.locks.timeout"); the library itself limits how deep values nest.
inline constexpr int k_max_key_parts = 16;

// Where the first key with more parts than that begins: before a `=`, in a [table] header or in an inline table.
// Strings and comments may hold as many dots as they like.
std::optional<Position> key_too_deep(std::string_view text);

}  // namespace pgphase
