#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/emptiness.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/retire.hpp"
#include "phases/retire/retired_schema.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/table_names.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

Result<void> nothing_has_stayed(Session& session, const std::vector<StepKey>& with_it) {
  for (const auto& step : with_it) PGPHASE_CHECK(step_not_kept(session, step));
  return {};
}

Result<RetireOutcome> create_table(Session& session, const StepSite& site, const CreateTableBody& body,
                                   const std::vector<StepKey>& with_it) {
  StepChange step;
  step.label = "table.create";
  step.doing = "creating table " + display_name(body.table);
  step.if_name_taken = k_stamp_or_rename;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(body.sql));
    PGPHASE_CHECK(nothing_has_stayed(s, with_it));
    return std::string("created");
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> restore_table(Session& session, const StepSite& site, const CreateTableBody& body,
                                    const RetiredRecord& retired) {
  PGPHASE_TRY(names, TableNames::from_json(retired.definition));
  const TableName hidden{k_retired_schema, names.hidden};
  StepChange step;
  step.label = "table.restore";
  step.doing = "restoring table " + display_name(body.table);
  PGPHASE_CHECK(must_be_of_this_origin(retired, step.doing, body.sql));
  step.locks = {{hidden, LockMode::access_exclusive}};
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(oid, table_oid(s, hidden));
    if (!oid) return retired_table_is_gone(retired);
    PGPHASE_CHECK(names_are_free(s, names));
    return record_restored(s, retired.id);
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(names.restore_sql()));
    PGPHASE_CHECK(drop_retired_schema_if_empty(s));
    PGPHASE_TRY(size,
                s.query("SELECT reltuples::bigint, pg_total_relation_size(oid) FROM pg_class WHERE oid = $1::regclass",
                        {qualified(names.table)}));
    const auto bytes = human_bytes(size[0].integer(1));
    if (size[0].integer(0) <= 0) return fmt::format("restored with its rows ({})", bytes);  // never counted
    return fmt::format("restored with its about {} rows ({})", human_count(size[0].integer(0)), bytes);
  };
  return attempt_step(session, site, step);
}

Result<std::string> retire_table(Session& session, const StepSite& site, const TableName& table,
                                 const std::string& made_by, const std::string& oid, std::int64_t number) {
  PGPHASE_TRY(names, names_to_retire(session, table, oid, number));
  PGPHASE_CHECK(make_retired_schema(session));
  PGPHASE_TRY(size, session.query("SELECT pg_total_relation_size($1::oid)", {oid}));
  PGPHASE_CHECK(session.script(names.retire_sql()));
  RetiredRecord record;
  record.id = number;
  record.key = site.key;
  record.kind = "table";
  record.table = table;
  record.object = table.name;
  record.hidden_as = names.hidden;
  record.definition = with_origin(names.to_json(), made_by);
  record.bytes = size[0].integer(0);
  PGPHASE_CHECK(record_retired(session, record));
  return fmt::format("retired as {} ({})", qualified({k_retired_schema, names.hidden}), human_bytes(record.bytes));
}

}  // namespace

Result<RetireOutcome> create_or_restore_table(Session& session, const StepSite& site, const CreateTableBody& body,
                                              const std::vector<StepKey>& with_it) {
  PGPHASE_TRY(retired, retired_by(session, site.key, "table"));
  return retired ? restore_table(session, site, body, *retired) : create_table(session, site, body, with_it);
}

Result<RetireOutcome> undo_create_table(Session& session, const StepSite& site, const CreateTableBody& body,
                                        const std::vector<StepKey>& with_it) {
  StepChange step;
  step.label = "table.undo";
  step.doing = "undoing the creation of table " + display_name(body.table);
  step.direction = Direction::back;
  step.locks = {{body.table, LockMode::access_exclusive}};
  bool exists = false;
  std::int64_t number = 0;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(oid, table_oid(s, body.table));
    exists = oid.has_value();
    if (!exists) return {};
    PGPHASE_TRY(obstacles, table_obstacles(s, body.table, *oid));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles);
    PGPHASE_TRY(reserved, reserve_retired_number(s));
    number = reserved;
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    if (!exists) {
      PGPHASE_CHECK(nothing_has_stayed(s, with_it));
      return std::string("nothing to do: somebody has dropped the table already");
    }
    PGPHASE_TRY(oid, locked_table_oid(s, body.table));
    // Asked again: until the lock was granted anybody could build on the table.
    PGPHASE_TRY(obstacles, table_obstacles(s, body.table, oid));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles);
    PGPHASE_TRY(empty, table_certainly_empty(s, body.table, oid));
    if (!empty) return retire_table(s, site, body.table, body.sql, oid, number);
    PGPHASE_CHECK(s.script("DROP TABLE " + qualified(body.table)));  // never CASCADE
    PGPHASE_CHECK(nothing_has_stayed(s, with_it));
    return std::string("dropped: it was empty");
  };
  return attempt_step(session, site, step);
}

}  // namespace pgphase
