#include "phases/retype/obstacles.hpp"

#include <fmt/format.h>

#include <map>

#include "phases/retire/naming_triggers.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/counting.hpp"
#include "phases/retype/hanging.hpp"
#include "phases/retype/routines.hpp"
#include "phases/sync/other_plans.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Each question is a SELECT of (kind, who). $1: the table's oid, $2: the column, $3: the new type's oid or NULL,
// $4: whether assignments convert both ways, $5: whether the plan gives a default, $6: whether the new type has
// modifiers, $7: whether an assignment fills.
//
// `exact`: what is different on the new column is different on the old one, or NULL there, so that no unique index of
// the old one refuses a row that the new one has taken.
constexpr const char* k_common = R"sql(
WITH it AS (
  SELECT c.oid, c.relkind, c.reloftype, a.attnum, a.attname, a.atttypid, a.attcollation, a.attgenerated, t.typtype,
         n.oid AS new_type, n.typtype AS new_kind, n.typcategory AS new_category,
         $4::boolean AND coalesce(co.collisdeterministic, true) AND NOT $6::boolean
         AND (a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                AND n.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
              OR a.atttypid IN ('text'::regtype, 'varchar'::regtype)
                AND n.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype,
                              'varchar'::regtype)) AS exact,
         a.atttypid IN ('text'::regtype, 'varchar'::regtype)
           AND n.oid IN ('text'::regtype, 'varchar'::regtype) AS both_text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2 JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_collation co ON co.oid = a.attcollation
    LEFT JOIN pg_type n ON n.oid = $3::oid
   WHERE c.oid = $1::oid
), index_of AS (
  SELECT i.*, x.relname, it.exact, it.both_text, it.attnum, x.relam, k.oid AS constraint_oid, k.condeferrable,
         it.attnum = ANY (ARRAY(SELECT i.indkey[g] FROM generate_series(0, i.indnkeyatts - 1) g)) AS in_key,
         position(quote_ident(it.attname) IN coalesce(pg_get_expr(i.indexprs, i.indrelid), '') || ' '
                                             || coalesce(pg_get_expr(i.indpred, i.indrelid), '')) > 0 AS computes
    FROM it JOIN pg_index i ON i.indrelid = it.oid JOIN pg_class x ON x.oid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.conrelid = it.oid AND k.contype IN ('p', 'u')
   WHERE x.relname !~ '^_pgphase_'
     AND (it.attnum = ANY (i.indkey)
          OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid
                     AND d.refclassid = 'pg_class'::regclass AND d.refobjid = it.oid AND d.refobjsubid = it.attnum))
), key_of AS (
  SELECT k.*, it.attnum = ANY (k.conkey) AND k.conrelid = it.oid AS from_it,
         it.attnum = ANY (k.confkey) AND k.confrelid = it.oid AS to_it
    FROM it JOIN pg_constraint k ON k.contype = 'f'
         AND (k.conrelid = it.oid AND it.attnum = ANY (k.conkey)
              OR k.confrelid = it.oid
                 AND (it.attnum = ANY (k.confkey) OR k.conindid IN (SELECT indexrelid FROM index_of)))
   WHERE k.conname !~ '^_pgphase_'
)
)sql";

constexpr const char* k_of_the_column = R"sql(
SELECT 'partitioned' AS kind, NULL AS who FROM it WHERE relkind = 'p'
UNION ALL SELECT 'typed', NULL FROM it WHERE reloftype <> 0
UNION ALL SELECT 'generated', NULL FROM it WHERE attgenerated <> ''
UNION ALL SELECT 'domain', format_type(atttypid, NULL) FROM it WHERE typtype = 'd'
UNION ALL SELECT 'domain', format_type(new_type, NULL) FROM it WHERE new_kind = 'd'
UNION ALL
SELECT 'statistics', pg_describe_object(d.classid, d.objid, 0) FROM it JOIN pg_depend d
    ON d.refclassid = 'pg_class'::regclass AND d.refobjid = it.oid AND d.refobjsubid = it.attnum
 WHERE d.classid = 'pg_statistic_ext'::regclass
