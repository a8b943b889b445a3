// Harmful or harmless, by what a server was seen to do and not by what the rules say. The labels of every form are kept
// in tests/corpus/labels.txt; a test compares them with each server, and `./dev bench check` goes by them.
#pragma once

#include <map>
#include <string>

#include "tests/support/proof/observe.hpp"

namespace pgphase::testing::proof {

// What an application would have noticed, a sentence; empty: nothing. Harm is: to wait while rows are read or written
// or an index is built, rows that are locked in their majority, rows or columns that are gone, and queries of before
// that fail. A form that is not carried out, because it would reach beyond its database, has no label.
std::string harm_seen(const Observation& seen);

// Form → "harmless", or what was seen. Throws std::runtime_error when the file cannot be read.
std::map<std::string, std::string> read_labels();

}  // namespace pgphase::testing::proof
