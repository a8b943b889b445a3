#include "phases/retype/belongings.hpp"

#include <fmt/format.h>

#include "phases/steps/index_definition.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_column =
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 JOIN pg_type t ON t.oid = a.atttypid ";
constexpr const char* k_where = " WHERE n.nspname = $1 AND c.relname = $2";

// attstattarget: -1 up to 16 and NULL from 17 on where nobody has set it. A type of fixed length that is never toasted
// knows neither storage nor compression.
constexpr const char* k_settings = R"sql(
WITH it AS (
  SELECT c.oid, a.*, t.typstorage, format('%I.%I', n.nspname, c.relname) AS tbl,
         format('ALTER TABLE %I.%I ALTER COLUMN %I SET ', n.nspname, c.relname, a.attname) AS set_it,
         (SELECT o.attstorage FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = $4) AS other_storage,
         (SELECT ot.typstorage FROM pg_attribute o JOIN pg_type ot ON ot.oid = o.atttypid
           WHERE o.attrelid = c.oid AND o.attname = $4) AS other_usual
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 JOIN pg_type t ON t.oid = a.atttypid
   WHERE n.nspname = $1 AND c.relname = $2
)
SELECT line, place = 7 FROM (
  SELECT 1, format('COMMENT ON COLUMN %s.%I IS %L', tbl, attname, col_description(oid, attnum)) FROM it
   WHERE col_description(oid, attnum) IS NOT NULL
  UNION ALL SELECT 2, set_it || 'STATISTICS ' || attstattarget FROM it WHERE attstattarget >= 0
  UNION ALL
  SELECT 3, set_it || 'STORAGE ' || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                                      ELSE 'EXTENDED' END
    FROM it WHERE attstorage <> typstorage AND other_usual <> 'p'
  UNION ALL
  SELECT 4, set_it || 'COMPRESSION ' || CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END
    FROM it WHERE attcompression IN ('p', 'l') AND other_usual <> 'p'
  UNION ALL
  SELECT 5, set_it || '(' || array_to_string(attoptions, ', ') || ')' FROM it WHERE attoptions IS NOT NULL
  UNION ALL
  SELECT 6, format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, attname, tbl,
                   CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
                   CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM it, aclexplode(attacl) x
  UNION ALL
  SELECT 7, format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', k.conname, kn.nspname, kc.relname,
                   obj_description(k.oid, 'pg_constraint'))
    FROM it JOIN pg_constraint k ON k.conrelid = it.oid AND it.attnum = ANY (k.conkey)
                                 OR k.confrelid = it.oid AND it.attnum = ANY (k.confkey)
    JOIN pg_class kc ON kc.oid = k.conrelid JOIN pg_namespace kn ON kn.oid = kc.relnamespace
   WHERE k.contype <> 'n' AND obj_description(k.oid, 'pg_constraint') IS NOT NULL
) all_of_it(place, line) ORDER BY place, line)sql";

// Its bounds are told where they are not those of its type, which changes with the column's.
constexpr const char* k_sequences = R"sql(
SELECT sn.nspname, s.relname, format_type(q.seqtypid, NULL), d.deptype = 'i', a.attidentity = 'a',
       format('START WITH %s INCREMENT BY %s%s%s CACHE %s%s', q.seqstart, q.seqincrement,
              CASE WHEN q.seqmin <> CASE WHEN q.seqincrement > 0 THEN 1 ELSE l.lowest END
                   THEN ' MINVALUE ' || q.seqmin ELSE '' END,
              CASE WHEN q.seqmax <> CASE WHEN q.seqincrement > 0 THEN l.highest ELSE -1 END
                   THEN ' MAXVALUE ' || q.seqmax ELSE '' END,
              q.seqcache, CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END),
       obj_description(s.oid, 'pg_class'), s.relacl IS NOT NULL, s.oid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                  AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_sequence q ON q.seqrelid = s.oid
  JOIN (VALUES ('int2'::regtype::oid, -32768::bigint, 32767::bigint), ('int4'::regtype, -2147483648, 2147483647),
               ('int8'::regtype, -9223372036854775808, 9223372036854775807)) l(type, lowest, highest)
    ON l.type = q.seqtypid
 WHERE n.nspname = $1 AND c.relname = $2 ORDER BY 1, 2)sql";

