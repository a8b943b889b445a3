#include "phases/catalogue/known.hpp"

#include <algorithm>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Between the names of a list: no name holds it.
constexpr char k_between = '\x1f';

// Relations of somebody's own making: what initdb made has a lower number.
constexpr const char* k_relations =
    "SELECT n.nspname, c.relname, c.relkind, x.nspname, h.relname, c.relpersistence = 'p' FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid "
    "LEFT JOIN pg_class h ON h.oid = i.indrelid LEFT JOIN pg_namespace x ON x.oid = h.relnamespace "
    "WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f', 'i', 'I') AND n.nspname NOT LIKE 'pg\\_%'";

constexpr const char* k_parents =
    "SELECT n.nspname, c.relname, x.nspname, p.relname, coalesce(t.partdefid = c.oid, false) FROM pg_inherits i "
    "JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace x ON x.oid = p.relnamespace "
    "LEFT JOIN pg_partitioned_table t ON t.partrelid = p.oid WHERE c.relkind NOT IN ('i', 'I')";

// Since 18 a column may be marked as NOT NULL by a constraint that is not valid yet.
constexpr const char* k_columns =
    "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT EXISTS "
    "(SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated AND "
    "a.attnum = ANY (k.conkey)) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n "
    "ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN "
    "('r', 'p', 'm', 'v', 'f') AND n.nspname NOT LIKE 'pg\\_%'";

constexpr const char* k_constraints =
    "SELECT n.nspname, c.relname, k.conname, k.contype, k.convalidated, (SELECT string_agg(a.attname, E'\\x1f') "
    "FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)), x.nspname, f.relname, "
    "pg_get_expr(k.conbin, k.conrelid), (SELECT string_agg(a.attname, E'\\x1f') FROM pg_attribute a WHERE a.attrelid "
    "= k.confrelid AND a.attnum = ANY (k.confkey)), k.conparentid <> 0 FROM pg_constraint k JOIN pg_class c ON "
    "c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class f ON f.oid = k.confrelid "
    "LEFT JOIN pg_namespace x ON x.oid = f.relnamespace WHERE c.oid >= 16384 AND k.contype <> 't'";

// The columns of an index: of its key, and those that its expressions and its condition read.
constexpr const char* k_indexes =
    "SELECT n.nspname, c.relname, x.relname, (SELECT string_agg(DISTINCT a.attname, E'\\x1f') FROM pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (SELECT FROM "
    "pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = c.oid AND "
    "d.refobjsubid = a.attnum))), i.indisunique, i.indexprs IS NOT NULL OR i.indpred IS NOT NULL FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = "
    "i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%'";

constexpr const char* k_domains =
    "SELECT n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull OR EXISTS (SELECT FROM "
    "pg_constraint k WHERE k.contypid = t.oid) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE "
    "t.typtype = 'd' AND t.oid >= 16384";

constexpr const char* k_types =
    "SELECT n.nspname, t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON "
    "c.oid = t.typrelid WHERE t.oid >= 16384 AND (c.relkind = 'c' OR t.typrelid = 0 AND t.typcategory <> 'A')";

// A function in SQL that is said to be volatile may be put into the query that calls it, and what counts then is what
// stands in it: nobody but the planner knows.
constexpr const char* k_functions =
    "SELECT n.nspname, p.proname, bool_or(p.provolatile = 'v' AND l.lanname <> 'sql'), bool_or(p.provolatile = 'v') "
    "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang WHERE "
    "n.nspname <> 'information_schema' GROUP BY 1, 2";

// Whatever depends on a column alone: views and rules, triggers, policies, and columns that are computed from it.
constexpr const char* k_users =
    "SELECT n.nspname, c.relname, a.attname, CASE d.classid WHEN 'pg_rewrite'::regclass THEN 'view' WHEN "
    "'pg_trigger'::regclass THEN 'trigger' WHEN 'pg_policy'::regclass THEN 'policy' ELSE 'generated column' END, "
    "coalesce(CASE WHEN vn.nspname <> 'public' THEN vn.nspname || '.' ELSE '' END || v.relname, t.tgname, p.polname, "
    "g.attname) FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid "
    "LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.ev_class <> c.oid "
    "LEFT JOIN pg_class v ON v.oid = w.ev_class LEFT JOIN pg_namespace vn ON vn.oid = v.relnamespace "
    "LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid AND NOT t.tgisinternal "
    "LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid "
    "LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid AND f.adnum <> d.refobjsubid "
    "LEFT JOIN pg_attribute g ON g.attrelid = f.adrelid AND g.attnum = f.adnum "
    "WHERE d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND c.oid >= 16384 AND "
    "coalesce(w.oid, t.oid, p.oid, f.oid) IS NOT NULL AND n.nspname NOT LIKE 'pg\\_%'";

RelationKind kind_of(char relkind) {
  switch (relkind) {
    case 'i':
    case 'I':
      return RelationKind::index;
    case 'v':
      return RelationKind::view;
    case 'm':
      return RelationKind::materialized_view;
    case 'S':
      return RelationKind::sequence;
    case 'f':
      return RelationKind::foreign_table;
    default:
      return RelationKind::table;
  }
}

