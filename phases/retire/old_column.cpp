#include "phases/retire/old_column.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/retire/domains.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/without_value.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

// Rows that come without a value for the column, while it is out of sight, would be refused or meet each other.
constexpr const char* k_needs_a_value = R"sql(
SELECT 'primary_key', k.conname FROM pg_constraint k, pg_attribute a
 WHERE a.attrelid = $1 AND a.attname = $2 AND k.conrelid = $1 AND k.contype = 'p' AND a.attnum = ANY (k.conkey)
UNION ALL
SELECT 'replica_identity', x.indexrelid::regclass::text FROM pg_index x, pg_attribute a
 WHERE a.attrelid = $1 AND a.attname = $2 AND x.indrelid = $1 AND x.indisreplident AND NOT x.indisprimary
   AND a.attnum = ANY (x.indkey)
UNION ALL
SELECT 'partition_key', NULL FROM pg_partitioned_table p, pg_attribute a
 WHERE a.attrelid = $1 AND a.attname = $2 AND p.partrelid = $1 AND a.attnum = ANY (p.partattrs)
UNION ALL
SELECT 'referenced', format('%I of %s', k.conname, pg_describe_object(1259, k.conrelid, 0))
  FROM pg_constraint k, pg_attribute a
 WHERE a.attrelid = $1 AND a.attname = $2 AND k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = $1
   AND a.attnum = ANY (k.confkey)
UNION ALL
SELECT 'foreign_key', k.conname
  FROM pg_constraint k, pg_attribute a, pg_class c
 WHERE a.attrelid = $1 AND a.attname = $2 AND k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = $1
   AND a.attnum = ANY (k.conkey) AND c.oid = $1 AND c.relkind = 'p'
)sql";
constexpr const char* k_nulls_not_distinct = R"sql(
UNION ALL
SELECT 'unique', x.indexrelid::regclass::text FROM pg_index x, pg_attribute a
 WHERE a.attrelid = $1 AND a.attname = $2 AND x.indrelid = $1 AND x.indisunique AND x.indnullsnotdistinct
   AND a.attnum = ANY (x.indkey)
)sql";  // since 15

std::string sentence(const std::string& column, const std::string& kind, const std::string& who) {
  if (kind == "primary_key") return fmt::format("{} is part of the primary key {}", column, who);
  if (kind == "replica_identity") return fmt::format("{} is part of the replica identity {}", column, who);
  if (kind == "partition_key") return fmt::format("{} is part of the partition key", column);
  if (kind == "referenced") return fmt::format("foreign key {} refers to {}", who, column);
  if (kind == "foreign_key") {
    return fmt::format("foreign key {} uses {}, and on a partitioned table it could not come back without a long lock",
                       who, column);
  }
  return fmt::format("index {} lets only one row be without a value for {} (NULLS NOT DISTINCT)", who, column);
}

std::string alter(const OldColumn& column, const std::string& what) {
  return fmt::format("ALTER TABLE {} {};", qualified(column.table), what);
}

}  // namespace

Result<std::optional<OldColumn>> read_old_column(Session& session, const TableName& table, const std::string& column) {
  const char* constraint =
      session.server_version() < 180000
          ? "NULL"
          : "(SELECT conname FROM pg_constraint n WHERE n.contype = 'n' AND n.conrelid = a.attrelid "
            "AND n.conkey[1] = a.attnum)";
  PGPHASE_TRY(
      rows,
      session.query(
          fmt::format("SELECT c.oid, a.attnotnull, a.atthasdef OR t.typdefault IS NOT NULL OR a.attidentity <> '', "
                      "       a.attidentity <> '', {}, "
                      "       coalesce((SELECT s.avg_width * greatest(c.reltuples, 0) FROM pg_stats s "
                      "                  WHERE s.schemaname = n.nspname AND s.tablename = c.relname "
                      "                    AND s.attname = a.attname AND NOT s.inherited), 0)::bigint "
                      "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                      "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                      "  JOIN pg_type t ON t.oid = a.atttypid "
                      " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attname = $3",
                      constraint),
          {table.schema, table.name, column}));
  if (rows.empty()) return std::optional<OldColumn>();
  const auto& row = rows[0];
  OldColumn found{table, column, "", row.boolean(1), row.boolean(2), row.boolean(3), row.text(4), {}, row.integer(5)};
  PGPHASE_TRY(keys, foreign_keys_of_column(session, row.text(0), column));
  found.foreign_keys = std::move(keys);
  return std::optional(std::move(found));
}

