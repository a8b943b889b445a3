#include "phases/old_values/old_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "phases/catalogue/publications_of.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/sync/function.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

std::string function_name(const OldValues& room) {
  return fmt::format("_pgphase_old_{}", room.number);
}

// The first of the table's triggers, for statements that name a column; and the last, behind the user's and behind
// those that keep columns in step, for values that a trigger has changed.
std::string first_trigger(const OldValues& room) {
  return quote_ident(fmt::format("!pgphase_told_{}", room.number));
}
std::string last_trigger(const OldValues& room) {
  return quote_ident(fmt::format("~pgphase_told_{}", room.number));
}

std::string quoted_columns(const OldValues& room, const std::string& row = {}) {
  std::vector<std::string> names;
  for (const auto& one : room.columns) names.push_back(row + quote_ident(one.column));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string add_columns_sql(const OldValues& room, const std::vector<std::string>& types) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < room.columns.size(); ++i) {
    parts.push_back(fmt::format("ADD COLUMN {} {}", quote_ident(room.columns[i].kept_as), types[i]));
  }
  parts.push_back(fmt::format("ADD COLUMN {} boolean", quote_ident(room.mark())));
  return fmt::format("ALTER TABLE {} {};", qualified(room.table), fmt::join(parts, ", "));
}

std::string function_sql(const OldValues& room) {
  std::string body = fmt::format("  NEW.{} := false;\n", quote_ident(room.mark()));
  for (const auto& one : room.columns) body += fmt::format("  NEW.{} := NULL;\n", quote_ident(one.kept_as));
  return fmt::format(
      "CREATE FUNCTION pgphase.{}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS "
      "$pgphase$BEGIN\n{}  RETURN NEW;\nEND$pgphase$;",
      quote_ident(function_name(room)), body);
}

// Fill (NULL or false to true) and rollback (true to NULL) pass by the first two; a backfill that sets a row once more
// by the third, unless a trigger of the user's does it within.
std::string triggers_sql(const OldValues& room) {
  const auto mark = quote_ident(room.mark());
  const auto not_ours = fmt::format(
      "OLD.{0} AND NEW.{0} AND (coalesce(pg_catalog.current_setting({1}, true), '') NOT LIKE 'old-%' "
      "OR pg_catalog.pg_trigger_depth() > 0)",
      mark, quote_literal(k_backfill_flag));
  const auto trigger = [&](const std::string& name, const std::string& event, const std::string& when) {
    return fmt::format(
        "CREATE TRIGGER {0} BEFORE UPDATE{1} ON {2} FOR EACH ROW WHEN ({3}) EXECUTE FUNCTION pgphase.{4}();"
        "ALTER TABLE {2} ENABLE ALWAYS TRIGGER {0};",
        name, event, qualified(room.table), when, quote_ident(function_name(room)));
  };
  return trigger(first_trigger(room), " OF " + quoted_columns(room), not_ours) +
         trigger(last_trigger(room), "",
                 fmt::format("{} AND pg_catalog.record_image_ne(ROW({}), ROW({}))", not_ours,
                             quoted_columns(room, "NEW."), quoted_columns(room, "OLD.")));
}

// Of a domain the type below it: a column that is added empty must take NULL.
Result<std::vector<std::string>> types_of(Session& session, const std::string& doing, const OldValues& room) {
  std::vector<std::string> types;
  for (const auto& one : room.columns) {
    PGPHASE_TRY(rows,
                session.query("WITH RECURSIVE below AS ("
                              "  SELECT a.atttypid AS type, a.atttypmod AS modifier FROM pg_attribute a "
                              "    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                              "   WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped "
                              "  UNION ALL "
                              "  SELECT t.typbasetype, t.typtypmod FROM below JOIN pg_type t ON t.oid = below.type "
                              "   WHERE t.typtype = 'd') "
                              "SELECT format_type(b.type, b.modifier) FROM below b JOIN pg_type t ON t.oid = b.type "
                              " WHERE t.typtype <> 'd'",
                              {room.table.schema, room.table.name, one.column}));
    if (rows.empty()) {
      return make_error(Errc::step_failed,
                        fmt::format("{}: table {} has no column {}", doing, display_name(room.table), one.column),
                        "Nothing was changed.");
    }
    types.push_back(rows[0].text(0));
  }
  return types;
}

