// The rules of each family, a file a family, as docs/rules has a page a family. Private to plans/effects.
#pragma once

#include <span>

#include "plans/effects/rule.hpp"

namespace pgphase::effects {

std::span<const Rule> column_rules();
std::span<const Rule> constraint_rules();
std::span<const Rule> index_rules();
std::span<const Rule> table_rules();
std::span<const Rule> partition_rules();
std::span<const Rule> object_rules();
std::span<const Rule> row_rules();
std::span<const Rule> other_rules();

}  // namespace pgphase::effects
