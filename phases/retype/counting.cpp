#include "phases/retype/counting.hpp"

#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/work.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// The numbers that the type has.
constexpr const char* k_limits = R"sql(
SELECT l.lowest, l.highest, format_type(l.type, NULL)
  FROM (VALUES ('int2'::regtype::oid, -32768::bigint, 32767::bigint), ('int4'::regtype, -2147483648, 2147483647),
               ('int8'::regtype, -9223372036854775808, 9223372036854775807)) l(type, lowest, highest)
 WHERE l.type = $1
)sql";

constexpr const char* k_sequences = R"sql(
SELECT sn.nspname, s.relname, q.seqincrement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3
  JOIN LATERAL (SELECT d.objid FROM pg_depend d
                 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
                   AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')
                UNION
                SELECT d.refobjid FROM pg_attrdef f
                  JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                                  AND d.refclassid = 'pg_class'::regclass
                 WHERE f.adrelid = c.oid AND f.adnum = a.attnum) u(sequence) ON true
  JOIN pg_class s ON s.oid = u.sequence AND s.relkind = 'S' JOIN pg_namespace sn ON sn.oid = s.relnamespace
  JOIN pg_sequence q ON q.seqrelid = s.oid
 WHERE n.nspname = $1 AND c.relname = $2 AND has_sequence_privilege(s.oid, 'SELECT') ORDER BY 1, 2
)sql";

}  // namespace

Result<std::vector<std::string>> counted_beyond(Session& session, const TableName& table, const std::string& column,
                                                const std::string& type) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(limits, session.query(k_limits, {type}));
  if (limits.empty()) return sentences;
  PGPHASE_TRY(sequences, session.query(k_sequences, {table.schema, table.name, column}));
  for (const auto& row : sequences) {
    const TableName sequence{row.text(0), row.text(1)};
    const bool upwards = row.integer(2) > 0;
    const auto end = limits[0].text(upwards ? 1 : 0);
    PGPHASE_TRY(beyond, session.query(fmt::format("SELECT last_value FROM {} WHERE last_value + CASE WHEN is_called "
                                                  "THEN $1::numeric ELSE 0 END {} $2::numeric",
                                                  qualified(sequence), upwards ? ">" : "<"),
                                      {row.text(2), end}));
    if (beyond.empty()) continue;
    const auto name = quote_ident(column);
    sentences.push_back(
        fmt::format("sequence {} of column {} of table {} has counted to {}, and {} ends at {}: every INSERT that "
                    "leaves the column out would fail; `SELECT setval({}, coalesce({}({}), {})) FROM {} WHERE {} {} "
                    "{}` sets it back, and numbers that deleted rows had come again",
                    display_name(sequence), column, display_name(table), beyond[0].text(0), limits[0].text(2), end,
                    quote_literal(qualified(sequence)), upwards ? "max" : "min", name, upwards ? "1" : "-1",
                    qualified(table), name, upwards ? "<=" : ">=", end));
  }
  return sentences;
}

Result<std::vector<std::string>> counted_beyond_old_type(Session& session, const RetypeBody& body,
                                                         const std::string& hidden) {
  PGPHASE_TRY(type, session.query("SELECT a.atttypid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 "
                                  "WHERE n.nspname = $1 AND c.relname = $2",
                                  {body.table.schema, body.table.name, hidden}));
  if (type.empty()) return std::vector<std::string>();
  return counted_beyond(session, body.table, body.column, type[0].text(0));
}

Result<std::vector<std::string>> obstacles_to_undo(Session& session, const StepKey& key, const RetypeBody& body) {
  std::vector<std::string> none;
  if (body.part == RetypeBody::Part::twins) return none;
  PGPHASE_TRY(standing, retired_by(session, key, "column"));
  if (!standing) return none;
  return counted_beyond_old_type(session, body, standing->hidden_as);
}

}  // namespace pgphase