constexpr const char* k_grants = R"sql(
SELECT format('GRANT %s ON SEQUENCE %s TO %s%s', x.privilege_type, $2::text,
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_class s, aclexplode(s.relacl) x WHERE s.oid = $1 ORDER BY 1)sql";
// Default privileges may have granted something that the one before it did not have.
constexpr const char* k_revokes = R"sql(
SELECT DISTINCT format('REVOKE ALL ON SEQUENCE %s FROM %s', $1::text,
                       CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END)
  FROM pg_class s, aclexplode(coalesce(s.relacl, acldefault('s', s.relowner))) x
 WHERE s.oid = $1::text::regclass AND ($2::boolean OR x.grantee <> s.relowner))sql";

std::string alter(const TableName& table, const std::string& column, const std::string& what) {
  return fmt::format("ALTER TABLE {} ALTER COLUMN {} {};", qualified(table), quote_ident(column), what);
}

std::string in_one(const std::vector<std::string>& statements) {
  std::string sql;
  for (const auto& one : statements) sql += one + ";";
  return sql;
}

TableName put_aside(const TableName& table, const std::string& column, const TableName& sequence) {
  return {sequence.schema, set_aside_name(table, column, sequence.name)};
}

Result<void> read_sequences(Session& session, const TableName& table, const std::string& column, Belongings& out) {
  PGPHASE_TRY(rows, session.query(k_sequences, {table.schema, table.name, column}));
  for (const auto& row : rows) {
    const TableName name{row.text(0), row.text(1)};
    if (!row.boolean(3)) {
      out.sequences.push_back({name, row.text(2)});
      continue;
    }
    IdentityOfColumn identity;
    identity.sequence = name;
    identity.clause = fmt::format("GENERATED {} AS IDENTITY (SEQUENCE NAME {} {})",
                                  row.boolean(4) ? "ALWAYS" : "BY DEFAULT", qualified(name), row.text(5));
    PGPHASE_TRY(grants, session.query(k_grants, {row.text(8), qualified(name)}));
    for (const auto& grant : grants) identity.afterwards.push_back(grant.text(0));
    if (!row.is_null(6)) {
      identity.afterwards.push_back(
          fmt::format("COMMENT ON SEQUENCE {} IS {}", qualified(name), quote_literal(row.text(6))));
    }
    identity.has_grants = row.boolean(7);
    out.identity = std::move(identity);
  }
  return {};
}

}  // namespace

Result<Belongings> read_belongings(Session& session, const TableName& table, const std::string& column,
                                   const std::string& other, const Hanging& hanging) {
  Belongings out;
  PGPHASE_TRY(own, session.query(std::string("SELECT pg_get_expr(d.adbin, d.adrelid)") + k_column +
                                     "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum" + k_where,
                                 {table.schema, table.name, column}));
  out.default_sql = own[0].text(0);
  PGPHASE_CHECK(read_sequences(session, table, column, out));
  PGPHASE_TRY(settings, session.query(k_settings, {table.schema, table.name, column, other}));
  for (const auto& row : settings) (row.boolean(1) ? out.on_names : out.settings).push_back(row.text(0));
  for (const auto& index : hanging.indexes) {
    const TableName name{table.schema, index.name};
    PGPHASE_TRY(definition, read_index_definition(session, name));
    out.on_names.push_back(fmt::format("COMMENT ON INDEX {} IS NULL", qualified(name)));
    out.on_names.insert(out.on_names.end(), definition.afterwards.begin(), definition.afterwards.end());
  }
  return out;
}

