#include "phases/catalogue/row_sums.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "phases/catalogue/family.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// A table whose columns are all hidden, or that has none, has rows that look alike. A column of a partitioned table is
// left out of its partitions too.
constexpr std::string_view k_tables = R"sql(
SELECT n.nspname, c.relname, coalesce(string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum), '')
  FROM rel c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ '^_pgphase_'
                          AND NOT EXISTS
   (SELECT FROM (SELECT c.oid UNION SELECT relid FROM pg_partition_ancestors(c.oid)) named
      JOIN pg_class nc ON nc.oid = named.oid JOIN pg_namespace nn ON nn.oid = nc.relnamespace
     WHERE $1::jsonb ? format('%I.%I.%I', nn.nspname, nc.relname, a.attname))
 WHERE c.relkind = 'r' GROUP BY 1, 2
)sql";

constexpr std::string_view k_sequences = R"sql(
SELECT n.nspname, c.relname, s.seqincrement
  FROM rel c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
 WHERE NOT s.seqcycle AND has_sequence_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
)sql";

}  // namespace

// The sum of 64-bit hashes as numeric: it neither overflows nor cancels out equal rows. The session pins what the text
// of a value depends on (time zone, DateStyle, bytea_output, extra_float_digits).
Result<std::map<TableName, RowSum>> row_sums(Session& session, const ColumnSet& without) {
  boost::json::array names;
  for (const auto& [table, column] : without) names.emplace_back(qualified(table) + "." + quote_ident(column));
  PGPHASE_TRY(tables, session.query(std::string(k_common) + std::string(k_tables), {boost::json::serialize(names)}));
  std::map<TableName, RowSum> sums;
  for (const auto& row : tables) {
    const TableName table{row.text(0), row.text(1)};
    PGPHASE_TRY(sum, session.query(fmt::format(
                         "SELECT count(*), coalesce(sum(hashtextextended(ROW({})::text, 0)::numeric), 0) FROM ONLY {}",
                         row.text(2), qualified(table))));
    sums[table] = {sum[0].integer(0), sum[0].text(1)};
  }
  return sums;
}

Result<std::map<TableName, SequencePosition>> sequence_positions(Session& session) {
  PGPHASE_TRY(found, session.query(std::string(k_common) + std::string(k_sequences)));
  std::map<TableName, SequencePosition> positions;
  for (const auto& row : found) {
    const TableName name{row.text(0), row.text(1)};
    const auto step = row.integer(2);
    PGPHASE_TRY(stands, session.query(fmt::format("SELECT last_value, is_called FROM {}", qualified(name))));
    positions[name] = {.last = stands[0].integer(0), .called = stands[0].boolean(1), .ascends = step > 0};
  }
  return positions;
}

}  // namespace pgphase
