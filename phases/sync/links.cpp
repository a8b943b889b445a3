#include "phases/sync/links.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "phases/retire/names.hpp"
#include "phases/sync/link_json.hpp"
#include "phases/sync/order.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/base/one_line.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_columns = "SELECT id, plan, phase, step, schema_name, table_name, link FROM pgphase.link ";

Result<std::vector<StoredLink>> from_rows(const Rows& rows) {
  std::vector<StoredLink> links;
  for (const auto& row : rows) {
    PGPHASE_TRY(link, sync_link_from_json(row.text(6)));
    link.key = row.text(0);
    StoredLink stored;
    stored.id = row.integer(0);
    stored.key.plan = PlanId{row.text(1)};
    for (const auto phase : k_phases) {
      if (row.text(2) == to_string(phase)) stored.key.phase = phase;
    }
    stored.key.step = row.text(3);
    stored.table = {row.text(4), row.text(5)};
    stored.link = std::move(link);
    links.push_back(std::move(stored));
  }
  return links;
}

// The triggers of ours that the table has.
struct Found {
  std::string name, function;
  char enabled = 'A';  // as pg_trigger has it: always, origin, replica, disabled
  bool always() const { return enabled == 'A'; }
};

Result<std::vector<Found>> triggers_on(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query("SELECT t.tgname, p.proname, t.tgenabled FROM pg_trigger t "
                            "  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "  JOIN pg_proc p ON p.oid = t.tgfoid "
                            " WHERE n.nspname = $1 AND c.relname = $2 AND t.tgname = ANY ($3::name[]) ORDER BY 1",
                            {table.schema, table.name, fmt::format("{{{},{}}}", k_first_trigger, k_last_trigger)}));
  std::vector<Found> found;
  for (const auto& row : rows) found.push_back({row.text(0), row.text(1), row.text(2).front()});
  return found;
}

}  // namespace

Result<std::vector<StoredLink>> read_links(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query(std::string(k_columns) + "WHERE schema_name = $1 AND table_name = $2 ORDER BY id",
                                  {table.schema, table.name}));
  return from_rows(rows);
}

Result<std::vector<StoredLink>> links_at_work(Session& session, const TableName& table) {
  PGPHASE_TRY(all, read_links(session, table));
  std::erase_if(all, [](const StoredLink& one) { return one.link.flow == SyncLink::Flow::ended; });
  return all;
}

Result<std::vector<StoredLink>> links_of_plan(Session& session, const PlanId& plan) {
  PGPHASE_TRY(rows, session.query(std::string(k_columns) + "WHERE plan = $1 ORDER BY id", {plan.value}));
  return from_rows(rows);
}

Result<std::optional<StoredLink>> link_of(Session& session, const StepKey& key) {
  PGPHASE_TRY(rows, session.query(std::string(k_columns) + "WHERE plan = $1 AND phase = $2 AND step = $3",
                                  {key.plan.value, to_string(key.phase), key.step}));
  PGPHASE_TRY(links, from_rows(rows));
  return links.empty() ? std::optional<StoredLink>() : std::optional(std::move(links.front()));
}

Result<StoredLink> add_link(Session& session, const StepKey& key, const TableName& table, SyncLink link) {
  PGPHASE_TRY(made, session.query("INSERT INTO pgphase.link (plan, phase, step, schema_name, table_name, link) "
                                  "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
                                  {key.plan.value, to_string(key.phase), key.step, table.schema, table.name,
                                   to_json_text(link)}));
  link.key = made[0].text(0);
  return StoredLink{made[0].integer(0), key, table, std::move(link)};
}

Result<void> change_link(Session& session, const StoredLink& stored) {
  PGPHASE_CHECK(session.query("UPDATE pgphase.link SET link = $2 WHERE id = $1",
                              {std::to_string(stored.id), to_json_text(stored.link)}));
  return {};
}