std::string describe(const KeepOldBody& body) {
  return fmt::format("the old values of {} in table {}", fmt::join(body.columns, ", "), display_name(body.table));
}

Result<void> record(Session& session, const StepKey& key, const OldValues& room, const std::vector<std::int64_t>& ids) {
  for (std::size_t i = 0; i < room.columns.size(); ++i) {
    RetiredRecord one;
    one.id = ids[i];
    one.key = key;
    one.kind = k_old_value;
    one.table = room.table;
    one.object = room.columns[i].column;
    one.hidden_as = room.columns[i].kept_as;
    one.definition = json::serialize(json::object{{"mark", room.mark()}});
    PGPHASE_CHECK(record_retired(session, one));
  }
  return {};
}

Result<std::vector<RetiredRecord>> records_of(Session& session, const StepKey& key) {
  PGPHASE_TRY(records, read_retired(session, key.plan));
  std::erase_if(records, [&key](const RetiredRecord& one) { return one.kind != k_old_value || one.key != key; });
  return records;
}

}  // namespace

std::string OldValues::mark() const {
  return fmt::format("_pgphase_kept_{}", number);
}

std::string OldValues::key() const {
  return fmt::format("old-{}", number);
}

Result<RetireOutcome> make_room(Session& session, const StepSite& site, const KeepOldBody& body) {
  StepChange step;
  step.label = "old_values.make_room";
  step.doing = "making room for " + describe(body);
  step.locks = {{body.table, LockMode::access_exclusive}};
  OldValues room;
  std::vector<std::int64_t> ids;
  step.prepare = [&](Session& s) -> Result<void> {
    room = {body.table, {}, 0};
    ids.clear();
    for (const auto& column : body.columns) {
      PGPHASE_TRY(number, reserve_retired_number(s));
      ids.push_back(number);
      room.columns.push_back({column, fmt::format("_pgphase_old_{}", number)});
    }
    room.number = ids.front();
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    PGPHASE_TRY(obstacles, obstacles_to_keeping(s, body));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles, Direction::forward);
    PGPHASE_TRY(types, types_of(s, step.doing, room));
    PGPHASE_CHECK(s.script(add_columns_sql(room, types) + function_sql(room) + triggers_sql(room)));
    PGPHASE_CHECK(record(s, site.key, room, ids));
    return std::string("each row has room for its old values");
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> drop_room(Session& session, const StepSite& site, const KeepOldBody& body) {
  StepChange step;
  step.label = "old_values.drop_room";
  step.doing = "dropping the room for " + describe(body);
  step.direction = Direction::back;
  step.locks = {{body.table, LockMode::access_exclusive}};
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_TRY(records, records_of(s, site.key));
    if (records.empty()) return std::string("nothing to undo");
    PGPHASE_TRY(room, old_values_from(records));
    PGPHASE_CHECK(s.script(drop_room_sql(room)));
    for (const auto& one : records) PGPHASE_CHECK(record_restored(s, one.id));
    return std::string("the room for old values is dropped");
  };
  return attempt_step(session, site, step);
}

Result<std::vector<std::string>> obstacles_to_keeping(Session& session, const KeepOldBody& body) {
  std::vector<std::string> obstacles;
  PGPHASE_TRY(rows,
              session.query("SELECT c.relispartition FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE n.nspname = $1 AND c.relname = $2",
                            {body.table.schema, body.table.name}));
  if (!rows.empty() && rows[0].boolean(0)) {
    obstacles.push_back(
        fmt::format("{} is a partition, and columns for its old values can only come to the whole table: set that one, "
                    "and say with `where` which rows are meant, or give the step a `rollback`, or say why it is "
                    "`irreversible`",
                    display_name(body.table)));
  }
  PGPHASE_TRY(publications, publications_of(session, body.table));
  for (const auto& publication : publications) {
    obstacles.push_back(fmt::format(
        "publication {} publishes {}, and a subscriber without columns for the old values would stop: give the "
        "step a `rollback`, or say why it is `irreversible`",
        publication, display_name(body.table)));
  }
  return obstacles;
}

Result<std::optional<OldValues>> old_values_of(Session& session, const StepKey& keep_step) {
  PGPHASE_TRY(records, records_of(session, keep_step));
  if (records.empty()) return std::optional<OldValues>();
  PGPHASE_TRY(room, old_values_from(records));
  return std::optional(std::move(room));
}

