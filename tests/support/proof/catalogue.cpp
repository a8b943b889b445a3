#include "tests/support/proof/catalogue.hpp"

#include "plans/sql/quote.hpp"

namespace pgphase::testing::proof {
namespace {

// Relations of our own making: what initdb made has a lower number.
constexpr const char* k_relations =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, x.nspname, h.relname FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid "
    "LEFT JOIN pg_class h ON h.oid = i.indrelid LEFT JOIN pg_namespace x ON x.oid = h.relnamespace "
    "WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f', 'i', 'I') AND n.nspname NOT LIKE 'pg\\_%'";

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

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\x1f', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

void read_relations(PgClient& client, Known& known) {
  for (const auto& row : client.query(k_relations)) {
    const TableName name{*row[1], *row[2]};
    const char relkind = row[3]->front();
    if (kind_of(relkind) == RelationKind::index) {
      known.index_owner[name] = {*row[4], *row[5]};
      continue;
    }
    auto& relation = known.relations[name];
    relation.kind = kind_of(relkind);
    relation.complete = true;
    relation.partitioned = relkind == 'p';
    if (relkind == 'r' || relkind == 'p') {
      relation.empty = client.value("SELECT NOT EXISTS (SELECT FROM " + qualified(name) + ")") == "t";
    }
  }
  for (const auto& row :
       client.query("SELECT n.nspname, c.relname, x.nspname, p.relname, t.partdefid = c.oid FROM pg_inherits i "
                    "JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace x ON x.oid = p.relnamespace "
                    "LEFT JOIN pg_partitioned_table t ON t.partrelid = p.oid WHERE c.relkind NOT IN ('i', 'I')")) {
    const TableName child{*row[0], *row[1]};
    const TableName parent{*row[2], *row[3]};
    known.relations[child].parents.push_back(parent);
    known.relations[parent].children.push_back(child);
    if (row[4] == "t") known.relations[parent].default_partition = child;
  }
}

void read_columns(PgClient& client, Known& known) {
  // Since 18 a column may be marked as NOT NULL by a constraint that is not valid yet.
  for (const auto& row : client.query(
           "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull AND NOT EXISTS "
           "(SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated AND "
           "a.attnum = ANY (k.conkey)) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n "
           "ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN "
           "('r', 'p', 'm', 'v', 'f') AND n.nspname NOT LIKE 'pg\\_%'")) {
    known.relations[{*row[0], *row[1]}].columns[*row[2]] = {*row[3], row[4] == "t"};
  }
}

void read_constraints(PgClient& client, Known& known) {
  for (const auto& row : client.query(
           "SELECT n.nspname, c.relname, k.conname, k.contype, k.convalidated, (SELECT string_agg(a.attname, E'\\x1f') "
           "FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)), x.nspname, f.relname, "
           "pg_get_expr(k.conbin, k.conrelid), (SELECT string_agg(a.attname, E'\\x1f') FROM pg_attribute a WHERE "
           "a.attrelid "
           "= k.confrelid AND a.attnum = ANY (k.confkey)), k.conparentid <> 0 FROM pg_constraint k JOIN pg_class c ON "
           "c.oid = k.conrelid JOIN "
           "pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class f ON f.oid = k.confrelid LEFT JOIN "
           "pg_namespace x ON x.oid = f.relnamespace WHERE c.oid >= 16384 AND k.contype <> 't'")) {
    auto& constraint = known.relations[{*row[0], *row[1]}].constraints[*row[2]];
    constraint.kind = constraint_kind(row[3]->front());
    constraint.validated = row[4] == "t";
    constraint.columns = split(row[5].value_or(""));
    if (row[7]) constraint.references = {*row[6], *row[7]};
    constraint.keys = split(row[9].value_or(""));
    constraint.inherited = row[10] == "t";
    if (row[8]) constraint.proves = proves_not_null(*row[8]);
  }
  for (const auto& row : client.query(
           "SELECT n.nspname, c.relname, x.relname, (SELECT string_agg(DISTINCT a.attname, E'\\x1f') FROM pg_attribute "
           "a "
           "WHERE a.attrelid = c.oid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (SELECT FROM "
           "pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = c.oid AND "
           "d.refobjsubid = a.attnum))) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid "
           "= "
           "i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND n.nspname NOT LIKE "
           "'pg\\_%'")) {
    known.relations[{*row[0], *row[1]}].indexes[*row[2]] = {split(row[3].value_or(""))};
  }
}

void read_types(PgClient& client, Known& known) {
  for (const auto& row : client.query(
           "SELECT n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod), t.typnotnull OR EXISTS (SELECT FROM "
           "pg_constraint k WHERE k.contypid = t.oid) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
           "WHERE "
           "t.typtype = 'd' AND t.oid >= 16384")) {
    known.domains[{*row[0], *row[1]}] = {*row[2], row[3] == "t"};
  }
  for (const auto& row : client.query(
           "SELECT n.nspname, p.proname, bool_or(p.provolatile = 'v') FROM pg_proc p JOIN pg_namespace n ON n.oid = "
           "p.pronamespace WHERE n.nspname <> 'information_schema' GROUP BY 1, 2")) {
    if (row[0] == "pg_catalog" || row[0] == "public") known.functions[*row[1]] = row[2] == "t";
    known.functions[*row[0] + "." + *row[1]] = row[2] == "t";
  }
}

}  // namespace

Known read_catalogue(PgClient& client) {
  Known known;
  known.catalogue = true;
  known.server = std::stoi(client.value("SELECT current_setting('server_version_num')::int / 10000"));
  known.utc = client.value("SELECT (now() AT TIME ZONE 'UTC')::timestamp = now()::timestamp") == "t";
  read_relations(client, known);
  read_columns(client, known);
  read_constraints(client, known);
  read_types(client, known);
  return known;
}

}  // namespace pgphase::testing::proof