Result<void> remove_link(Session& session, const StoredLink& stored) {
  PGPHASE_CHECK(session.query("DELETE FROM pgphase.link WHERE id = $1", {std::to_string(stored.id)}));
  return {};
}

SyncColumn* column_called(SyncLink& link, const std::string& name) {
  for (auto* side : {&link.sources, &link.targets}) {
    for (auto& column : *side) {
      if (column.name == name) return &column;
    }
  }
  return nullptr;
}

void rename_in(SyncLink& link, const std::string& from, const std::string& to) {
  auto* column = column_called(link, from);
  if (!column) return;
  if (column->called.empty()) column->called = column->name;
  column->name = to;
}

namespace {

Result<void> follow(Session& session, std::vector<StoredLink> links, const std::vector<Renaming>& moves) {
  for (auto& stored : links) {
    const auto before = to_json_text(stored.link);
    for (const auto& move : moves) rename_in(stored.link, move.from, move.to);
    if (to_json_text(stored.link) != before) PGPHASE_CHECK(change_link(session, stored));
  }
  return {};
}

}  // namespace

Result<void> links_of_others_follow(Session& session, const PlanId& plan, const TableName& table,
                                    const std::vector<Renaming>& moves) {
  PGPHASE_TRY(links, read_links(session, table));
  std::erase_if(links, [&](const StoredLink& one) { return one.key.plan == plan; });
  return follow(session, std::move(links), moves);
}

Result<void> other_links_follow(Session& session, std::int64_t own, const TableName& table,
                                const std::vector<Renaming>& moves) {
  PGPHASE_TRY(links, read_links(session, table));
  std::erase_if(links, [&](const StoredLink& one) { return one.id == own; });
  return follow(session, std::move(links), moves);
}

Result<bool> is_spoken_of(Session& session, const TableName& table, const std::string& column) {
  PGPHASE_TRY(all, links_at_work(session, table));
  return std::any_of(all.begin(), all.end(),
                     [&](StoredLink& one) { return column_called(one.link, column) != nullptr; });
}

const char* const k_bring_columns_back =
    "give the column its name and type back, or the table its name and schema, and where a column was dropped add one "
    "(ALTER TABLE … RENAME COLUMN … TO …, RENAME TO …, SET SCHEMA … or ADD COLUMN): from then on the table can be "
    "written to";

Result<std::optional<TableName>> goes_by_now(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query("SELECT n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                            "  JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid "
                            "  JOIN pg_namespace pn ON pn.oid = p.pronamespace "
                            " WHERE t.tgname = $4 AND t.tgparentid = 0 AND pn.nspname = 'pgphase' AND p.proname = $3 "
                            "   AND n.nspname <> $5 "
                            "   AND NOT EXISTS (SELECT FROM pg_class o JOIN pg_namespace m ON m.oid = o.relnamespace "
                            "                   WHERE m.nspname = $1 AND o.relname = $2) LIMIT 1",
                            {table.schema, table.name, sync_function_name(table), k_first_trigger, k_retired_schema}));
  return rows.empty() ? std::optional<TableName>() : std::optional(TableName{rows[0].text(0), rows[0].text(1)});
}

