// What steps written by hand have in common: their SQL, their undo, their verification. Private to plans/changes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plans/changes/change.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase::written {

// One statement of the author's and where it stands in the file.
struct Sql {
  Text source;
  ParsedStatement parsed;
};

struct Common {
  std::string unchecked;      // why the parser may fail, or empty
  std::vector<Sql> rollback;  // in the order of execution
  std::optional<std::string> irreversible;
  bool stays_with_table = false;  // stands instead of either
  std::string verify;
  std::map<std::string, std::string> allow;  // rule → why it may be broken

  std::vector<Statement> undo() const;
};

std::optional<std::string> read_name(TableReader& reader);
Common read_common(TableReader& reader);

// `key` as a statement or a list of them. What pgphase does not run, and what the parser does not know, is noted.
std::vector<Sql> read_statements(TableReader& reader, std::string_view key, const std::string& unchecked);

std::vector<Position> places_of(const std::vector<Sql>& statements, const Findings& findings);

// The tables that the statement changes, for ordering plans.
void note_touched(const Sql& sql, std::vector<TableName>& out);

}  // namespace pgphase::written
