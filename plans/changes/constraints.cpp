#include "plans/changes/constraints.hpp"

#include <fmt/format.h>

#include <set>

#include "plans/base/hidden_names.hpp"
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

std::vector<Part> not_null(const TableName& table, const std::string& column) {
  const auto proof = not_null_proof_name(table, column);
  const auto alter = [&](const std::string& what) { return statement("ALTER TABLE " + qualified(table) + what); };
  // Its undo would take away what was there before the plan.
  Part not_yet{require(
      fmt::format("SELECT count(*) FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {} AND attnotnull",
                  quote_literal(qualified(table)), quote_literal(column)),
      fmt::format("column {} of {} is NOT NULL already", column, display_name(table)), "looks at the catalogue")};
  Part none_is_null{require(
      fmt::format("SELECT count(*) FROM {} WHERE {} IS NOT DISTINCT FROM NULL", qualified(table), quote_ident(column)),
      fmt::format("{} is NULL in %n rows of {}", column, display_name(table)), "reads the table; nobody waits")};
  // ACCESS EXCLUSIVE for a moment, each but the validation.
  Part prove{alter(fmt::format(" ADD CONSTRAINT {} CHECK ({} IS DISTINCT FROM NULL) NOT VALID", proof, quote_ident(column))),
             alter(fmt::format(" DROP CONSTRAINT IF EXISTS {}", proof))};
  Part set{alter(fmt::format(" ALTER COLUMN {} SET NOT NULL", quote_ident(column))),
           alter(fmt::format(" ALTER COLUMN {} DROP NOT NULL", quote_ident(column)))};
  set.forward.note = "no scan: the check proves it";
  Part no_more_proof{alter(fmt::format(" DROP CONSTRAINT {}", proof))};
  return {std::move(not_yet),           std::move(none_is_null), std::move(prove),
          Part{validate(table, proof)}, std::move(set),          std::move(no_more_proof)};
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
