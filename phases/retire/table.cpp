#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/emptiness.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/retire.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/table_names.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

Result<RetireOutcome> create_table(Session& session, const StepSite& site, const CreateTableBody& body) {
  StepChange step;
  step.label = "table.create";
  step.doing = "creating table " + display_name(body.table);
  step.if_name_taken = k_stamp_or_rename;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(body.sql));
    return std::string("created");
  };
  return attempt_step(session, site, step);
}

// Gone from the schema of the retired: somebody dropped it by hand, and an empty table in its place would hide that.
Error retired_table_is_gone(const RetiredRecord& retired) {
  return make_error(
      Errc::refused,
      fmt::format("table {} cannot be restored: {}.{}, as which it was retired, is gone", display_name(retired.table),
                  k_retired_schema, retired.hidden_as),
      fmt::format("Nothing was changed. Bring it back from a backup, or make the table by hand and record "
                  "that with `pgphase step {} {}/{} --done --reason …`.",
                  retired.key.plan.value, to_string(retired.key.phase), retired.key.step));
}

Result<void> names_are_free(Session& session, const TableNames& names) {
  std::string list;
  for (const auto& name : names.relation_names()) list += (list.empty() ? "" : ", ") + quote_literal(name);
  PGPHASE_TRY(
      taken, session.query(
                 fmt::format("SELECT string_agg(pg_describe_object(1259, c.oid, 0), ', ' ORDER BY c.relname), count(*) "
                             "FROM pg_class c "
                             "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname IN ({})",
                             list),
                 {names.table.schema}));
  if (taken[0].is_null(0)) return {};
  return make_error(Errc::refused,
                    fmt::format("table {} cannot be restored: its {} taken meanwhile by {}", display_name(names.table),
                                taken[0].integer(1) == 1 ? "name is" : "names are", taken[0].text(0)),
                    fmt::format("Nothing was changed; its rows are safe in {}.{}. Rename what took the name, then run "
                                "this again.",
                                k_retired_schema, quote_ident(names.hidden)));
}

// The schema of the retired exists only as long as something is in it, so that a round trip leaves no trace. It stays
// when it is not empty, and when it belongs to somebody else.
constexpr const char* k_drop_schema_when_empty = R"sql(
DO $$
BEGIN
  DROP SCHEMA IF EXISTS pgphase_retired;
EXCEPTION
  WHEN dependent_objects_still_exist OR insufficient_privilege THEN NULL;
END $$
)sql";

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
    PGPHASE_CHECK(s.script(k_drop_schema_when_empty));
    PGPHASE_TRY(size,
                s.query("SELECT reltuples::bigint, pg_total_relation_size(oid) FROM pg_class WHERE oid = $1::regclass",
                        {qualified(names.table)}));
    const auto bytes = human_bytes(size[0].integer(1));
    if (size[0].integer(0) <= 0) return fmt::format("restored with its rows ({})", bytes);  // never counted
    return fmt::format("restored with its about {} rows ({})", human_count(size[0].integer(0)), bytes);
  };
  return attempt_step(session, site, step);
}

Result<void> make_retired_schema(Session& session) {
  // Not CREATE … IF NOT EXISTS: that asks for the right to create schemas even when it has nothing to do.
  PGPHASE_TRY(exists, session.query("SELECT FROM pg_namespace WHERE nspname = $1", {k_retired_schema}));
  if (!exists.empty()) return {};
  PGPHASE_CHECK(session.script(fmt::format(
      "CREATE SCHEMA {0}; REVOKE ALL ON SCHEMA {0} FROM PUBLIC;"
      "COMMENT ON SCHEMA {0} IS 'Tables that pgphase has taken out of sight; \"pgphase status\" lists them.'",
      k_retired_schema)));
  return {};
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

Result<RetireOutcome> create_or_restore_table(Session& session, const StepSite& site, const CreateTableBody& body) {
  PGPHASE_TRY(retired, retired_by(session, site.key, "table"));
  return retired ? restore_table(session, site, body, *retired) : create_table(session, site, body);
}

Result<RetireOutcome> undo_create_table(Session& session, const StepSite& site, const CreateTableBody& body) {
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
    if (!exists) return std::string("nothing to do: somebody has dropped the table already");
    PGPHASE_TRY(oid, locked_table_oid(s, body.table));
    // Asked again: until the lock was granted anybody could build on the table.
    PGPHASE_TRY(obstacles, table_obstacles(s, body.table, oid));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles);
    PGPHASE_TRY(empty, table_certainly_empty(s, body.table, oid));
    if (!empty) return retire_table(s, site, body.table, body.sql, oid, number);
    PGPHASE_CHECK(s.script("DROP TABLE " + qualified(body.table)));  // never CASCADE
    return std::string("dropped: it was empty");
  };
  return attempt_step(session, site, step);
}

}  // namespace pgphase
