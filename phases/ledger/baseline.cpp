#include "phases/ledger/baseline.hpp"

#include "phases/catalogue/snapshot_json.hpp"
#include "phases/ledger/schema.hpp"

namespace pgphase {
namespace {

constexpr int k_first_ledger_with_snapshots = 2;
constexpr BaselineMoment k_moments[] = {BaselineMoment::forward, BaselineMoment::back, BaselineMoment::stamped,
                                        BaselineMoment::by_hand, BaselineMoment::purged};

}  // namespace

const char* to_string(BaselineMoment moment) {
  switch (moment) {
    case BaselineMoment::forward:
      return "forward";
    case BaselineMoment::back:
      return "back";
    case BaselineMoment::stamped:
      return "stamped";
    case BaselineMoment::by_hand:
      return "by_hand";
    case BaselineMoment::purged:
      return "purged";
  }
  return "?";
}

Result<Snapshot> look_for_baseline(Session& session) {
  return take_snapshot(session, {.rows = false, .time = std::chrono::seconds(10)});
}

Result<void> keep_baseline(Session& session, const PlanId& plan, Phase phase, BaselineMoment moment,
                           const Result<Snapshot>& seen) {
  if (!seen) {
    PGPHASE_CHECK(session.query("DELETE FROM pgphase.snapshot"));
    return {};
  }
  PGPHASE_CHECK(session.query(
      "INSERT INTO pgphase.snapshot (plan, phase, moment, server_version, objects) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (singleton) DO UPDATE SET plan = excluded.plan, phase = excluded.phase, moment = excluded.moment, "
      "  server_version = excluded.server_version, objects = excluded.objects, taken_at = excluded.taken_at",
      {plan.value, to_string(phase), to_string(moment), std::to_string(session.server_version()),
       to_json_text(*seen)}));
  return {};
}

Result<std::optional<Baseline>> read_baseline(Session& session) {
  PGPHASE_TRY(version, ledger_version(session));
  if (version < k_first_ledger_with_snapshots) return std::optional<Baseline>();
  PGPHASE_TRY(rows, session.query("SELECT plan, phase, moment, (extract(epoch FROM taken_at) * 1000000)::bigint, "
                                  "       server_version, objects FROM pgphase.snapshot"));
  if (rows.empty()) return std::optional<Baseline>();
  const auto& row = rows[0];
  Baseline baseline;
  baseline.plan = PlanId{row.text(0)};
  for (const auto phase : k_phases) {
    if (row.text(1) == to_string(phase)) baseline.phase = phase;
  }
  for (const auto moment : k_moments) {
    if (row.text(2) == to_string(moment)) baseline.moment = moment;
  }
  baseline.taken_at = ServerTime(std::chrono::microseconds(row.integer(3)));
  baseline.server_version = static_cast<int>(row.integer(4));
  PGPHASE_TRY(snapshot, snapshot_from_json(row.text(5)));
  baseline.snapshot = std::move(snapshot);
  return std::optional<Baseline>(std::move(baseline));
}

}  // namespace pgphase