Result<void> old_values_must_be_in_order(Session& session, const StepKey& keep_step) {
  PGPHASE_TRY(room, old_values_of(session, keep_step));
  if (!room) return {};
  PGPHASE_TRY(rows, session.query("SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                                  "  JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  " WHERE n.nspname = $1 AND c.relname = $2 AND t.tgenabled = 'A' "
                                  "   AND quote_ident(t.tgname) IN ($3, $4)",
                                  {room->table.schema, room->table.name, first_trigger(*room), last_trigger(*room)}));
  if (rows[0].integer(0) == 2) return {};
  std::vector<std::string> same;
  for (const auto& one : room->columns) {
    same.push_back(quote_ident(one.column));
  }
  const auto table = qualified(room->table);
  return make_error(
      Errc::refused,
      fmt::format(
          "{} is not rolled back: a trigger of {} that tells newer values of {} from those of the backfill has been "
          "dropped or disabled, or turned on again: what was written meanwhile would be overwritten",
          keep_step.plan.value, display_name(room->table), fmt::join(same, ", ")),
      fmt::format(
          "Nothing was changed. If the old values have to be back now, whatever was written since: the same command "
          "with --lose-data. To keep what was written: `ALTER TABLE {} ENABLE ALWAYS TRIGGER {}, ENABLE ALWAYS "
          "TRIGGER {}`, then `UPDATE {} SET {} = false` for the rows that are to stay as they are, then the same "
          "command again.",
          table, first_trigger(*room), last_trigger(*room), table, room->mark()));
}

std::string keep_assignments(const OldValues& room) {
  const auto row = quote_ident(room.table.name) + ".";
  const auto mark = quote_ident(room.mark());
  std::string sql;
  for (const auto& one : room.columns) {
    const auto kept = quote_ident(one.kept_as);
    sql +=
        fmt::format("{0} = CASE WHEN {1}{2} THEN {1}{0} ELSE {1}{3} END, ", kept, row, mark, quote_ident(one.column));
  }
  return sql + mark + " = true";
}

BackfillBody restoring(const OldValues& room) {
  BackfillBody body;
  body.table = room.table;
  body.todo = Todo::where;
  body.where = quote_ident(room.table.name) + "." + quote_ident(room.mark());
  for (const auto& one : room.columns) {
    body.set.push_back({one.column, quote_ident(one.kept_as)});
    body.set.push_back({one.kept_as, "NULL"});
  }
  body.set.push_back({room.mark(), "NULL"});
  return body;
}

Result<std::int64_t> newer_values(Session& session, const OldValues& room) {
  PGPHASE_TRY(rows, session.query(fmt::format("SELECT count(*) FROM {} WHERE {} IS FALSE", qualified(room.table),
                                              quote_ident(room.mark()))));
  return rows[0].integer(0);
}

std::string drop_room_sql(const OldValues& room) {
  const auto table = qualified(room.table);
  std::string drops;
  for (const auto& one : room.columns) drops += fmt::format("DROP COLUMN IF EXISTS {}, ", quote_ident(one.kept_as));
  return fmt::format(
      "DROP TRIGGER IF EXISTS {1} ON {0}; DROP TRIGGER IF EXISTS {2} ON {0}; DROP FUNCTION IF EXISTS pgphase.{3}();"
      "ALTER TABLE {0} {4}DROP COLUMN IF EXISTS {5};",
      table, first_trigger(room), last_trigger(room), quote_ident(function_name(room)), drops,
      quote_ident(room.mark()));
}

Result<OldValues> old_values_from(const std::vector<RetiredRecord>& records) {
  OldValues room;
  room.table = records.front().table;
  for (const auto& one : records) room.columns.push_back({one.object, one.hidden_as});
  try {
    const auto mark = json::value_to<std::string>(json::parse(records.front().definition).at("mark"));
    room.number = std::stoll(mark.substr(mark.rfind('_') + 1));
  } catch (const std::exception& e) {
    return make_error(Errc::bug, fmt::format("the ledger's record of old values cannot be read: {}", e.what()),
                      "Nothing was changed.");
  }
  return room;
}

}  // namespace pgphase