Result<void> take_off(Session& session, const TableName& table, const std::string& column, Belongings& belongings) {
  if (!belongings.default_sql.empty()) PGPHASE_CHECK(session.script(alter(table, column, "DROP DEFAULT")));
  if (!belongings.identity) return {};
  auto& identity = *belongings.identity;
  const auto aside = put_aside(table, column, identity.sequence);
  PGPHASE_CHECK(session.script(
      fmt::format("ALTER SEQUENCE {} RENAME TO {}", qualified(identity.sequence), quote_ident(aside.name))));
  PGPHASE_TRY(position, session.query("SELECT last_value, is_called FROM " + qualified(aside)));
  identity.last_value = position[0].text(0);
  identity.is_called = position[0].boolean(1) ? "true" : "false";
  PGPHASE_CHECK(session.script(alter(table, column, "DROP IDENTITY")));
  return {};
}

Result<void> put_on(Session& session, const TableName& table, const std::string& column, const Belongings& belongings) {
  std::string sql;
  for (const auto& sequence : belongings.sequences) {
    sql += fmt::format("ALTER SEQUENCE {} OWNED BY {}.{};", qualified(sequence.name), qualified(table),
                       quote_ident(column));
  }
  if (!belongings.default_sql.empty()) sql += alter(table, column, "SET DEFAULT " + belongings.default_sql);
  if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
  if (belongings.identity) {
    const auto& identity = *belongings.identity;
    const auto name = qualified(identity.sequence);
    PGPHASE_CHECK(session.script(alter(table, column, "ADD " + identity.clause)));
    // Of a smaller type it is used up where it has counted further.
    PGPHASE_CHECK(
        session.query("SELECT setval(seqrelid, greatest(least($2::bigint, seqmax), seqmin), $3::boolean) "
                      "FROM pg_sequence WHERE seqrelid = $1::text::regclass",
                      {name, identity.last_value, identity.is_called}));
    PGPHASE_TRY(revokes, session.query(k_revokes, {name, identity.has_grants ? "true" : "false"}));
    for (const auto& row : revokes) PGPHASE_CHECK(session.script(row.text(0)));
    if (!identity.afterwards.empty()) PGPHASE_CHECK(session.script(in_one(identity.afterwards)));
  }
  const auto rest = in_one(belongings.settings) + in_one(belongings.on_names);
  if (!rest.empty()) PGPHASE_CHECK(session.script(rest));
  return {};
}

Result<void> widen_sequences(Session& session, const TableName& table, const std::string& column,
                             const std::vector<OwnedSequence>& sequences) {
  for (const auto& sequence : sequences) {
    PGPHASE_TRY(smaller, session.query(std::string("SELECT format_type(a.atttypid, NULL)") + k_column +
                                           "JOIN pg_type s ON s.oid = $4::text::regtype" + k_where +
                                           " AND t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) "
                                           "AND t.typlen > s.typlen",
                                       {table.schema, table.name, column, sequence.type}));
    if (smaller.empty()) continue;
    PGPHASE_CHECK(session.script(fmt::format("ALTER SEQUENCE {} AS {}", qualified(sequence.name), smaller[0].text(0))));
  }
  return {};
}

Result<void> narrow_sequences(Session& session, const std::vector<OwnedSequence>& sequences) {
  for (const auto& sequence : sequences) {
    const auto name = qualified(sequence.name);
    PGPHASE_TRY(fits,
                session.query("SELECT FROM pg_sequence q, pg_type t, pg_class s WHERE q.seqrelid = s.oid "
                              "AND s.oid = $1::text::regclass AND t.oid = $2::text::regtype AND q.seqtypid <> t.oid "
                              "AND abs(coalesce(pg_sequence_last_value(s.oid), 0)::numeric) < "
                              "2::numeric ^ (t.typlen * 8 - 1)",
                              {name, sequence.type}));
    if (fits.empty()) continue;
    PGPHASE_CHECK(session.script(fmt::format("ALTER SEQUENCE {} AS {}", name, sequence.type)));
  }
  return {};
}

}  // namespace pgphase
