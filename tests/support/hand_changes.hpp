// A schema with something of every kind in it, and what people do to such a schema by hand: what the comparison of
// snapshots, and `drift` with it, must find.
#pragma once

#include <string>
#include <vector>

namespace pgphase::testing {

// Run by a superuser in a database without tables of these names. Makes two roles of the server, if they are not there.
extern const char* const k_rich_schema;

// 1,000 tables of 10 columns with three indexes, a check and a sequence each.
extern const char* const k_thousand_tables;

struct HandChange {
  std::string name;  // of the test
  std::string sql;
  std::vector<std::string> words;  // of each difference, in order; there is no other
  int from_major = 14;             // PostgreSQL
};

const std::vector<HandChange>& hand_changes();

// Those that this server can do.
std::vector<HandChange> hand_changes_for(int major);

}  // namespace pgphase::testing
