// Statements that change what a name without a schema means: everything here takes it for one of public. Pure; any
// thread.
#pragma once

#include "plans/sql/tree.hpp"

namespace pgphase::tree {

enum class SearchPath {
  untouched,
  to_public,  // public again, or nothing at all, as pg_dump has it: then each name has its schema
  elsewhere,
};
SearchPath search_path_after(const RawStatement& raw);

}  // namespace pgphase::tree