Result<std::vector<std::string>> columns_out_of_reach(Session& session, const TableName& table) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(stored, links_at_work(session, table));
  if (stored.empty()) return sentences;
  PGPHASE_TRY(rows, session.query("SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.atttypid "
                                  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                                  " WHERE n.nspname = $1 AND c.relname = $2",
                                  {table.schema, table.name}));
  if (rows.empty()) {  // the table itself is out of sight, gone, or somewhere else
    PGPHASE_TRY(now, goes_by_now(session, table));
    if (now) {
      sentences.push_back(fmt::format("table {}, of which {} keeps columns in step, is called {} now",
                                      display_name(table), stored.front().key.plan.value, display_name(*now)));
    }
    return sentences;
  }
  std::map<std::string, std::pair<std::string, std::string>> types;
  for (const auto& row : rows) types[row.text(0)] = {row.text(1), row.text(2)};
  std::set<std::string> told;
  for (const auto& one : stored) {
    for (const auto* side : {&one.link.sources, &one.link.targets}) {
      for (const auto& column : *side) {
        const auto found = types.find(column.name);
        const auto what = fmt::format("column {} of table {}, which {} keeps in step,", column.name,
                                      display_name(table), one.key.plan.value);
        if (found == types.end()) {
          if (told.insert(column.name).second) {
            sentences.push_back(what + " has been dropped or renamed, so that every write of the table fails");
          }
          continue;
        }
        if (column.type.empty() || found->second.first == column.type) continue;
        PGPHASE_TRY(known, session.query("SELECT to_regtype($1)::oid", {column.type}));
        if (known[0].is_null(0) || known[0].text(0) == found->second.second) continue;
        if (told.insert(column.name).second) {
          sentences.push_back(fmt::format("{} is a {} now and was a {}, so that writes of the table may fail", what,
                                          found->second.first, column.type));
        }
      }
    }
  }
  return sentences;
}

namespace {

Result<void> must_reach_its_columns(Session& session, const TableName& table) {
  PGPHASE_TRY(found, columns_out_of_reach(session, table));
  if (found.empty()) return {};
  return make_error(Errc::refused, fmt::format("{}", fmt::join(found, "; ")),
                    fmt::format("Nothing was changed. First {}.", k_bring_columns_back));
}

}  // namespace

