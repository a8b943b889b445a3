// What each kind of statement locks, scans and does, one function a family. The facts are PostgreSQL's own
// (AlterTableGetLockLevel and the commands' sources, 14 to 18). Private to plans/sql.
#pragma once

#include <string>

#include "plans/sql/statement.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::effects {

inline constexpr const char* k_brief = "no scan, no rewrite";

// Notes a lock; of several on one table the strongest stays.
void lock(ParsedStatement& out, const TableName& table, LockMode mode);
void unknown_locks(ParsedStatement& out, std::string note);

void create_table(const boost::json::object& node, ParsedStatement& out);
void alter_table(const boost::json::object& node, ParsedStatement& out);
void create_index(const boost::json::object& node, ParsedStatement& out);
void drop(const boost::json::object& node, ParsedStatement& out);

// The rest: everything that is neither of the above.
void other(const tree::RawStatement& raw, ParsedStatement& out);

// Whether the statement changes what all databases of a server share. A DO block is judged by its text; what a function
// does that it calls is not seen.
bool reaches_beyond_the_database(const tree::RawStatement& raw);

// Why pgphase does not run such a statement at all, or empty.
std::string refusal(const tree::RawStatement& raw);

}  // namespace pgphase::effects
