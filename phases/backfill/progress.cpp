#include "phases/backfill/progress.hpp"

namespace pgphase {

Result<std::vector<BackfillRecord>> read_backfills(Session& session, const PlanId& plan) {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT b.step, b.stage, b.pages_total, coalesce(c.visited, 0), coalesce(c.rows, 0) + b.swept_rows, "
          "b.rows_estimate, "
          "       extract(epoch FROM CASE WHEN b.stage = 'done' THEN coalesce(s.finished_at, clock_timestamp()) "
          "                               ELSE clock_timestamp() END - b.started_at) "
          "  FROM pgphase.backfill b "
          "  LEFT JOIN pgphase.step s ON s.plan = b.plan AND s.phase = b.phase AND s.name = b.step "
          "  LEFT JOIN (SELECT phase, step, sum(position - first_page) FILTER (WHERE pass = 0) AS visited, sum(rows) "
          "AS rows "
          "               FROM pgphase.chunk WHERE plan = $1 GROUP BY 1, 2) c ON c.phase = b.phase AND c.step = b.step "
          " WHERE b.plan = $1 ORDER BY b.started_at, b.step",
          {plan.value}));
  std::vector<BackfillRecord> records;
  for (const auto& row : rows) {
    records.push_back(
        {row.text(0), row.text(1), row.integer(2), row.integer(3), row.integer(4), row.integer(5), row.number(6)});
  }
  return records;
}

}  // namespace pgphase
