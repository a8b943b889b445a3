// What hangs on a column and has to be made again for a column of another type in its place: indexes and constraints.
// PostgreSQL itself writes their definitions. Internal to phases/retype. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "phases/retire/foreign_keys.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct HangingIndex {
  enum class Constraint { none, primary_key, unique };
  std::string name;
  std::string written;     // the name as its definition has it
  std::string definition;  // CREATE [UNIQUE] INDEX name ON …
  std::string tablespace;  // empty: the database's own
  Constraint constraint = Constraint::none;
  bool computes = false;  // with the column, in an expression or in its condition
  bool unique = false;
  bool in_key = false;  // and not only included
  std::string others;   // the other columns by their numbers: a name may have gone over to another one
  // Nobody looks after the values of a column that is set aside: what computes with them may fail, and a statement of
  // an application with it. Of unique ones only those are let through that cannot (phases/retype/obstacles).
  bool goes_with_the_column() const { return !computes || unique; }
};

struct HangingConstraint {
  enum class Kind { check, foreign_key };
  std::string name;
  Kind kind = Kind::check;
  std::string definition;  // without NOT VALID
  bool valid = true;
};

struct Hanging {
  std::vector<HangingIndex> indexes;
  std::vector<HangingConstraint> constraints;  // of the table itself; foreign keys that refer to it are not among them
};

// Without what is ours: names that begin with _pgphase_.
Result<Hanging> what_hangs_on(Session& session, const TableName& table, const std::string& column);

// The same, with definitions as they would be if the column was called `other`, which is a column too. In a transaction
// that holds ACCESS EXCLUSIVE on the table: it gives the column that name, looks, and takes it back.
Result<Hanging> what_hangs_on_as(Session& session, const TableName& table, const std::string& column,
                                 const std::string& other);

// An index of ours, with the comment that says which definition it was built from.
struct HiddenIndex {
  std::string name;
  std::string comment;
};
Result<std::vector<HiddenIndex>> valid_hidden_indexes(Session& session, const TableName& table);

}  // namespace pgphase
