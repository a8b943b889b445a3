// add_unique and add_primary_key: the index is built concurrently, and becomes the constraint under a short lock, both
// in the constraint phase: a unique index refuses rows from the moment on that its build begins.
#include <fmt/format.h>

#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using constraints::ByIndex;
using constraints::Part;

// NULLs are never equal, unless they are said to be. Tables that inherit from it have keys of their own.
Part no_duplicates(const ByIndex& wanted) {
  std::string some_null;
  for (const auto& column : wanted.columns) {
    some_null += fmt::format("{}{} IS NULL", some_null.empty() ? "" : " OR ", quote_ident(column));
  }
  const auto columns = quote_list(wanted.columns);
  return {constraints::require(
      fmt::format("SELECT count(*) FROM (SELECT FROM ONLY {} {}GROUP BY {} HAVING count(*) > 1) twice",
                  qualified(wanted.table), wanted.nulls.empty() ? fmt::format("WHERE NOT ({}) ", some_null) : "",
                  columns),
      fmt::format("%n values of {} are in more than one row of {}", columns, display_name(wanted.table)),
      "reads and sorts the columns; nobody waits")};
}

// PostgreSQL would scan the table under ACCESS EXCLUSIVE to find it out.
Part never_null(const TableName& table, const std::string& column) {
  return {constraints::require(
      fmt::format("SELECT count(*) FROM pg_attribute WHERE attrelid = {}::regclass AND attname = {} AND NOT attnotnull",
                  quote_literal(qualified(table)), quote_literal(column)),
      fmt::format(
          "column {} of {} may be NULL, and a column of a primary key may not: a `set_not_null` before it makes "
          "that so without making anybody wait",
          column, display_name(table)),
      "looks at the catalogue")};
}

class AddUnique : public Change {
 public:
  AddUnique(Position at, const char* operation, ByIndex wanted)
      : Change(at), operation_(operation), wanted_(std::move(wanted)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    std::vector<Part> parts;
    if (wanted_.kind == "PRIMARY KEY") {
      for (const auto& column : wanted_.columns) parts.push_back(never_null(wanted_.table, column));
    }
    parts.push_back(no_duplicates(wanted_));
    for (auto& part : constraints::by_index(wanted_)) parts.push_back(std::move(part));
    Step step;
    step.name = fmt::format("{} {}.{}", operation_, display_name(wanted_.table), wanted_.name);
    step.body = constraints::body_of(std::move(parts));
    step.touches = {wanted_.table};
    sink.add(Phase::constraint, std::move(step), at());
  }

 private:
  const char* operation_;
  ByIndex wanted_;
};

ByIndex read_common(TableReader& reader, const char* kind) {
  ByIndex wanted;
  wanted.kind = kind;
  wanted.name = keys::identifier(reader, "name").value_or("");
  wanted.table = keys::table(reader).value_or(TableName{});
  wanted.columns = constraints::read_columns(reader, "columns");
  wanted.include = keys::identifiers(reader, "include").value_or(std::vector<std::string>());
  wanted.deferrable = constraints::read_deferrable(reader);
  return wanted;
}

}  // namespace

ChangePtr read_add_unique(TableReader& reader) {
  const auto before = reader.findings().size();
  auto wanted = read_common(reader, "UNIQUE");
  // From PostgreSQL 15 on.
  if (!reader.boolean("nulls_distinct").value_or(true)) wanted.nulls = " NULLS NOT DISTINCT";
  reader.refused("where", "a constraint has no `where`: write a create_index with unique = true");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<AddUnique>(reader.at(), "add_unique", std::move(wanted));
}

ChangePtr read_add_primary_key(TableReader& reader) {
  const auto before = reader.findings().size();
  auto wanted = read_common(reader, "PRIMARY KEY");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<AddUnique>(reader.at(), "add_primary_key", std::move(wanted));
}

}  // namespace pgphase
