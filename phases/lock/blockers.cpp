#include "phases/lock/blockers.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// The first line of a query, short enough for one line of a terminal. A query may hold an application's data: it is
// shown as PostgreSQL itself shows it in pg_stat_activity, to a role that may read it there.
constexpr const char* k_who =
    "a.pid, coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown'), coalesce(a.usename, '-'), "
    "coalesce(a.state, a.backend_type, 'unknown'), "
    "extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start))::bigint, "
    "left(regexp_replace(coalesce(a.query, ''), '\\s+', ' ', 'g'), 120)";

std::string words(const Row& row) {
  return fmt::format("pid {} ({} as {}, {} for {} s): {}", row.integer(0), row.text(1), row.text(2), row.text(3),
                     row.integer(4), row.text(5).empty() ? "no query" : row.text(5));
}

}  // namespace

Result<std::vector<Blocker>> blockers_of(Session& session, int pid) {
  PGPHASE_TRY(rows, session.query(
      fmt::format("SELECT {} FROM unnest(pg_blocking_pids({})) b JOIN pg_stat_activity a ON a.pid = b", k_who, pid)));
  std::vector<Blocker> blockers;
  for (const auto& row : rows) blockers.push_back({static_cast<int>(row.integer(0)), words(row)});
  // pg_blocking_pids answers 0 for a prepared transaction: no backend holds its locks.
  PGPHASE_TRY(prepared, session.query(
      fmt::format("SELECT gid, owner FROM pg_prepared_xacts WHERE 0 = ANY (pg_blocking_pids({})) "
                  "AND database = current_database()", pid)));
  for (const auto& row : prepared) {
    blockers.push_back({0, fmt::format("prepared transaction '{}' of {}", row.text(0), row.text(1))});
  }
  return blockers;
}

Result<std::vector<std::string>> long_transactions(Session& session) {
  PGPHASE_TRY(rows, session.query(fmt::format(
      "SELECT {} FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() "
      "AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.xact_start < clock_timestamp() - interval '1 s' "
      "ORDER BY a.xact_start LIMIT 5", k_who)));
  std::vector<std::string> found;
  for (const auto& row : rows) found.push_back(words(row));
  PGPHASE_TRY(prepared, session.query(
      "SELECT gid, owner, extract(epoch FROM clock_timestamp() - prepared)::bigint FROM pg_prepared_xacts "
      "WHERE database = current_database() ORDER BY prepared LIMIT 5"));
  for (const auto& row : prepared) {
    found.push_back(fmt::format("prepared transaction '{}' of {}, {} s old", row.text(0), row.text(1), row.integer(2)));
  }
  return found;
}

Result<std::vector<std::string>> long_holders(Session& session, const std::set<TableName>& tables,
                                              std::chrono::seconds age) {
  std::string names;
  for (const auto& table : tables) {
    names += fmt::format("{}({}, {})", names.empty() ? "" : ", ", quote_literal(table.schema), quote_literal(table.name));
  }
  if (names.empty()) return std::vector<std::string>();
  PGPHASE_TRY(rows, session.query(fmt::format(
      "SELECT {}, h.held FROM pg_stat_activity a JOIN ("
      "  SELECT l.pid, string_agg(DISTINCT replace(l.mode, 'Lock', '') || ' on ' || c.relname, ', ') AS held "
      "    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
      "   WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
      "     AND (n.nspname, c.relname) IN ({}) GROUP BY l.pid) h ON h.pid = a.pid "
      " WHERE a.pid <> pg_backend_pid() AND a.xact_start < clock_timestamp() - interval '{} s' "
      " ORDER BY a.xact_start LIMIT 5", k_who, names, age.count())));
  std::vector<std::string> found;
  for (const auto& row : rows) found.push_back(fmt::format("{} [holds {}]", words(row), row.text(6)));
  return found;
}

std::string join_words(const std::vector<Blocker>& blockers) {
  std::string all;
  for (const auto& blocker : blockers) {
    if (!all.empty()) all += "; ";
    all += blocker.words;
  }
  return all;
}

}  // namespace pgphase
