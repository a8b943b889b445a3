#include "phases/sync/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/postgres/volatility.hpp"
#include "phases/sync/sources.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// A domain is what it is made from, and of an array, a range or a multirange what is in it decides: their own functions
// are STABLE because those of some element may be. So are those of an enum, because its labels can be renamed. Without
// a cast an assignment writes text, and makes nothing else.
constexpr const char* k_conversion = R"sql(
WITH RECURSIVE side AS (
  SELECT 1 AS side, to_regtype(regexp_replace($1, '\s+COLLATE\s.*$', '', 'i'))::oid AS type
  UNION ALL SELECT 2, to_regtype(regexp_replace($2, '\s+COLLATE\s.*$', '', 'i'))::oid
  UNION ALL
  SELECT s.side, CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typtype = 'r' THEN r.rngsubtype ELSE t.typelem END
    FROM side s JOIN pg_type t ON t.oid = s.type LEFT JOIN pg_range r ON r.rngtypid = t.oid
   WHERE t.typtype IN ('d', 'r') OR t.typcategory = 'A' AND t.typelem <> 0),
plain AS (
  SELECT s.side, t.* FROM side s JOIN (SELECT t.oid AS type, t.typtype, t.typoutput, t.typinput FROM pg_type t
                                        WHERE t.typtype NOT IN ('d', 'r') AND t.typcategory <> 'A') t USING (type)),
cast_of AS (
  SELECT c.castmethod, p.provolatile FROM plain a JOIN plain b ON a.side = 1 AND b.side = 2
    JOIN pg_cast c ON c.castsource = a.type AND c.casttarget = b.type LEFT JOIN pg_proc p ON p.oid = c.castfunc)
SELECT CASE WHEN a.type = b.type THEN false
            WHEN EXISTS (SELECT FROM cast_of WHERE castmethod = 'b') THEN false
            WHEN EXISTS (SELECT FROM cast_of WHERE castmethod = 'f')
              THEN EXISTS (SELECT FROM cast_of WHERE provolatile <> 'i')
            ELSE a.typtype <> 'e' AND (SELECT provolatile <> 'i' FROM pg_proc WHERE oid = a.typoutput)
                 OR EXISTS (SELECT FROM cast_of) AND b.typtype <> 'e' AND (SELECT provolatile <> 'i' FROM pg_proc WHERE oid = b.typinput) END
  FROM plain a, plain b WHERE a.side = 1 AND b.side = 2
)sql";

std::string trimmed(std::string text) {
  const auto space = [](unsigned char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; };
  while (!text.empty() && space(static_cast<unsigned char>(text.back()))) text.pop_back();
  const auto first = std::find_if_not(text.begin(), text.end(), space);
  return std::string(first, text.end());
}

const std::string& called(const LinkedColumn& column) {
  return column.called.empty() ? column.name : column.called;
}

// A value that is not NULL: of that every strict function makes NULL, whatever it depends on. Of a domain's base type,
// because PostgreSQL does not simplify what is converted to a domain.
constexpr const char* k_constant = R"sql(
SELECT CASE t.typcategory WHEN 'N' THEN '1' WHEN 'S' THEN '1' WHEN 'B' THEN 'true' WHEN 'T' THEN '1 day'
         WHEN 'D' THEN CASE WHEN t.oid IN ('time'::regtype, 'timetz'::regtype) THEN '12:00' ELSE '2000-01-01' END
         ELSE CASE WHEN t.oid = 'bytea'::regtype THEN '\x31' WHEN t.oid = 'jsonb'::regtype THEN '{}' END END,
       format_type(t.oid, NULL)
  FROM pg_type t
 WHERE t.typtype <> 'd'
   AND t.oid IN (WITH RECURSIVE chain(type) AS (
                   SELECT to_regtype(regexp_replace($1, '\s+COLLATE\s.*$', '', 'i'))::oid
                   UNION ALL
                   SELECT d.typbasetype FROM chain c JOIN pg_type d ON d.oid = c.type WHERE d.typtype = 'd')
                 SELECT type FROM chain)
)sql";

// PostgreSQL's own refusal of an expression is for the step to tell.
template <class T>
bool passed_over(const Result<T>& result) {
  return !result && result.error().code == Errc::sql;
}

Result<bool> stays_a_question(Session& session, const std::string& expression, const std::string& from) {
  const auto changes = any_volatile(session, from, {expression});
  if (passed_over(changes)) return false;
  if (!changes) return changes.error();
  if (*changes) return false;  // told elsewhere
  const auto plan =
      session.query(fmt::format("EXPLAIN (COSTS OFF) SELECT FROM {} WHERE ({}\n) IS NULL", from, expression));
  if (passed_over(plan)) return false;
  if (!plan) return plan.error();
  bool computed = false;
  for (const auto& line : *plan) {
    const auto text = line.text(0);
    if (text.find("Plan") != std::string::npos) return false;  // it reads a table
    computed = computed || (text.find("Filter: ") != std::string::npos && !text.ends_with("Filter: false"));
  }
  return computed;
}

Result<std::string> constants(Session& session, const LinkColumnsBody& body,
                              const std::vector<std::pair<std::string, std::string>>& columns) {
  std::string row;
  for (const auto& [name, type] : columns) {
    PGPHASE_TRY(found, session.query(k_constant, {type}));
    if (found.empty()) continue;
    const auto value = found[0].is_null(0) ? std::string("NULL") : quote_literal(found[0].text(0));
    row += fmt::format("{}{}::{} AS {}", row.empty() ? "" : ", ", value, found[0].text(1), quote_ident(name));
  }
  return fmt::format("(SELECT {}) AS {}", row, quote_ident(body.table.name));
}

}  // namespace

Result<bool> conversion_depends_on_settings(Session& session, const std::string& from, const std::string& to) {
  PGPHASE_TRY(found, session.query(k_conversion, {from, to}));
  return !found.empty() && found[0].boolean(0);
}

const LinkedColumn* bare_column(const std::string& expression, const std::vector<LinkedColumn>& of) {
  const auto text = trimmed(expression);
  for (const auto& column : of) {
    if (text == called(column) || text == quote_ident(called(column))) return &column;
  }
  return nullptr;
}

Result<std::vector<std::string>> computed_by_settings(Session& session, const LinkColumnsBody& body,
                                                      const std::string& oid) {
  std::vector<std::string> columns;
  std::vector<std::pair<std::string, std::string>> old_ones, new_ones;
  for (const auto& source : body.sources) {
    PGPHASE_TRY(known, known_column(session, oid, source.name));
    if (!known) return columns;
    old_ones.emplace_back(source.name, known->type);
  }
  for (const auto& target : body.targets) {
    if (target.type.empty()) return columns;  // the same column under another name
    new_ones.emplace_back(called(target), target.type);
  }
  const auto look = [&](const std::vector<LinkedColumn>& side, const std::vector<LinkedColumn>& other,
                        const std::string& from) -> Result<void> {
    for (const auto& column : side) {
      if (column.expression.empty() || bare_column(column.expression, other)) continue;
      PGPHASE_TRY(by_settings, stays_a_question(session, column.expression, from));
      if (by_settings) columns.push_back(called(column));
    }
    return {};
  };
  PGPHASE_TRY(old_row, constants(session, body, old_ones));
  PGPHASE_CHECK(look(body.targets, body.sources, old_row));
  PGPHASE_TRY(new_row, constants(session, body, new_ones));
  PGPHASE_CHECK(look(body.sources, body.targets, new_row));
  return columns;
}

}  // namespace pgphase