UNION ALL
SELECT 'trigger_argument', pg_describe_object('pg_trigger'::regclass, t.oid, 0)
  FROM it JOIN pg_type o ON o.oid = it.atttypid JOIN pg_trigger t ON t.tgrelid = it.oid
  JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
 WHERE NOT t.tgisinternal AND t.tgname !~ '^[!~_]pgphase_' AND t.tgnargs > 0 AND l.lanname IN ('c', 'internal')
   AND o.typcategory <> it.new_category AND {is_in_arguments}
UNION ALL
SELECT 'label', l.provider FROM it JOIN pg_seclabel l
    ON l.classoid = 'pg_class'::regclass AND l.objoid = it.oid AND l.objsubid = it.attnum
UNION ALL
SELECT CASE WHEN $4::boolean THEN 'default' ELSE 'default_converted' END, pg_get_expr(f.adbin, f.adrelid)
  FROM it JOIN pg_attrdef f ON f.adrelid = it.oid AND f.adnum = it.attnum
 WHERE NOT $5::boolean AND it.attgenerated = ''
   AND (NOT $4::boolean
        OR NOT (it.atttypid = it.new_type OR it.new_category = 'S'
                OR EXISTS (SELECT FROM pg_cast s WHERE s.castsource = it.atttypid AND s.casttarget = it.new_type
                           AND s.castcontext IN ('a', 'i'))))
UNION ALL
SELECT 'no_cast', format_type(it.atttypid, NULL) FROM it
 WHERE $7::boolean AND NOT (it.atttypid = it.new_type OR it.new_category = 'S'
                            OR EXISTS (SELECT FROM pg_cast s WHERE s.castsource = it.atttypid
                                       AND s.casttarget = it.new_type AND s.castcontext IN ('a', 'i')))
UNION ALL
SELECT 'identity', NULL FROM it JOIN pg_attribute a ON a.attrelid = it.oid AND a.attnum = it.attnum
 WHERE a.attidentity <> '' AND NOT (it.exact AND it.new_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
)sql";

constexpr const char* k_of_indexes = R"sql(
UNION ALL SELECT 'exclusion', relname FROM index_of WHERE indisexclusion
UNION ALL SELECT 'invalid', relname FROM index_of WHERE NOT indisvalid
UNION ALL SELECT 'replica_identity', relname FROM index_of WHERE indisreplident
UNION ALL SELECT 'deferrable', relname FROM index_of WHERE condeferrable
UNION ALL
SELECT 'unique', relname FROM index_of WHERE indisunique AND (in_key OR computes) AND NOT exact AND NOT indisexclusion
UNION ALL
SELECT 'constraint_used', pg_describe_object(d.classid, d.objid, 0)
  FROM index_of x JOIN pg_depend d ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = x.constraint_oid
 WHERE d.deptype = 'n'
UNION ALL
SELECT 'unique_computes', relname FROM index_of WHERE indisunique AND exact AND computes AND NOT both_text
UNION ALL SELECT 'computes', relname FROM index_of WHERE computes AND NOT $4::boolean
UNION ALL
SELECT 'operator_class', x.relname FROM index_of x, it, unnest(x.indkey) WITH ORDINALITY u(attnum, place), pg_opclass o
 WHERE u.attnum = it.attnum AND u.place <= x.indnkeyatts AND o.oid = x.indclass[(u.place - 1)::integer]
   AND CASE WHEN o.opcdefault
            THEN NOT (it.new_category IN ('A', 'E', 'R') OR it.new_type = 'varchar'::regtype
                      OR EXISTS (SELECT FROM pg_opclass p WHERE p.opcmethod = x.relam AND p.opcdefault
                                 AND p.opcintype = it.new_type))
            ELSE NOT (o.opcintype = it.new_type OR o.opcintype = 'text'::regtype AND it.both_text) END
)sql";
constexpr const char* k_nulls_not_distinct =  // since 15
    "UNION ALL SELECT 'nulls_not_distinct', relname FROM index_of WHERE indisunique AND indnullsnotdistinct\n";

