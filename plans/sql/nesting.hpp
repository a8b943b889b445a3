// How deep a text of SQL can be nested, before it is parsed: the parser and what writes its tree recurse without a bound
// of their own. Pure; any thread.
#pragma once

#include <string>

namespace pgphase::tree {

// No tree of the text has a path with more operands than that: of the tokens, those between commas, in each of the
// parentheses around them, and those between the WHENs of a CASE. A list of a thousand rows is as deep as one of them. A text that cannot be told into tokens
// counts as the deepest.
std::size_t deepest_nesting(const std::string& sql);

}  // namespace pgphase::tree
