#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/added_column.hpp"
#include "phases/retire/emptiness.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/retire.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/sync/links.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

std::string describe(const AddColumnBody& body) {
  return fmt::format("column {} of table {}", body.column, display_name(body.table));
}

// What has been derived from the column goes on following it.
Result<void> be_followed(Session& session, const TableName& table, const Renaming& move) {
  PGPHASE_CHECK(other_links_follow(session, 0, table, {move}));
  return carry_out_links(session, table);
}

Result<bool> column_exists(Session& session, const std::string& oid, const std::string& column) {
  PGPHASE_TRY(found, session.query("SELECT FROM pg_attribute WHERE attrelid = $1 AND attname = $2 AND NOT attisdropped "
                                   "AND attnum > 0",
                                   {oid, column}));
  return !found.empty();
}

Result<RetireOutcome> add_column(Session& session, const StepSite& site, const AddColumnBody& body) {
  StepChange step;
  step.label = "column.add";
  step.doing = "adding " + describe(body);
  step.locks = {{body.table, LockMode::access_exclusive}};
  step.if_name_taken = k_stamp_or_rename;
  const auto looked = look_at_adding(session, body.table, {added_by(body)});
  if (!looked && looked.error().code != Errc::sql) return looked.error();  // of a type that is none the step tells
  if (looked && !looked->obstacles.empty()) return refused_by(step.doing, looked->obstacles, Direction::forward);
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(body.sql));
    return std::string("created");
  };
  return attempt_step(session, site, step);
}

// What the retirement took from a column that had no default.
struct NotNull {
  bool dropped = false;
  std::string constraint;  // its name, from 18

  std::string to_json() const {
    return json::serialize(json::object{{"not_null", dropped}, {"not_null_constraint", constraint}});
  }
  static Result<NotNull> from_json(const std::string& text) {
    try {
      const auto value = json::parse(text);
      return NotNull{value.at("not_null").as_bool(), json::value_to<std::string>(value.at("not_null_constraint"))};
    } catch (const std::exception& e) {
      return make_error(Errc::bug, fmt::format("the ledger's record of a retired column cannot be read: {}", e.what()),
                        "Nothing was changed.");
    }
  }
};

