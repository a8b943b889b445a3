#include "phases/sync/rights.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Roles that log in and may write, by membership and PUBLIC too; and those that log in to become another one, who have
// none of its rights before (SET ROLE).
constexpr const char* k_writers = R"sql(
WITH writer AS (
  SELECT r.oid, r.rolname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r
   WHERE n.nspname = $1 AND c.relname = $2 AND NOT r.rolsuper AND r.rolname !~ '^pg_'
     AND has_database_privilege(r.oid, current_database(), 'CONNECT')
     AND EXISTS (SELECT FROM (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) t(oid)
                  WHERE has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE')
                     OR has_any_column_privilege(r.oid, t.oid, 'INSERT, UPDATE'))
     AND (r.rolcanlogin
          OR EXISTS (SELECT FROM pg_roles m WHERE m.rolcanlogin AND NOT m.rolsuper
                     AND pg_has_role(m.oid, r.oid, 'MEMBER') AND NOT pg_has_role(m.oid, r.oid, 'USAGE')))
)
)sql";

// Unqualified names are looked for where the function does.
constexpr const char* k_functions = R"sql(
, candidate AS (
  SELECT p.oid, n.oid AS schema, n.nspname,
         format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS signature
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE p.proname = $4 AND (n.nspname = $3 OR $3 = '' AND n.nspname IN ('pg_catalog', 'public'))
)
SELECT w.rolname, f.signature, f.nspname, has_schema_privilege(w.oid, f.schema, 'USAGE'),
       has_function_privilege(w.oid, f.oid, 'EXECUTE')
  FROM writer w, LATERAL (SELECT * FROM candidate ORDER BY signature LIMIT 1) f
 WHERE NOT EXISTS (SELECT FROM candidate k WHERE has_schema_privilege(w.oid, k.schema, 'USAGE')
                                             AND has_function_privilege(w.oid, k.oid, 'EXECUTE'))
 ORDER BY 1
)sql";

constexpr const char* k_tables = R"sql(
SELECT w.rolname, n.nspname, has_schema_privilege(w.oid, n.oid, 'USAGE'),
       has_any_column_privilege(w.oid, c.oid, 'SELECT')
  FROM writer w, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $3 AND c.relname = $4
   AND NOT (has_schema_privilege(w.oid, n.oid, 'USAGE') AND has_any_column_privilege(w.oid, c.oid, 'SELECT'))
 ORDER BY 1
)sql";

constexpr const char* k_types = R"sql(
SELECT w.rolname, n.nspname FROM writer w, pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.oid = to_regtype($3) AND NOT has_schema_privilege(w.oid, n.oid, 'USAGE') ORDER BY 1
)sql";

class Lacking {
 public:
  Lacking(Session& session, const TableName& table) : session_(session), table_(table) {}
  std::vector<std::string> take() { return std::move(sentences_); }

  Result<void> function(const std::string& called) {
    const auto dot = called.find('.');
    const auto schema = dot == std::string::npos ? std::string() : called.substr(0, dot);
    PGPHASE_TRY(rows, ask(k_functions, schema, dot == std::string::npos ? called : called.substr(dot + 1)));
    for (const auto& row : rows) {
      if (!row.boolean(3)) schema_of(row.text(0), row.text(2), "function " + row.text(1));
      if (row.boolean(4)) continue;
      add(row.text(0), "execute function " + row.text(1), "EXECUTE ON FUNCTION " + row.text(1));
    }
    return {};
  }

  Result<void> reads(const TableName& table) {
    if (table == table_) return {};
    PGPHASE_TRY(rows, ask(k_tables, table.schema, table.name));
    for (const auto& row : rows) {
      if (!row.boolean(2)) schema_of(row.text(0), row.text(1), "table " + display_name(table));
      if (row.boolean(3)) continue;
      add(row.text(0), "read " + display_name(table), "SELECT ON " + qualified(table));
    }
    return {};
  }

  Result<void> type(const std::string& sql) {
    // to_regtype() knows no collation, and says so by an error.
    const auto bare = sql.substr(0, sql.find(" COLLATE "));
    PGPHASE_TRY(rows, session_.query(std::string(k_writers) + k_types, {table_.schema, table_.name, bare}));
    for (const auto& row : rows) schema_of(row.text(0), row.text(1), "type " + sql);
    return {};
  }

 private:
  Result<Rows> ask(const char* question, const std::string& schema, const std::string& name) {
    return session_.query(std::string(k_writers) + question, {table_.schema, table_.name, schema, name});
  }
  void schema_of(const std::string& role, const std::string& schema, const std::string& what) {
    add(role, fmt::format("use schema {}, where {} is", schema, what), "USAGE ON SCHEMA " + quote_ident(schema));
  }
  void add(const std::string& role, const std::string& what, const std::string& grant) {
    if (!said_.insert({role, grant}).second) return;
    sentences_.push_back(
        fmt::format("role {0} may write {1} and may not {2}: every write of that role would fail, because `fill` and "
                    "`down` are computed with the rights of the writer; `GRANT {3} TO {4}` lets it",
                    role, display_name(table_), what, grant, quote_ident(role)));
  }

  Session& session_;
  const TableName& table_;
  std::set<std::pair<std::string, std::string>> said_;
  std::vector<std::string> sentences_;
};

}  // namespace

Result<std::vector<std::string>> rights_that_writers_lack(Session& session, const LinkColumnsBody& body) {
  Lacking lacking(session, body.table);
  for (const auto* side : {&body.targets, &body.sources}) {
    for (const auto& column : *side) {
      if (column.expression.empty()) continue;
      const auto parsed = parse_expression(column.expression);
      if (!parsed) continue;
      for (const auto& function : parsed->functions) PGPHASE_CHECK(lacking.function(function));
      for (const auto& table : parsed->tables) PGPHASE_CHECK(lacking.reads(table));
      if (!column.type.empty()) PGPHASE_CHECK(lacking.type(column.type));
    }
  }
  return lacking.take();
}

}  // namespace pgphase
