// What the changes that add a constraint have in common. Each is one step in the constraint phase: look whether any row
// stands in the way, add the constraint under a short lock without a scan, then check the rows that exist while
// everybody goes on. Only then does it bind: NOT VALID binds every UPDATE of an old row too, so it is never added
// before the rows are right. Private to plans/changes; pure.
#pragma once

#include <string>
#include <vector>

#include "plans/changes/change.hpp"

namespace pgphase::constraints {

// `query` SELECTs one number, 0 when nothing stands in the way; `unmet` as in Statement.
Statement require(std::string query, std::string unmet, std::string note);

// A statement of ours: its locks and its kind are read from the SQL as the author's are.
Statement statement(const std::string& sql);

Statement validate(const TableName& table, const std::string& name);
Statement drop(const TableName& table, const std::string& name);

// One statement of a step and what undoes it.
struct Part {
  Statement forward;
  Statement undo = nothing();
  static Statement nothing();
};
SqlBody body_of(std::vector<Part> parts);

// Builds the index concurrently, then makes it the constraint `kind` ("UNIQUE", "PRIMARY KEY"), which takes its name.
struct ByIndex {
  TableName table;
  std::string name;
  std::string kind;
  std::vector<std::string> columns;
  std::vector<std::string> include;
  std::string nulls;  // " NULLS NOT DISTINCT", or empty
  std::string deferrable;
  // " DEFERRABLE INITIALLY DEFERRED", or empty
};
std::vector<Part> by_index(const ByIndex& wanted);

// A valid CHECK proves to SET NOT NULL that it needs no scan, and goes again.
std::vector<Part> not_null(const TableName& table, const std::string& column);

// " DEFERRABLE INITIALLY DEFERRED" and its like from `deferrable` and `initially_deferred`.
std::string read_deferrable(TableReader& reader);

// A list of one name at least, each once.
std::vector<std::string> read_columns(TableReader& reader, std::string_view key);

}  // namespace pgphase::constraints