constexpr const char* k_of_constraints = R"sql(
UNION ALL
SELECT 'check', k.conname FROM it JOIN pg_constraint k ON k.conrelid = it.oid AND k.contype = 'c'
 WHERE it.attnum = ANY (k.conkey) AND k.conname !~ '^_pgphase_' AND NOT $4::boolean
UNION ALL
SELECT 'key', format('%I of %s', conname, conrelid::regclass) FROM key_of WHERE (from_it OR to_it) AND NOT $4::boolean
UNION ALL SELECT 'key_to_itself', conname FROM key_of WHERE from_it AND to_it
UNION ALL
SELECT 'key_partitioned', format('%I of %s', k.conname, k.conrelid::regclass)
  FROM key_of k JOIN pg_class c ON c.oid = k.conrelid OR c.oid = k.confrelid WHERE c.relkind = 'p'
UNION ALL
SELECT 'key_type', format('%I of %s', k.conname, k.conrelid::regclass)
  FROM key_of k, it, unnest(CASE WHEN k.from_it THEN k.conkey ELSE k.confkey END,
                            CASE WHEN k.from_it THEN k.confkey ELSE k.conkey END) AS u(mine, other), pg_attribute o
 WHERE $4::boolean AND u.mine = it.attnum AND o.attrelid = CASE WHEN k.from_it THEN k.confrelid ELSE k.conrelid END
   AND o.attnum = u.other
   AND NOT (o.atttypid = it.new_type
            OR o.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
               AND it.new_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
            OR o.atttypid IN ('text'::regtype, 'varchar'::regtype)
               AND it.new_type IN ('text'::regtype, 'varchar'::regtype))
)sql";
constexpr const char* k_since_18 = R"sql(
UNION ALL SELECT 'key_period', format('%I of %s', conname, conrelid::regclass) FROM key_of WHERE conperiod
UNION ALL
SELECT 'not_enforced', k.conname FROM it JOIN pg_constraint k ON k.conrelid = it.oid AND it.attnum = ANY (k.conkey)
    OR k.confrelid = it.oid AND it.attnum = ANY (k.confkey) WHERE NOT k.conenforced
)sql";

