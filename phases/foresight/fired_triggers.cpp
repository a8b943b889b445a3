#include "phases/foresight/fired_triggers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Triggers for UPDATE (bit 16 of tgtype; 1 is FOR EACH ROW, 2 BEFORE) that are on, also those of partitions. A
// statement of the backfill names the relation that holds the rows, so that of a partitioned table no trigger for each
// statement fires. `NEW.a = …` is an assignment where a statement begins.
constexpr const char* k_triggers = R"sql(
SELECT t.tgname, n.nspname, c.relname, t.tgtype & 2 <> 0,
       (SELECT string_agg(DISTINCT 'NEW.' || m[2], ', ') FROM regexp_matches(
          p.prosrc, '(^|;|\mthen\M|\melse\M|\mbegin\M|\mloop\M|\minto\M|\*/)\s*new\s*\.\s*("[^"]+"|\w+)(?=\s*(:=|=|;|\mfrom\M))', 'gi') m),
       l.lanname IN ('c', 'internal'), t.tgtype & 1 <> 0
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
  JOIN pg_class own ON own.oid = c.oid OR c.oid IN (SELECT relid FROM pg_partition_tree(own.oid))
  JOIN pg_namespace own_n ON own_n.oid = own.relnamespace
 WHERE own_n.nspname = $1 AND own.relname = $2 AND own.relkind IN ('r', 'p')
   AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled IN ('O', 'A') AND t.tgname !~ '^[!~_]pgphase_'
   AND (t.tgtype & 1 <> 0 OR c.relkind = 'r') AND t.tgtype & 16 <> 0
   AND (cardinality(t.tgattr::int2[]) = 0
        OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (t.tgattr)
                   AND a.attname = ANY ($3::text[])))
 ORDER BY 2, 3, 1
)sql";

std::string array_of(const std::vector<Assignment>& set) {
  std::vector<std::string> names;
  for (const auto& one : set) {
    std::string quoted = "\"";
    for (const char c : one.column) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    names.push_back(quoted + "\"");
  }
  return fmt::format("{{{}}}", fmt::join(names, ","));
}

}  // namespace

Result<std::vector<std::string>> fired_by(Session& session, const BackfillBody& body) {
  PGPHASE_TRY(rows, session.query(k_triggers, {body.table.schema, body.table.name, array_of(body.set)}));
  std::vector<std::string> sentences;
  for (const auto& row : rows) {
    const auto trigger = fmt::format("trigger {} of {}", row.text(0), display_name({row.text(1), row.text(2)}));
    if (!row.boolean(6)) {
      sentences.push_back(fmt::format("{} fires for each batch of the backfill, of which it may see the rows: what it "
                                      "does then (rows of a journal, a message) stays done, also when the backfill is "
                                      "rolled back",
                                      trigger));
      continue;
    }
    std::string what;
    if (!row.boolean(3)) {
      what = ": what it does then (a row of a journal, a message) stays done, also when the backfill is rolled back";
    } else if (!row.is_null(4)) {
      what = fmt::format(", and assigns {}: what that held before is not kept, and no rollback brings it back",
                         row.text(4));
    } else if (row.boolean(5)) {
      what = "; what its function writes cannot be read";
    }
    sentences.push_back(fmt::format("{} fires for each row that the backfill sets{}", trigger, what));
  }
  return sentences;
}

}  // namespace pgphase
