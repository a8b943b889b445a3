#include "phases/throttle/dead_tuples.hpp"

#include <fmt/format.h>

#include "phases/throttle/sessions.hpp"
#include "phases/throttle/why.hpp"

namespace pgphase {
namespace {

// The threshold is autovacuum's own: relation_needs_vacanalyze() in autovacuum.c. A table's option goes before the
// server's setting.
constexpr const char* k_query = R"sql(
SELECT c.oid::regclass::text, s.n_dead_tup, greatest(c.reltuples, s.n_live_tup, 1),
       s.n_dead_tup > coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold')::float8)
                    + coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::float8)
                    * greatest(c.reltuples, 0),
       coalesce(o.enabled, true) AND current_setting('autovacuum')::bool AND current_setting('track_counts')::bool
  FROM pg_class c
  JOIN pg_stat_all_tables s ON s.relid = c.oid
 CROSS JOIN LATERAL (
       SELECT max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold')::float8 AS threshold,
              max(option_value) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor')::float8 AS scale,
              max(option_value) FILTER (WHERE option_name = 'autovacuum_enabled')::bool AS enabled
         FROM pg_options_to_table(c.reloptions)) o
 WHERE c.relkind IN ('r', 'm')
   AND c.oid IN (SELECT unnest($1::oid[])
                 UNION SELECT t.relid FROM unnest($1::oid[]) AS given(oid), pg_partition_tree(given.oid) t)
 ORDER BY s.n_dead_tup / greatest(c.reltuples, s.n_live_tup, 1) DESC
)sql";

}  // namespace

Reading read_dead_tuples(Session& session, const AtWork& at_work) {
  const auto rows = session.query(k_query, {array_text(at_work.tables)});
  if (!rows) return unreadable(Signal::dead_tuples, why(rows.error()));
  std::string off;
  for (const auto& row : *rows) {
    if (!row.boolean(3)) continue;
    if (!row.boolean(4)) {
      off = row.text(0);
      continue;
    }
    const double share = row.number(1) / row.number(2);
    return {Signal::dead_tuples, share,
            fmt::format("{} has {:.0f} dead rows for {:.0f} live ones ({}), and autovacuum is behind", row.text(0),
                        row.number(1), row.number(2), in_words(Unit::share, share))};
  }
  if (!off.empty()) {
    return {Signal::dead_tuples, 0, fmt::format("autovacuum is off for {}: nothing would come of waiting for it", off)};
  }
  return {Signal::dead_tuples, 0, "autovacuum is not behind"};
}

}  // namespace pgphase