// In front of "…", the column; `who` is named in most.
std::string sentence(const std::string& what, const RetypeBody& body, const std::string& kind, const std::string& who) {
  static const std::map<std::string, std::string> k_words{
      {"partitioned",
       "{what} belongs to a partitioned table, whose unique indexes cannot be built while everybody works"},
      {"typed", "{what} belongs to a typed table, which takes no further columns"},
      {"generated", "{what} is generated"},
      {"domain", "{what}: {who} is a domain, and its conditions could refuse what the column has to hold meanwhile"},
      {"statistics", "{who} uses {what}: drop it first, and create it again in the end"},
      {"trigger_argument",
       "{who} is given the name of {what} as an argument, and its function, which cannot be read, may take no {type}: "
       "drop the trigger first, and create the new one in the end"},
      {"label", "{what} has a security label of {who}"},
      {"default",
       "the default of {what}, {who}, is nothing that an assignment makes a {type} of: say in `default` what "
       "the new one is"},
      {"default_converted", "the default of {what}, {who}, has the old meaning: say in `default` what the new one is"},
      {"no_cast", "{what}: PostgreSQL makes no {type} of a {who} in an assignment: say in `fill` how"},
      {"identity", "{what} is an identity column, and only integer types can be one"},
      {"exclusion", "exclusion constraint {who} uses {what}, and PostgreSQL has no online form of it"},
      {"invalid", "index {who} of {what} is INVALID: drop it, or build it again"},
      {"replica_identity", "{what} is part of the replica identity {who}"},
      {"deferrable", "constraint {who} of {what} is deferrable, and its twin would not wait until COMMIT"},
      {"unique",
       "index {who} lets {what} have each value once, and values of {type} that differ may be the same in "
       "the old column: the statement that writes the second one would fail"},
      {"constraint_used", "{who} relies on a constraint of {what}, which goes for a moment"},
      {"unique_computes",
       "unique index {who} computes with {what}, and what it makes of the old column's values may "
       "fail, or be the same twice"},
      {"computes",
       "index {who} computes with {what}, whose values mean something else when `fill` has made them: drop "
       "it first, and create the new one in the end"},
      {"operator_class", "index {who} of {what} has an operator class that {type} does not have"},
      {"nulls_not_distinct", "index {who} lets only one row be without a value for {what} (NULLS NOT DISTINCT)"},
      {"check",
       "check {who} reads {what}, whose values mean something else when `fill` has made them: drop it first, "
       "and add the new one in the end"},
      {"key", "foreign key {who} uses {what}, whose values are other ones when `fill` has made them"},
      {"key_to_itself", "foreign key {who} leads from {what} to the same column"},
      {"key_partitioned",
       "foreign key {who} uses {what}, and on a partitioned table it could not come back without a "
       "long lock"},
      {"key_type",
       "foreign key {who} uses {what}, and has a column on its other side that is not compared with {type}"},
      {"key_period",
       "foreign key {who} uses {what} and holds for a PERIOD, and PostgreSQL compares only columns of the same type "
       "there"},
      {"not_enforced", "constraint {who} of {what} is not enforced"}};
  const auto found = k_words.find(kind);
  const auto& words = found == k_words.end() ? k_words.at("generated") : found->second;
  return fmt::format(fmt::runtime(words), fmt::arg("what", what), fmt::arg("who", who), fmt::arg("type", body.type));
}

// An expression of the old column's may mean nothing for the new type: PostgreSQL says so now, and not under the lock.
Result<void> compile(Session& session, const RetypeBody& body, const std::string& oid, const std::string& what,
                     std::vector<std::string>& sentences) {
  PGPHASE_TRY(
      rows,
      session.query("SELECT 'check ' || k.conname, pg_get_expr(k.conbin, k.conrelid) FROM pg_constraint k "
                    "  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey) "
                    " WHERE k.conrelid = $1 AND k.contype = 'c' AND a.attname = $2 AND k.conname !~ '^_pgphase_' "
                    "UNION ALL "
                    "SELECT 'index ' || x.relname, e.text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid, "
                    "  unnest(ARRAY[pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)]) e(text) "
                    " WHERE i.indrelid = $1 AND x.relname !~ '^_pgphase_' AND position(quote_ident($2) IN e.text) > 0 "
                    "ORDER BY 1",
                    {oid, body.column}));
  if (rows.empty()) return {};
  PGPHASE_TRY(others, session.query("SELECT string_agg(format(', w.%I', attname), '') FROM pg_attribute "
                                    "WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attname <> $2",
                                    {oid, body.column}));
  const auto alias = quote_ident(body.table.name);
  for (const auto& row : rows) {
    auto planned = session.query(
        fmt::format("EXPLAIN SELECT {0} FROM (SELECT NULL::{1} AS {2}{3} FROM {4} AS w) AS {5}", row.text(1), body.type,
                    quote_ident(body.column), others[0].text(0), qualified(body.table), alias));
    if (planned) continue;
    if (planned.error().code != Errc::sql) return planned.error();
    sentences.push_back(
        fmt::format("{} reads {}, and not as a {}: {}", row.text(0), what, body.type, planned.error().message));
  }
  return {};
}