Result<std::vector<std::string>> columns_out_of_reach(Session& session) {
  std::vector<std::string> all;
  PGPHASE_TRY(tables, session.query("SELECT DISTINCT schema_name, table_name FROM pgphase.link "
                                    "WHERE link ->> 'flow' <> 'ended' ORDER BY 1, 2"));
  for (const auto& row : tables) {
    PGPHASE_TRY(found, columns_out_of_reach(session, {row.text(0), row.text(1)}));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

Result<void> carry_out_links(Session& session, const TableName& table) {
  PGPHASE_CHECK(must_reach_its_columns(session, table));
  PGPHASE_TRY(stored, links_at_work(session, table));
  PGPHASE_TRY(found, triggers_on(session, table));
  if (stored.empty()) {
    std::string sql;
    for (const auto& trigger : found) {
      sql += fmt::format("DROP TRIGGER {} ON {};", quote_ident(trigger.name), qualified(table));
    }
    if (!found.empty()) sql += fmt::format("DROP FUNCTION IF EXISTS pgphase.{};", quote_ident(found[0].function));
    if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
    return {};
  }
  SyncTable wanted{table, found.empty() ? sync_function_name(table) : found[0].function, {}};
  for (auto& one : stored) wanted.links.push_back(std::move(one.link));
  PGPHASE_CHECK(session.script(sync_function_sql(wanted)));
  const bool as_they_were_made = found.size() == 2 && found[0].always() && found[1].always();
  if (as_they_were_made) return {};
  std::string sql;
  for (const auto& trigger : found) {
    sql += fmt::format("DROP TRIGGER {} ON {};", quote_ident(trigger.name), qualified(table));
  }
  PGPHASE_CHECK(session.script(sql + create_sync_triggers_sql(wanted)));
  return {};
}

Result<std::vector<std::string>> faults_of_sync(Session& session, const TableName& table) {
  PGPHASE_TRY(stored, links_at_work(session, table));
  std::vector<std::string> faults;
  if (stored.empty()) return faults;
  PGPHASE_TRY(found, triggers_on(session, table));
  for (const auto* name : {k_first_trigger, k_last_trigger}) {
    const auto trigger = std::find_if(found.begin(), found.end(), [&](const Found& one) { return one.name == name; });
    const auto what = fmt::format("the trigger {} of {}", name, display_name(table));
    if (trigger == found.end()) {
      faults.push_back(what + " is gone");
    } else if (trigger->enabled == 'D') {
      faults.push_back(what + " is disabled");
    } else if (!trigger->always()) {
      faults.push_back(what + " is not ENABLE ALWAYS any more: somebody has turned it on again, or off for a while");
    }
  }
  return faults;
}

namespace {

// Rows that are out of step, as far as the columns still have the names that the expressions know.
std::string compare_sql(const StoredLink& stored) {
  std::string is, would_be;
  if (stored.link.flow != SyncLink::Flow::both) return {};
  for (const auto& target : stored.link.targets) {
    if (!target.called.empty()) return {};
    is += (is.empty() ? "" : ", ") + quote_ident(target.name);
    would_be += fmt::format("{}({})::{}", would_be.empty() ? "" : ", ", target.expression, target.type);
  }
  return fmt::format("SELECT * FROM {} AS {} WHERE record_image_ne(ROW({}), ROW({}))", qualified(stored.table),
                     quote_ident(stored.table.name), is, would_be);
}

}  // namespace

Result<void> links_must_be_in_order(Session& session, const PlanId& plan, Direction direction) {
  PGPHASE_TRY(links, links_of_plan(session, plan));
  std::map<TableName, std::string> tables;  // how their rows are compared
  for (const auto& one : links) {
    if (one.link.flow == SyncLink::Flow::ended) continue;
    auto& compared = tables[one.table];
    if (const auto sql = compare_sql(one); !sql.empty()) {
      compared += fmt::format("{}`{}`", compared.empty() ? "" : ", ", one_line(sql));
    }
  }
  std::vector<std::string> faults, lost;
  std::string again, compare;
  for (const auto& [table, compared] : tables) {
    PGPHASE_TRY(out_of_reach, columns_out_of_reach(session, table));
    lost.insert(lost.end(), out_of_reach.begin(), out_of_reach.end());
    PGPHASE_TRY(found, faults_of_sync(session, table));
    PGPHASE_TRY(strays, stray_triggers(session, table));
    for (const auto& stray : strays) {
      faults.push_back(stray.sentence);
      again += stray.rename + "; ";
    }
    if (found.empty()) continue;
    faults.insert(faults.end(), found.begin(), found.end());
    again += fmt::format("ALTER TABLE {0} ENABLE ALWAYS TRIGGER {1}, ENABLE ALWAYS TRIGGER {2}; ", qualified(table),
                         quote_ident(k_first_trigger), quote_ident(k_last_trigger));
    if (!compared.empty()) compare += (compare.empty() ? ": " : ", ") + compared;
  }
  if (!lost.empty()) {
    return make_error(Errc::refused, fmt::format("{} does not go on: {}", plan.value, fmt::join(lost, "; ")),
                      fmt::format("Nothing was changed. First {}. Then the same command again.", k_bring_columns_back));
  }
  if (faults.empty()) return {};
  again.resize(again.size() - 2);
  if (direction == Direction::forward) {
    return make_error(
        Errc::refused, fmt::format("{} does not go on: {}", plan.value, fmt::join(faults, "; ")),
        fmt::format(
            "Nothing was changed. First `{}`. Rows that were written meanwhile may be out of step: compare them{}. "
            "Then the same command again; where a trigger is gone, roll additive back with --lose-data and run up, "
            "which makes it anew and keeps every value.",
            again, compare));
  }
  return make_error(
      Errc::refused,
      fmt::format("{} is not rolled back: {}; what was written meanwhile to one side of the columns may have reached "
                  "none of the other",
                  plan.value, fmt::join(faults, "; ")),
      fmt::format(
          "Nothing was changed. If old code has to work now: the same command with --lose-data. It deletes "
          "nothing, but values that are only in the new columns go out of sight with them. To keep those: `{}`, "
          "compare the rows{}, set the side that is behind, then the same command again.",
          again, compare));
}

}  // namespace pgphase
