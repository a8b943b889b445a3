// What a statement does, as far as the rules for phases care. One statement may do several things. Values only.
#pragma once

#include <string>

#include "plans/base/names.hpp"

namespace pgphase {

enum class ActionKind {
  create_table,
  drop_table,
  truncate,
  add_column,
  drop_column,
  rename_column,
  change_type,  // ALTER COLUMN … TYPE
  set_not_null,
  add_check,
  add_foreign_key,
  add_unique,  // UNIQUE or PRIMARY KEY
  add_exclude,
  create_index,
  drop_index,
  drop_constraint,
  move_table,  // another name, or another schema
};

struct Action {
  ActionKind kind;
  TableName table;            // empty name where the statement does not say it (DROP INDEX)
  std::string name = {};      // the column, constraint or index; may be empty
  bool concurrently = false;  // create_index, drop_index
  bool not_valid = false;     // add_check, add_foreign_key
  bool using_index = false;   // add_unique
  bool has_default = false;   // add_column: existing rows get a value
  bool not_null = false;      // add_column
  bool inline_scan = false;   // add_column: a CHECK, or a foreign key beside a default, is checked against every row
  std::string rewrite = {};   // add_column: why every row is written again, or empty
};

// What a later statement finds is no longer known from the plans alone.
inline bool moves_names(const Action& action) {
  return action.kind == ActionKind::move_table || action.kind == ActionKind::drop_constraint;
}

}  // namespace pgphase