// An index that an earlier plan has set aside, on the column in whose place this one came: its name is needed again.
Result<bool> has_taken_a_place(Session& session, const RetypeBody& body, const std::string& oid) {
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(rows, session.query("SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
                                  "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = $2 "
                                  " WHERE i.indrelid = $1 AND x.relname ~ '^_pgphase_old_' "
                                  "   AND NOT (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend d "
                                  "         WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid "
                                  "           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid "
                                  "           AND d.refobjsubid = a.attnum))",
                                  {oid, body.column}));
  for (const auto& row : rows) {
    for (const auto& index : hanging.indexes) {
      if (row.text(0) == set_aside_name(body.table, body.column, index.name)) return true;
    }
  }
  return false;
}

std::string of_the_column() {
  return fmt::format(k_of_the_column, fmt::arg("is_in_arguments", k_is_in_trigger_arguments));
}

std::string truth(bool value) {
  return value ? "true" : "false";
}

}  // namespace

Result<std::vector<std::string>> obstacles_to_retyping(Session& session, const PlanId& plan, const RetypeBody& body) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return sentences;
  const auto what = fmt::format("column {} of table {}", body.column, display_name(body.table));
  PGPHASE_TRY(type, session.query(fmt::format("SELECT a.atttypid, format_type(a.atttypid, NULL) FROM pg_attribute a "
                                              "WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped"),
                                  {*oid, body.column}));
  if (type.empty()) return sentences;
  PGPHASE_TRY(found, replacement_obstacles(session, body.table, *oid, body.column));
  sentences = std::move(found);
  // The server reads the type as it would in ALTER TABLE, with COLLATE and all.
  auto made = session.query(fmt::format("SELECT pg_typeof(NULL::{})::oid", body.type));
  // An earlier step of the plan may make the type; where none does, the plan's expectations have told.
  if (!made && made.error().sqlstate == sqlstate::undefined_object) return sentences;
  if (!made && made.error().code == Errc::sql) return std::vector<std::string>{made.error().message};
  if (!made) return made.error();
  const bool modifiers = body.type.find('(') != std::string::npos;
  const auto questions = k_common + std::string("SELECT * FROM (") + of_the_column() + k_of_indexes +
                         (session.server_version() < 150000 ? "" : k_nulls_not_distinct) + k_of_constraints +
                         (session.server_version() < 180000 ? "" : k_since_18) +
                         ") all_of_it GROUP BY 1, 2 ORDER BY 1, 2";
  PGPHASE_TRY(rows,
              session.query(questions, {*oid, body.column, (*made)[0].text(0), truth(body.converts_by_itself()),
                                        truth(!body.default_sql.empty()), truth(modifiers), truth(body.fill.empty())}));
  for (const auto& row : rows) sentences.push_back(sentence(what, body, row.text(0), row.text(1)));
  if (body.default_sql.empty()) {
    PGPHASE_TRY(beyond, counted_beyond(session, body.table, body.column, (*made)[0].text(0)));
    sentences.insert(sentences.end(), beyond.begin(), beyond.end());
  }
  PGPHASE_TRY(taken, has_taken_a_place(session, body, *oid));
  if (taken) {
    sentences.push_back(
        fmt::format("an earlier plan keeps the column in whose place {} has come, with its indexes: let `pgphase "
                    "purge` drop it first",
                    what));
  }
  PGPHASE_TRY(held, held_by_other_plans(session, plan, body.table, body.column, Taking::away));
  sentences.insert(sentences.end(), held.begin(), held.end());
  PGPHASE_TRY(others, routines_of_others(session, body.table, body.column));
  for (const auto& one : others) {
    sentences.push_back(
        fmt::format("function {} names {}: sessions that have called it would fail on the other type, and "
                    "only its owner can have it compiled anew",
                    one, what));
  }
  if (sentences.empty()) PGPHASE_CHECK(compile(session, body, *oid, what, sentences));
  return sentences;
}

}  // namespace pgphase
