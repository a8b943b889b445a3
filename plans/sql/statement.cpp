#include "plans/sql/statement.hpp"

#include <algorithm>

#include "plans/sql/effects.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase {

void throw_exception_from_error(const SqlError& error, const boost::source_location& where) {
  boost::throw_exception(std::logic_error(error.message), where);
}

namespace effects {

void lock(ParsedStatement& out, const TableName& table, LockMode mode) {
  auto& locks = out.statement.locks;
  const auto found = std::find_if(locks.begin(), locks.end(), [&](const auto& held) { return held.table == table; });
  if (found == locks.end())
    locks.push_back({table, mode});
  else
    found->mode = std::max(found->mode, mode);
}

void unknown_locks(ParsedStatement& out, std::string note) {
  out.statement.locks_known = false;
  out.statement.note = std::move(note);
}

}  // namespace effects

Parsed<std::vector<ParsedStatement>> parse_statements(std::string_view sql) {
  const auto statements = tree::parse(sql);
  if (!statements) return statements.error();
  std::vector<ParsedStatement> out;
  for (const auto& raw : *statements) {
    ParsedStatement one;
    one.text = raw.text;
    one.character = raw.character;
    one.statement.sql = raw.text;
    one.relations = tree::relations(raw.node);
    one.refused = effects::refusal(raw);
    one.beyond_database = effects::reaches_beyond_the_database(raw);
    if (raw.tag == "CreateStmt")
      effects::create_table(raw.node, one);
    else if (raw.tag == "AlterTableStmt")
      effects::alter_table(raw.node, one);
    else if (raw.tag == "IndexStmt")
      effects::create_index(raw.node, one);
    else if (raw.tag == "DropStmt")
      effects::drop(raw.node, one);
    else
      effects::other(raw, one);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace pgphase
