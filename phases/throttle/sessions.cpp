#include "phases/throttle/sessions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "phases/throttle/why.hpp"

namespace pgphase {

std::string array_text(const std::vector<int>& numbers) {
  return fmt::format("{{{}}}", fmt::join(numbers, ","));
}
std::string array_text(const std::vector<std::int64_t>& numbers) {
  return fmt::format("{{{}}}", fmt::join(numbers, ","));
}

Reading read_blocked_by_us(Session& session, const AtWork& at_work) {
  // MATERIALIZED: the waiting ones are picked out first. `waitstart` is NULL in the first moment of a wait.
  const auto rows = session.query(
      "WITH waiting AS MATERIALIZED (SELECT pid, waitstart FROM pg_locks WHERE NOT granted AND pid <> ALL ($1::int[])) "
      "SELECT pid, greatest(0, coalesce(extract(epoch FROM clock_timestamp() - waitstart), 0)) * 1000 FROM waiting "
      " WHERE pg_blocking_pids(pid) && $1::int[] ORDER BY 2 DESC",
      {array_text(at_work.pids)});
  if (!rows) return unreadable(Signal::blocked_by_us, why(rows.error()));
  if (rows->empty()) return {Signal::blocked_by_us, 0, "no session waits for a lock of ours"};
  const auto& longest = (*rows)[0];
  std::string words = fmt::format("pid {} has waited {} for a lock of ours", longest.text(0),
                                  in_words(Unit::milliseconds, longest.number(1)));
  if (rows->size() > 1) words += fmt::format(", the longest of {} sessions", rows->size());
  return {Signal::blocked_by_us, longest.number(1), words};
}

Reading read_active_sessions(Session& session, const AtWork& at_work) {
  // Of a session of another role an ordinary one sees neither state nor kind. Background processes have no database or
  // no user.
  const auto rows = session.query(
      "SELECT count(*) FILTER (WHERE state IN ('active', 'fastpath function call') AND backend_type = 'client "
      "backend'), "
      "       count(*) FILTER (WHERE state IS NULL AND backend_type IS NULL) "
      "  FROM pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL AND pid <> ALL ($1::int[]) "
      "   AND pid <> pg_backend_pid()",
      {array_text(at_work.pids)});
  if (!rows) return unreadable(Signal::active_sessions, why(rows.error()));
  if ((*rows)[0].integer(1) > 0) {
    return unreadable(Signal::active_sessions, needs_pg_monitor(session, "pg_stat_activity"));
  }
  const double active = (*rows)[0].number(0);
  return {Signal::active_sessions, active,
          fmt::format("{} {} active", in_words(Unit::sessions, active), active == 1 ? "is" : "are")};
}

}  // namespace pgphase
