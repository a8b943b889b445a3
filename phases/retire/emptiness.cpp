#include "phases/retire/emptiness.hpp"

#include <fmt/format.h>

#include <regex>

#include "phases/retire/stored_rows.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// $1: the table's oid. Where row security applies to us, or the rows may not be read, nothing is certain.
constexpr const char* k_small_and_readable = R"sql(
    c.relkind = 'r'
AND pg_relation_size(c.oid) <= {} * current_setting('block_size')::bigint
AND current_setting('transaction_isolation') = 'read committed'
AND NOT row_security_active(c.oid) AND has_table_privilege(c.oid, 'SELECT')
)sql";

// Grants are compared with what the default privileges give to a new table of this owner in this schema.
constexpr const char* k_bare_table = R"sql(
    NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND NOT EXISTS
                  (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid
                   AND k.contype IN ('p', 'u', 'x')))
AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
AND NOT EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = c.oid)
AND NOT EXISTS (SELECT FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid = c.oid)
AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL)
AND NOT c.relrowsecurity AND NOT c.relforcerowsecurity AND c.relreplident = 'd'
AND (c.relacl IS NULL OR NOT EXISTS (
      WITH has AS (SELECT a.* FROM aclexplode(c.relacl) a),
           gets AS (SELECT a.* FROM (
             SELECT coalesce((SELECT defaclacl FROM pg_default_acl WHERE defaclrole = c.relowner
                                 AND defaclnamespace = 0 AND defaclobjtype = 'r'), acldefault('r', c.relowner)) AS acl
              UNION ALL SELECT defaclacl FROM pg_default_acl WHERE defaclrole = c.relowner
                                 AND defaclnamespace = c.relnamespace AND defaclobjtype = 'r') d, aclexplode(d.acl) a)
      (TABLE has EXCEPT TABLE gets) UNION ALL (TABLE gets EXCEPT TABLE has)))
)sql";

// On the column: its own default, its own sequence and (from 18) its NOT NULL come back with it. Anything else would
// not.
constexpr const char* k_bare_column = R"sql(
    a.attacl IS NULL
AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = a.attrelid)
AND NOT EXISTS (SELECT FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attnum > a.attnum
                AND NOT b.attisdropped)
AND NOT EXISTS (SELECT FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid = a.attrelid
                AND objsubid = a.attnum)
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                AND d.refobjsubid = a.attnum
                AND NOT EXISTS (SELECT FROM pg_attrdef f WHERE d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
                                AND f.adrelid = a.attrelid AND f.adnum = a.attnum)
                AND NOT EXISTS (SELECT FROM pg_class s WHERE d.classid = 'pg_class'::regclass AND s.oid = d.objid
                                AND s.relkind = 'S')
                AND NOT EXISTS (SELECT FROM pg_constraint n WHERE d.classid = 'pg_constraint'::regclass
                                AND n.oid = d.objid AND n.contype = 'n'))
)sql";

// " AND (SELECT … FROM sequence)" for each sequence of the table, or of one of its columns: none was ever used.
Result<std::string> sequences_untouched(Session& session, const std::string& oid, const std::string& column) {
  PGPHASE_TRY(sequences,
              session.query(
                  "SELECT n.nspname, c.relname, s.seqstart FROM pg_depend d JOIN pg_class c ON c.oid = d.objid "
                  "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid "
                  "JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid "
                  "WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 "
                  "AND d.deptype IN ('a', 'i') AND ($2 = '' OR a.attname = $2)",
                  {oid, column}));
  std::string sql;
  for (const auto& row : sequences) {
    sql += fmt::format(" AND (SELECT NOT is_called AND last_value = {} FROM {})", row.integer(2),
                       qualified({row.text(0), row.text(1)}));
  }
  return sql;
}

// A constant as people and pg_get_expr write it: 3, -1.5, 'open', '{}'::jsonb, 'x'::character varying(20). Not now().
bool is_plain_literal(const std::string& sql) {
  static const std::regex k_literal(R"re(\s*(?:'(?:[^'\\]|'')*'|-?\d+(?:\.\d+)?|true|false|null))re"
                                    R"re((?:::[a-z_"][a-z0-9_ ."\[\]]*(?:\(\d+(?:, ?\d+)?\))?)?\s*)re",
                                    std::regex::icase);
  return sql.size() <= 1000 && std::regex_match(sql, k_literal);
}

}  // namespace

Result<bool> table_certainly_empty(Session& session, const TableName& table, const std::string& oid) {
  PGPHASE_TRY(bare, session.query("SELECT " + fmt::format(k_small_and_readable, k_few_pages) + " AND " + k_bare_table +
                                      " FROM pg_class c WHERE c.oid = $1",
                                  {oid}));
  if (bare.empty() || !bare[0].boolean(0)) return false;
  PGPHASE_TRY(untouched, sequences_untouched(session, oid, ""));
  PGPHASE_TRY(empty,
              session.query(fmt::format("SELECT NOT EXISTS (SELECT FROM ONLY {}){}", qualified(table), untouched)));
  return empty[0].boolean(0);
}

Result<bool> column_certainly_empty(Session& session, const AddColumnBody& body, const std::string& oid) {
  // A domain may bring a default of its own; a computed value is dearer to make again than to keep.
  PGPHASE_TRY(facts,
              session.query(
                  "SELECT " + fmt::format(k_small_and_readable, k_few_pages) + " AND " + k_bare_column +
                      " AND NOT EXISTS (" + stored_rows_question() + ")" +
                      " AND a.attgenerated = '' AND t.typtype <> 'd', "
                      "format_type(a.atttypid, a.atttypmod), a.attidentity <> '', pg_get_expr(f.adbin, f.adrelid), "
                      "t.typcategory = 'D' "
                      "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid "
                      "LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum "
                      "WHERE c.oid = $1 AND a.attname = $2",
                  {oid, body.column}));
  if (facts.empty() || !facts[0].boolean(0)) return false;
  const auto type = facts[0].text(1);
  const bool identity = facts[0].boolean(2);
  const auto default_now = facts[0].maybe(3);
  const bool date_or_time = facts[0].boolean(4);

  const auto table = qualified(body.table);
  PGPHASE_TRY(untouched, sequences_untouched(session, oid, body.column));
  PGPHASE_TRY(no_rows, session.query(fmt::format("SELECT NOT EXISTS (SELECT FROM ONLY {}){}", table, untouched)));
  if (no_rows[0].boolean(0)) return true;

  // Adding the column again fills every row with the plan's default: it must be a constant, still be the column's
  // default, and be in every row. A NULL that somebody wrote over it is a value too. Compared as bytes, because `=` is
  // blind to case in citext and to scale in numeric, and json has none.
  std::string expected = fmt::format("NULL::{}", type);
  if (identity) return false;
  if (default_now || !body.default_sql.empty()) {
    if (date_or_time) return false;  // 'today' reads like a constant
    if (!default_now || !is_plain_literal(*default_now) || !is_plain_literal(body.default_sql)) return false;
    expected = fmt::format("({})::{}", body.default_sql, type);
    PGPHASE_TRY(same, session.query(
                          fmt::format("SELECT record_image_eq(ROW({}), ROW(({})::{}))", expected, *default_now, type)));
    if (!same[0].boolean(0)) return false;
  }
  PGPHASE_TRY(only_that, session.query(fmt::format(
                             "SELECT NOT EXISTS (SELECT FROM ONLY {} WHERE NOT record_image_eq(ROW({}), ROW({})))",
                             table, quote_ident(body.column), expected)));
  return only_that[0].boolean(0);
}

}  // namespace pgphase
