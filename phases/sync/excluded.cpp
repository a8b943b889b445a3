#include "phases/sync/excluded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "phases/postgres/volatility.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

struct Source {
  std::string value;  // SQL: its default, or NULL, of its type
  bool another_each_time = false;
};

constexpr const char* k_source = R"sql(
SELECT format_type(a.atttypid, a.atttypmod),
       coalesce(CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, t.typdefault),
       a.attidentity <> '' OR a.attgenerated <> ''
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3
)sql";

Result<std::optional<Source>> read_source(Session& session, const TableName& table, const std::string& column) {
  PGPHASE_TRY(rows, session.query(k_source, {table.schema, table.name, column}));
  if (rows.empty()) return std::optional<Source>();
  const auto& row = rows[0];
  Source source;
  source.value = fmt::format("({})::{}", row.is_null(1) ? "NULL" : row.text(1), row.text(0));
  source.another_each_time = row.boolean(2);
  if (!row.is_null(1)) {
    PGPHASE_TRY(changes, any_volatile(session, "", {row.text(1)}));
    source.another_each_time = source.another_each_time || changes;
  }
  return std::optional(std::move(source));
}

// PostgreSQL's own refusal of an expression is for the step to tell.
template <class T>
bool passed_over(const Result<T>& result) {
  return !result && result.error().code == Errc::sql;
}

Result<std::optional<ExcludedValue>> value_of(Session& session, const TableName& table, const LinkedColumn& target,
                                              const std::map<std::string, Source>& sources) {
  const std::optional<ExcludedValue> null;
  const auto parsed = parse_expression(target.expression);
  std::string row;
  for (const auto& [name, source] : sources) {
    const bool reads =
        parsed && std::find(parsed->columns.begin(), parsed->columns.end(), name) != parsed->columns.end();
    if (reads && source.another_each_time) return std::optional(ExcludedValue{target.name, ""});
    const auto value = source.another_each_time ? "NULL" : source.value;
    row += fmt::format("{}{} AS {}", row.empty() ? "" : ", ", value, quote_ident(name));
  }
  const auto from = fmt::format("(SELECT {}) AS {}", row, quote_ident(table.name));
  const auto changes = any_volatile(session, from, {target.expression});
  if (passed_over(changes)) return null;
  if (!changes) return changes.error();
  if (*changes) return std::optional(ExcludedValue{target.name, ""});
  const auto found = session.query(fmt::format("SELECT left((({}\n))::text, 40) FROM {}", target.expression, from));
  if (passed_over(found)) return null;
  if (!found) return found.error();
  if (found->empty() || (*found)[0].is_null(0)) return null;
  return std::optional(ExcludedValue{target.name, quote_literal((*found)[0].text(0))});
}

}  // namespace

Result<std::vector<ExcludedValue>> excluded_values(Session& session, const LinkColumnsBody& body) {
  std::vector<ExcludedValue> values;
  std::map<std::string, Source> sources;
  for (const auto& one : body.sources) {
    PGPHASE_TRY(source, read_source(session, body.table, one.name));
    if (!source) return values;
    sources.emplace(one.name, std::move(*source));
  }
  for (const auto& target : body.targets) {
    if (!target.like.empty() || !target.called.empty() || sources.empty()) continue;
    PGPHASE_TRY(value, value_of(session, body.table, target, sources));
    if (value) values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace pgphase