Result<std::vector<std::string>> obstacles_to_retiring(Session& session, const TableName& table, const std::string& oid,
                                                       const std::string& column, LeftOut how) {
  PGPHASE_TRY(all, column_obstacles(session, table, oid, column, ForeignKeys::asked_elsewhere));
  PGPHASE_TRY(found, session.query(k_needs_a_value +
                                       std::string(session.server_version() < 150000 ? "" : k_nulls_not_distinct) +
                                       " ORDER BY 1, 2",
                                   {oid, column}));
  const auto what = fmt::format("column {} of table {}", column, display_name(table));
  for (const auto& row : found) all.push_back(sentence(what, row.text(0), row.text(1)));
  PGPHASE_TRY(domain, domain_that_refuses_null(session, table, column, WithADefault::is_left_out));
  if (domain) {
    all.push_back(fmt::format("{} is of the domain {}, which refuses every row without a value", what, *domain));
  }
  PGPHASE_TRY(refusals, refusals_without_value(session, table, oid, column, how));
  all.insert(all.end(), refusals.begin(), refusals.end());
  return all;
}

Result<std::vector<std::string>> obstacles_to_renaming(Session& session, const TableName& table, const std::string& oid,
                                                       const std::string& column) {
  return rename_obstacles(session, table, oid, column);
}

// With a default of its own it may stay: a row that is written without the column gets the value that it would have
// got.
bool loses_not_null(const OldColumn& column, bool followed) {
  return column.not_null && !column.identity && (followed || !column.has_value_of_its_own);
}

std::string retire_sql(const OldColumn& column, bool followed) {
  std::string sql;
  for (const auto& key : column.foreign_keys) sql += drop_sql(key);
  if (loses_not_null(column, followed)) {
    sql += alter(column, fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_ident(column.name)));
  }
  return sql +
         alter(column, fmt::format("RENAME COLUMN {} TO {}", quote_ident(column.name), quote_ident(column.hidden)));
}

std::string restore_sql(const OldColumn& column, bool followed) {
  auto sql = alter(column, fmt::format("RENAME COLUMN {} TO {}", quote_ident(column.hidden), quote_ident(column.name)));
  if (loses_not_null(column, followed)) {
    sql += refuse_new_nulls_sql({column.table, column.name, column.not_null_constraint});
  }
  return sql;
}

RetiredRecord retired_record(const OldColumn& column, std::int64_t number, const StepKey& key) {
  RetiredRecord record;
  record.id = number;
  record.key = key;
  record.kind = "column";
  record.table = column.table;
  record.object = column.name;
  record.hidden_as = column.hidden;
  record.bytes = column.bytes;
  record.definition = json::serialize(json::object{{"not_null", column.not_null},
                                                   {"not_null_constraint", column.not_null_constraint},
                                                   {"has_value_of_its_own", column.has_value_of_its_own},
                                                   {"identity", column.identity},
                                                   {"foreign_keys", to_json(column.foreign_keys)}});
  return record;
}

Result<OldColumn> old_column_of(const RetiredRecord& record) {
  try {
    const auto from = json::parse(record.definition);
    return OldColumn{record.table,
                     record.object,
                     record.hidden_as,
                     from.at("not_null").as_bool(),
                     from.at("has_value_of_its_own").as_bool(),
                     from.at("identity").as_bool(),
                     json::value_to<std::string>(from.at("not_null_constraint")),
                     foreign_keys_from_json(from.at("foreign_keys")),
                     record.bytes};
  } catch (const std::exception& e) {
    return make_error(Errc::bug, fmt::format("the ledger's record of a retired column cannot be read: {}", e.what()),
                      "Nothing was changed.");
  }
}

}  // namespace pgphase