KnownConstraint::Kind constraint_kind(char contype) {
  switch (contype) {
    case 'n':
      return KnownConstraint::Kind::not_null;
    case 'f':
      return KnownConstraint::Kind::foreign_key;
    case 'u':
      return KnownConstraint::Kind::unique;
    case 'p':
      return KnownConstraint::Kind::primary_key;
    case 'x':
      return KnownConstraint::Kind::exclusion;
    default:
      return KnownConstraint::Kind::check;
  }
}

TableName name_at(const Row& row, std::size_t column) {
  return {row.text(column), row.text(column + 1)};
}

std::vector<std::string> list_at(const Row& row, std::size_t column) {
  const auto text = row.text(column);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(k_between, at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Result<void> read_relations(Session& session, Known& known) {
  PGPHASE_TRY(relations, session.query(k_relations));
  for (const auto& row : relations) {
    const auto name = name_at(row, 0);
    const char relkind = row.text(2).front();
    if (kind_of(relkind) == RelationKind::index) {
      known.index_owner[name] = name_at(row, 3);
      continue;
    }
    auto& relation = known.relations[name];
    relation.kind = kind_of(relkind);
    relation.complete = true;
    relation.partitioned = relkind == 'p';
    relation.logged = row.boolean(5);
  }
  PGPHASE_TRY(parents, session.query(k_parents));
  for (const auto& row : parents) {
    const auto child = name_at(row, 0);
    const auto parent = name_at(row, 2);
    known.relations[child].parents.push_back(parent);
    known.relations[parent].children.push_back(child);
    if (row.boolean(4)) known.relations[parent].default_partition = child;
  }
  return {};
}

Result<void> read_columns(Session& session, Known& known) {
  PGPHASE_TRY(columns, session.query(k_columns));
  for (const auto& row : columns) {
    known.relations[name_at(row, 0)].columns[row.text(2)] = {row.text(3), row.boolean(4)};
  }
  PGPHASE_TRY(users, session.query(k_users));
  for (const auto& row : users) {
    known.relations[name_at(row, 0)].columns[row.text(2)].used_by.insert(row.text(3) + " " + row.text(4));
  }
  return {};
}

Result<void> read_constraints(Session& session, Known& known) {
  PGPHASE_TRY(constraints, session.query(k_constraints));
  for (const auto& row : constraints) {
    auto& constraint = known.relations[name_at(row, 0)].constraints[row.text(2)];
    constraint.kind = constraint_kind(row.text(3).front());
    constraint.validated = row.boolean(4);
    constraint.columns = list_at(row, 5);
    if (!row.is_null(7)) constraint.references = name_at(row, 6);
    constraint.keys = list_at(row, 9);
    constraint.inherited = row.boolean(10);
    if (!row.is_null(8)) constraint.proves = proves_not_null(row.text(8));
  }
  PGPHASE_TRY(indexes, session.query(k_indexes));
  for (const auto& row : indexes) known.relations[name_at(row, 0)].indexes[row.text(2)] = {list_at(row, 3), row.boolean(4), row.boolean(5)};
  return {};
}

Result<void> read_types(Session& session, Known& known) {
  PGPHASE_TRY(domains, session.query(k_domains));
  for (const auto& row : domains) known.domains[name_at(row, 0)] = {row.text(2), row.boolean(3)};
  PGPHASE_TRY(types, session.query(k_types));
  for (const auto& row : types) known.types.insert(name_at(row, 0));
  PGPHASE_TRY(schemas, session.query("SELECT nspname FROM pg_namespace"));
  for (const auto& row : schemas) known.schemas.insert(row.text(0));
  PGPHASE_TRY(functions, session.query(k_functions));
  for (const auto& row : functions) {
    const auto schema = row.text(0);
    const auto is_volatile = row.boolean(2) ? Answer::yes : row.boolean(3) ? Answer::unknown : Answer::no;
    if (schema == "pg_catalog" || schema == "public") known.functions[row.text(1)] = is_volatile;
    known.functions[schema + "." + row.text(1)] = is_volatile;
  }
  return {};
}

}  // namespace

Result<Known> known_of(Session& session) {
  Known known;
  known.catalogue = true;
  known.server = session.server_version() / 10000;
  // The time zone of this session is pinned; who runs the statement has that of the database or the role.
  PGPHASE_TRY(utc, session.query("SELECT now() AT TIME ZONE 'UTC' = now() AT TIME ZONE reset_val FROM pg_settings "
                                 "WHERE name = 'TimeZone'"));
  known.utc = utc[0].boolean(0);
  PGPHASE_CHECK(read_relations(session, known));
  PGPHASE_CHECK(read_columns(session, known));
  PGPHASE_CHECK(read_constraints(session, known));
  PGPHASE_CHECK(read_types(session, known));
  return known;
}

Result<void> note_empty(Session& session, const std::set<TableName>& tables, Known& known) {
  for (const auto& table : tables) {
    const auto found = known.relations.find(table);
    if (found == known.relations.end() || found->second.kind != RelationKind::table) continue;
    const auto empty = session.query("SELECT NOT EXISTS (SELECT FROM " + qualified(table) + ")");
    if (empty) {
      found->second.empty = (*empty)[0].boolean(0);
    } else if (empty.error().code != Errc::sql) {
      return empty.error();
    }
  }
  return {};
}

}  // namespace pgphase
