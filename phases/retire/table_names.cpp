#include "phases/retire/table_names.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/retire/names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

// Constraint triggers (contype t) keep their names like other triggers. Of foreign keys only those to the table itself
// go along. A NOT NULL (named since 18) that a partition has brought along under another name keeps its own: PostgreSQL
// renames the partitioned table's in all partitions or not at all.
constexpr const char* k_names = R"sql(
SELECT CASE WHEN contype IN ('p', 'u', 'x') THEN 'key' ELSE 'constraint' END AS kind, conname FROM pg_constraint k
 WHERE conrelid = $1 AND contype IN ('c', 'n', 'p', 'u', 'x', 'f') AND (contype <> 'f' OR confrelid = conrelid)
   AND NOT (contype = 'n' AND EXISTS (
         SELECT FROM pg_partition_tree($1::oid::regclass) t
           JOIN pg_constraint h ON h.conrelid = t.relid AND h.contype = 'n' AND h.conname <> k.conname
           JOIN pg_attribute mine ON mine.attrelid = k.conrelid AND mine.attnum = k.conkey[1]
           JOIN pg_attribute its ON its.attrelid = h.conrelid AND its.attnum = h.conkey[1] AND its.attname = mine.attname))
UNION ALL
SELECT 'index', c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
 WHERE i.indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid
                                       AND k.conrelid = $1 AND k.contype IN ('p', 'u', 'x'))
UNION ALL
SELECT 'sequence', c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
   AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
 ORDER BY 1, 2
)sql";

json::array pairs_to_json(const std::vector<TableNames::Pair>& pairs) {
  json::array array;
  for (const auto& [name, hidden] : pairs) array.push_back(json::object{{"name", name}, {"hidden", hidden}});
  return array;
}

std::vector<TableNames::Pair> pairs_from_json(const json::value& value) {
  std::vector<TableNames::Pair> pairs;
  for (const auto& entry : value.as_array()) {
    pairs.emplace_back(json::value_to<std::string>(entry.at("name")), json::value_to<std::string>(entry.at("hidden")));
  }
  return pairs;
}

}  // namespace

std::string TableNames::retire_sql() const {
  const auto original = qualified(table);
  std::string sql;
  for (const auto* pairs : {&keys, &constraints}) {
    for (const auto& [from, to] : *pairs) {
      sql += fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {};", original, quote_ident(from), quote_ident(to));
    }
  }
  for (const auto& [from, to] : indexes) {
    sql += fmt::format("ALTER INDEX {} RENAME TO {};", qualified({table.schema, from}), quote_ident(to));
  }
  for (const auto& [from, to] : sequences) {
    sql += fmt::format("ALTER SEQUENCE {} RENAME TO {};", qualified({table.schema, from}), quote_ident(to));
  }
  // Renamed before it moves: two retired tables of one name must not meet in the schema of the retired.
  sql += fmt::format("ALTER TABLE {} RENAME TO {};", original, quote_ident(hidden));
  sql += fmt::format("ALTER TABLE {} SET SCHEMA {};", qualified({table.schema, hidden}), k_retired_schema);
  return sql;
}

std::string TableNames::restore_sql() const {
  const auto original = qualified(table);
  std::string sql =
      fmt::format("ALTER TABLE {} SET SCHEMA {};", qualified({k_retired_schema, hidden}), quote_ident(table.schema));
  sql += fmt::format("ALTER TABLE {} RENAME TO {};", qualified({table.schema, hidden}), quote_ident(table.name));
  for (const auto& [to, from] : sequences) {
    sql += fmt::format("ALTER SEQUENCE {} RENAME TO {};", qualified({table.schema, from}), quote_ident(to));
  }
  for (const auto& [to, from] : indexes) {
    sql += fmt::format("ALTER INDEX {} RENAME TO {};", qualified({table.schema, from}), quote_ident(to));
  }
  for (const auto* pairs : {&keys, &constraints}) {
    for (const auto& [to, from] : *pairs) {
      sql += fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {};", original, quote_ident(from), quote_ident(to));
    }
  }
  return sql;
}

std::vector<std::string> TableNames::relation_names() const {
  std::vector<std::string> names{table.name};
  for (const auto* pairs : {&keys, &indexes, &sequences}) {
    for (const auto& pair : *pairs) names.push_back(pair.first);
  }
  return names;
}

std::string TableNames::to_json() const {
  return json::serialize(json::object{{"schema", table.schema},
                                      {"table", table.name},
                                      {"hidden", hidden},
                                      {"keys", pairs_to_json(keys)},
                                      {"constraints", pairs_to_json(constraints)},
                                      {"indexes", pairs_to_json(indexes)},
                                      {"sequences", pairs_to_json(sequences)}});
}

Result<TableNames> TableNames::from_json(const std::string& text) {
  try {
    const auto value = json::parse(text);
    TableNames names;
    names.table = {json::value_to<std::string>(value.at("schema")), json::value_to<std::string>(value.at("table"))};
    names.hidden = json::value_to<std::string>(value.at("hidden"));
    names.keys = pairs_from_json(value.at("keys"));
    names.constraints = pairs_from_json(value.at("constraints"));
    names.indexes = pairs_from_json(value.at("indexes"));
    names.sequences = pairs_from_json(value.at("sequences"));
    return names;
  } catch (const std::exception& e) {
    return make_error(Errc::bug, fmt::format("the ledger's record of a retired table cannot be read: {}", e.what()),
                      "Nothing was changed.");
  }
}

namespace {

// Constraints without an index are renamed with the partitioned table's, and only there.
enum class Member { itself, partition };

Result<TableNames> names_of(Session& session, const TableName& table, const std::string& oid, RetiredNames& hidden,
                            Member member) {
  PGPHASE_TRY(found, session.query(k_names, {oid}));
  TableNames names;
  names.table = table;
  names.hidden = hidden.hide(table.name);
  for (const auto& row : found) {
    if (row.text(0) == "constraint" && member == Member::partition) continue;
    auto& pairs = row.text(0) == "key"          ? names.keys
                  : row.text(0) == "constraint" ? names.constraints
                  : row.text(0) == "index"      ? names.indexes
                                                : names.sequences;
    pairs.emplace_back(row.text(1), hidden.hide(row.text(1)));
  }
  return names;
}

}  // namespace

Result<TableNames> names_to_retire(Session& session, const TableName& table, const std::string& oid,
                                   std::int64_t number) {
  RetiredNames hidden(number);
  return names_of(session, table, oid, hidden, Member::itself);
}

Result<std::vector<TableNames>> family_to_retire(Session& session, const TableName& table, const std::string& oid,
                                                 std::int64_t number) {
  RetiredNames hidden(number);
  std::vector<TableNames> family;
  PGPHASE_TRY(itself, names_of(session, table, oid, hidden, Member::itself));
  family.push_back(std::move(itself));
  PGPHASE_TRY(partitions,
              session.query("SELECT c.oid, n.nspname, c.relname FROM pg_partition_tree($1::oid::regclass) t "
                            "JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE c.oid <> $1 ORDER BY t.level, 2, 3",
                            {oid}));
  for (const auto& row : partitions) {
    PGPHASE_TRY(names, names_of(session, {row.text(1), row.text(2)}, row.text(0), hidden, Member::partition));
    family.push_back(std::move(names));
  }
  return family;
}

}  // namespace pgphase
