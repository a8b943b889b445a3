#include "plans/changes/constraints.hpp"

#include <fmt/format.h>

#include <set>

#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase::constraints {

Statement require(std::string query, std::string unmet, std::string note) {
  Statement out;
  out.kind = StatementKind::require;
  out.sql = std::move(query);
  out.unmet = std::move(unmet);
  out.note = std::move(note);
  return out;
}

Statement statement(const std::string& sql) {
  return parse_statements(sql).value().front().statement;
}

// SHARE UPDATE EXCLUSIVE on the table; of a foreign key also ROW SHARE on the one that it points to.
Statement validate(const TableName& table, const std::string& name) {
  return statement(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(table), quote_ident(name)));
}

// ACCESS EXCLUSIVE on the table; of a foreign key also on the one that it points to.
Statement drop(const TableName& table, const std::string& name) {
  return statement(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", qualified(table), quote_ident(name)));
}

Statement Part::nothing() {
  Statement out;
  out.kind = StatementKind::nothing;
  return out;
}

SqlBody body_of(std::vector<Part> parts) {
  SqlBody body;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) body.undo.push_back(std::move(part->undo));
  for (auto& part : parts) body.forward.push_back(std::move(part.forward));
  return body;
}

std::vector<Part> by_index(const ByIndex& wanted) {
  const TableName index{wanted.table.schema, wanted.name};
  const auto include =
      wanted.include.empty() ? std::string() : fmt::format(" INCLUDE ({})", quote_list(wanted.include));
  Part build;
  build.forward.kind = StatementKind::create_index_concurrently;
  build.forward.sql = fmt::format("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} ({}){}{}", quote_ident(wanted.name),
                                  qualified(wanted.table), quote_list(wanted.columns), include, wanted.nulls);
  build.forward.locks = {{wanted.table, LockMode::share_update_exclusive}};
  build.forward.note = "scans the table twice; reads and writes go on";
  build.forward.index = index;
  build.undo = build.forward;
  build.undo.kind = StatementKind::drop_index_concurrently;
  build.undo.sql = "DROP INDEX CONCURRENTLY " + qualified(index);
  build.undo.note = "only where the constraint had not been made of it yet";
  // ACCESS EXCLUSIVE for a moment: the index is there, and the columns of a primary key are NOT NULL already. Dropping
  // the constraint drops the index with it, under ACCESS EXCLUSIVE, without waiting for anybody's snapshot.
  Part constraint;
  constraint.forward =
      statement(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}", qualified(wanted.table),
                            quote_ident(wanted.name), wanted.kind, quote_ident(wanted.name), wanted.deferrable));
  constraint.forward.note = "no scan, no rewrite: the index is built";
  constraint.undo = drop(wanted.table, wanted.name);
  constraint.undo.note = "no scan, no rewrite; the index goes with it";
  return {std::move(build), std::move(constraint)};
}

std::string read_deferrable(TableReader& reader) {
  const bool deferrable = reader.boolean("deferrable").value_or(false);
  const bool initially = reader.boolean("initially_deferred").value_or(false);
  if (initially && !deferrable) {
    reader.error("initially_deferred", "a constraint that is `initially_deferred` has to be `deferrable`",
                 "add deferrable = true");
  }
  if (!deferrable) return {};
  return initially ? " DEFERRABLE INITIALLY DEFERRED" : " DEFERRABLE";
}

std::vector<std::string> read_columns(TableReader& reader, std::string_view key) {
  if (!reader.has(key)) {
    reader.missing(key);
    return {};
  }
  auto columns = keys::identifiers(reader, key).value_or(std::vector<std::string>());
  if (columns.empty()) return columns;
  std::set<std::string> seen;
  for (const auto& column : columns) {
    if (!seen.insert(column).second) reader.error(key, fmt::format("`{}` names {} twice", key, column));
  }
  return columns;
}

}  // namespace pgphase::constraints
