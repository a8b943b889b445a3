// What a table does not let a new column come for, or only by writing all of its rows anew. Asked before anything runs,
// and again before the lock is taken. Reads the catalogue only. Internal to phases/. Blocking; same threading as the
// Session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct AddedColumn {
  std::string name;
  std::string type;           // SQL; empty: that of `like`
  std::string like;           // a column of the table
  bool has_default = false;   // rows that are there get a value
  bool comes_empty = false;   // in new rows too, until a trigger gives it a value
};

struct Adding {
  std::vector<std::string> obstacles;  // a sentence each
  bool rewrites = false;               // every row would be written anew
};

// Nothing where there is no such table. An Error of code sql for a type that the server cannot read.
Result<Adding> look_at_adding(Session& session, const TableName& table, const std::vector<AddedColumn>& columns);

// Of a table that was made as CREATE TABLE … OF a type, whose columns it has; `oid`: the table's, as text.
Result<std::optional<std::string>> type_of_typed_table(Session& session, const std::string& oid);

AddedColumn added_by(const AddColumnBody& body);
std::vector<AddedColumn> added_by(const LinkColumnsBody& body);

}  // namespace pgphase
