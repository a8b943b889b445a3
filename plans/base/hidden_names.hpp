// Names of what pgphase puts on a table for a while. Each follows from what it is for, so that a run finds what the one
// before it has left, and no two are alike. All begin so that catalogue snapshots leave them out. Pure; any thread.
#pragma once

#include <string>

#include "plans/base/names.hpp"

namespace pgphase {

// The check that proves to SET NOT NULL that it needs no scan.
std::string not_null_proof_name(const TableName& table, const std::string& column);

// The trigger that refuses new NULLs in the column: one for INSERT ("i"), one for UPDATE ("u"). '~' and 'w' make it the
// last of the table's BEFORE ROW triggers, behind those that keep columns in step: what may still be filled in is not
// refused.
std::string null_guard_name(const TableName& table, const std::string& column, char event);

// The function of the triggers that keep a table's columns in step, in the schema pgphase.
std::string sync_function_name(const TableName& table);

// A new column as long as the one that it replaces has the name that both shall have.
std::string new_column_name(const TableName& table, const std::string& column);
bool is_new_column_name(const std::string& name);

// What `name`, an index or constraint of the old column, is called on that new column, until the two change places; and
// what it is called on the old one from then on.
std::string twin_name(const TableName& table, const std::string& column, const std::string& name);
std::string set_aside_name(const TableName& table, const std::string& column, const std::string& name);

}  // namespace pgphase