// Only where the rows fit into a few pages: a scan of more would keep everybody waiting. Returns what to tell.
Result<std::string> put_not_null_back(Session& session, const AddColumnBody& body, const std::string& oid,
                                      const NotNull& not_null) {
  if (!not_null.dropped) return std::string();
  const std::string nullable = "; NOT NULL was not put back: rows that were written meanwhile may lack a value";
  PGPHASE_TRY(small, session.query(fmt::format("SELECT relkind = 'r' AND pg_relation_size(oid) <= {} * "
                                               "current_setting('block_size')::bigint FROM pg_class WHERE oid = $1",
                                               k_few_pages),
                                   {oid}));
  if (!small[0].boolean(0)) return nullable;
  const auto table = qualified(body.table);
  const auto column = quote_ident(body.column);
  PGPHASE_TRY(all_have_one,
              session.query(fmt::format("SELECT NOT EXISTS (SELECT FROM ONLY {} WHERE {} IS NOT DISTINCT FROM NULL)", table, column)));
  if (!all_have_one[0].boolean(0)) return nullable;
  if (not_null.constraint.empty()) {
    PGPHASE_CHECK(session.script(fmt::format("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, column)));
  } else {
    PGPHASE_CHECK(session.script(
        fmt::format("ALTER TABLE {} ADD CONSTRAINT {} NOT NULL {}", table, quote_ident(not_null.constraint), column)));
  }
  return std::string();
}

Result<RetireOutcome> restore_column(Session& session, const StepSite& site, const AddColumnBody& body,
                                     const RetiredRecord& retired) {
  PGPHASE_TRY(not_null, NotNull::from_json(retired.definition));
  StepChange step;
  step.label = "column.restore";
  step.doing = "restoring " + describe(body);
  PGPHASE_CHECK(must_be_of_this_origin(retired, step.doing, body.sql));
  step.locks = {{body.table, LockMode::access_exclusive}};
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(oid, table_oid(s, body.table));
    bool hidden = false;
    if (oid) {
      PGPHASE_TRY(there, column_exists(s, *oid, retired.hidden_as));
      hidden = there;
    }
    if (!hidden) {
      return make_error(
          Errc::refused,
          fmt::format("{} cannot be restored: {}, as which it was retired, is gone", describe(body), retired.hidden_as),
          fmt::format(
              "Nothing was changed. Bring it back from a backup, or add the column by hand and record that with "
              "`pgphase step {} '{}/{}' --done --reason …`.",
              site.key.plan.value, to_string(site.key.phase), site.key.step));
    }
    PGPHASE_TRY(taken, column_exists(s, *oid, body.column));
    if (taken) {
      return make_error(
          Errc::refused,
          fmt::format("{} cannot be restored: somebody has added a column of that name meanwhile", describe(body)),
          fmt::format("Nothing was changed; the values are safe in {}. Rename the new column, then run this "
                      "again.",
                      retired.hidden_as));
    }
    return record_restored(s, retired.id);
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_TRY(oid, locked_table_oid(s, body.table));
    PGPHASE_CHECK(s.script(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", qualified(body.table),
                                       quote_ident(retired.hidden_as), quote_ident(body.column))));
    PGPHASE_CHECK(be_followed(s, body.table, {retired.hidden_as, body.column}));
    PGPHASE_TRY(reservation, put_not_null_back(s, body, oid, not_null));
    return "restored with its values" + reservation;
  };
  return attempt_step(session, site, step);
}

// DEFAULT and NOT NULL stay where there is a default: a row that the old application inserts meanwhile gets the very
// value that it would have got. Without a default NOT NULL would refuse that row.
Result<std::string> retire_column(Session& session, const StepSite& site, const AddColumnBody& body,
                                  const std::string& oid, std::int64_t number) {
  PGPHASE_TRY(
      found, session.query(
                 fmt::format(
                     "SELECT a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL, "
                     "       {}, coalesce((s.stawidth * c.reltuples)::bigint, 0) "
                     "  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid "
                     "  LEFT JOIN LATERAL (SELECT avg_width AS stawidth FROM pg_stats WHERE schemaname = $3 AND "
                     "tablename = $4 "
                     "                     AND attname = a.attname AND NOT inherited) s ON true "
                     " WHERE a.attrelid = $1 AND a.attname = $2",
                     session.server_version() < 180000 ? "NULL"
                                                       : "(SELECT conname FROM pg_constraint WHERE contype = 'n' AND "
                                                         "conrelid = a.attrelid AND conkey[1] = a.attnum)"),
                 {oid, body.column, body.table.schema, body.table.name}));
  const NotNull not_null{found[0].boolean(0), found[0].text(1)};

  RetiredRecord record;
  record.id = number;
  record.key = site.key;
  record.kind = "column";
  record.table = body.table;
  record.object = body.column;
  record.hidden_as = retired_column_name(number);
  record.definition = with_origin(not_null.to_json(), body.sql);
  record.bytes = std::max<std::int64_t>(found[0].integer(2), 0);
  std::string sql = fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {};", qualified(body.table),
                                quote_ident(body.column), record.hidden_as);
  if (not_null.dropped) {
    sql += fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL;", qualified(body.table), record.hidden_as);
  }
  PGPHASE_CHECK(session.script(sql));
  PGPHASE_CHECK(be_followed(session, body.table, {body.column, record.hidden_as}));
  PGPHASE_CHECK(record_retired(session, record));
  auto what = fmt::format("retired as column {} of table {}", record.hidden_as, display_name(body.table));
  if (record.bytes > 0) what += fmt::format(" (about {})", human_bytes(record.bytes));
  return what;
}

}  // namespace

Result<RetireOutcome> add_or_restore_column(Session& session, const StepSite& site, const AddColumnBody& body) {
  PGPHASE_TRY(retired, retired_by(session, site.key, "column"));
  return retired ? restore_column(session, site, body, *retired) : add_column(session, site, body);
}

Result<RetireOutcome> undo_add_column(Session& session, const StepSite& site, const AddColumnBody& body) {
  StepChange step;
  step.label = "column.undo";
  step.doing = "undoing the addition of " + describe(body);
  step.direction = Direction::back;
  step.locks = {{body.table, LockMode::access_exclusive}};
  const std::string already_gone = "nothing to do: somebody has dropped the column already";
  bool exists = false;
  std::int64_t number = 0;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(oid, table_oid(s, body.table));
    if (!oid) return {};
    PGPHASE_TRY(there, column_exists(s, *oid, body.column));
    if (!there) return {};
    exists = true;
    PGPHASE_TRY(obstacles, column_obstacles(s, body.table, *oid, body.column));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles);
    PGPHASE_TRY(reserved, reserve_retired_number(s));
    number = reserved;
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    if (!exists) return already_gone;
    PGPHASE_TRY(oid, locked_table_oid(s, body.table));
    PGPHASE_TRY(still_there, column_exists(s, oid, body.column));
    if (!still_there) return already_gone;
    // Asked again: until the lock was granted anybody could build on the column.
    PGPHASE_TRY(obstacles, column_obstacles(s, body.table, oid, body.column));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles);
    PGPHASE_TRY(empty, column_certainly_empty(s, body, oid));
    PGPHASE_TRY(followed, is_spoken_of(s, body.table, body.column));
    if (!empty || followed) return retire_column(s, site, body, oid, number);
    PGPHASE_CHECK(s.script(fmt::format("ALTER TABLE {} DROP COLUMN {}", qualified(body.table),
                                       quote_ident(body.column))));  // never CASCADE
    return std::string("dropped: no row had a value of its own in it");
  };
  return attempt_step(session, site, step);
}

}  // namespace pgphase
