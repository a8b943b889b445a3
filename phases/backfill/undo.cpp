#include "phases/backfill/undo.hpp"

#include "phases/backfill/marker.hpp"

namespace pgphase {
namespace {

Params of(const StepKey& key) {
  return {key.plan.value, to_string(key.phase), key.step};
}

// Its number comes from a sequence, so the name alone says whose it is, whatever the table is called by now.
constexpr const char* k_marker_exists =
    "EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') "
    "WHERE a.attname = marker AND NOT a.attisdropped)";

Result<void> run(Session& session, const std::string& sql, const StepKey& key) {
  if (auto done = session.query(sql, of(key)); !done) return done.error();
  return {};
}

}  // namespace

Result<std::optional<std::string>> marker_left(Session& session, const StepKey& key) {
  PGPHASE_TRY(rows, session.query(std::string("SELECT marker FROM pgphase.backfill WHERE plan = $1 AND phase = $2 AND "
                                              "step = $3 AND marker IS NOT NULL AND ") +
                                      k_marker_exists,
                                  of(key)));
  return rows.empty() ? std::nullopt : rows[0].maybe(0);
}

Result<void> forget_backfill(Session& session, const StepKey& key) {
  PGPHASE_CHECK(run(session,
                    std::string("DELETE FROM pgphase.backfill WHERE plan = $1 AND phase = $2 AND step = $3 "
                                "AND (marker IS NULL OR NOT ") +
                        k_marker_exists + ")",
                    key));
  PGPHASE_CHECK(run(session, "DELETE FROM pgphase.chunk WHERE plan = $1 AND phase = $2 AND step = $3", key));
  PGPHASE_CHECK(run(session, "DELETE FROM pgphase.bad_row WHERE plan = $1 AND phase = $2 AND step = $3", key));
  return run(session,
             "UPDATE pgphase.backfill SET stage = 'prepare', sweep_pass = 0, swept_rows = 0, pages_total = 0, "
             "scan_done_at = NULL, started_at = clock_timestamp() WHERE plan = $1 AND phase = $2 AND step = $3",
             key);
}

Result<Attempt> discard_marker(Session& session, const Fence& fence, const LockLimits& limits, const StepKey& key,
                               const TableName& table, const std::function<Result<void>(Session&)>& record) {
  PGPHASE_TRY(marker, marker_left(session, key));
  const auto forget = [&](Session& inside) -> Result<void> {
    if (record) PGPHASE_CHECK(record(inside));
    return run(inside, "DELETE FROM pgphase.backfill WHERE plan = $1 AND phase = $2 AND step = $3", key);
  };
  if (marker) return drop_marker(session, fence, limits, table, *marker, forget);
  auto transaction = begin_fenced(session, fence, "backfill.forget");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(forget(session));
  PGPHASE_CHECK(transaction->commit());
  return Attempt{true, {}, 0};
}

}  // namespace pgphase
