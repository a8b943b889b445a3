#include "phases/backfill/marker.hpp"

#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

Result<void> run(Session& session, const std::string& sql) {
  if (auto done = session.script(sql); !done) return done.error();
  return {};
}

}  // namespace

Result<std::string> reserve_marker(Session& session) {
  PGPHASE_TRY(number, reserve_retired_number(session));
  return fmt::format("_pgphase_todo_{}", number);
}

Result<bool> marker_exists(Session& session, const Target& target, const std::string& marker) {
  PGPHASE_TRY(
      rows,
      session.query(
          fmt::format("SELECT FROM pg_attribute WHERE attrelid = {} AND attname = $1 AND NOT attisdropped", target.oid),
          {marker}));
  return !rows.empty();
}

Result<void> check_marker(Session& session, const Target& target, const std::string& marker) {
  PGPHASE_TRY(
      odd,
      session.query(
          fmt::format(
              "SELECT l.oid::regclass, coalesce(pg_get_expr(d.adbin, d.adrelid), 'none') "
              "  FROM {} l LEFT JOIN pg_attribute a ON a.attrelid = l.oid AND a.attname = $1 AND NOT a.attisdropped "
              "  LEFT JOIN pg_attrdef d ON d.adrelid = l.oid AND d.adnum = a.attnum "
              " WHERE pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM 'false' LIMIT 1",
              leaves_of(target.oid)),
          {marker}));
  if (odd.empty()) return {};
  return make_error(
      Errc::step_failed,
      fmt::format(
          "the marker column {} of {} does not have the default false (it has: {}): new rows would count as not "
          "done yet, or as neither",
          marker, odd[0].text(0), odd[0].text(1)),
      fmt::format(
          "A partition attached while the backfill ran is the usual cause. Rows set so far stay set. Set the "
          "column to false where its rows need no change, to true where they do, then ALTER TABLE {} ALTER COLUMN "
          "{} SET DEFAULT false; then `pgphase up` goes on.",
          odd[0].text(0), quote_ident(marker)));
}

Result<Attempt> add_marker(Session& session, const Fence& fence, const LockLimits& limits, const TableName& table,
                           const std::string& marker, const std::function<Result<void>(Session&)>& record) {
  LockedChange change;
  change.label = "backfill.marker";
  change.locks = {{table, LockMode::access_exclusive}};
  change.record = record;
  change.change = [&](Session& locked) {
    // The first default is what existing rows read, without being written; the second is what new rows get.
    return run(locked, fmt::format("ALTER TABLE {0} ADD COLUMN {1} boolean DEFAULT true;"
                                   "ALTER TABLE {0} ALTER COLUMN {1} SET DEFAULT false",
                                   qualified(table), quote_ident(marker)));
  };
  return attempt_change(session, fence, limits, change);
}

Result<Attempt> drop_marker(Session& session, const Fence& fence, const LockLimits& limits, const TableName& table,
                            const std::string& marker, const std::function<Result<void>(Session&)>& record) {
  LockedChange change;
  change.label = "backfill.marker_drop";
  change.locks = {{table, LockMode::access_exclusive}};
  change.record = record;
  change.change = [&](Session& locked) {
    return run(locked,
               fmt::format("ALTER TABLE IF EXISTS {} DROP COLUMN IF EXISTS {}", qualified(table), quote_ident(marker)));
  };
  return attempt_change(session, fence, limits, change);
}

}  // namespace pgphase
