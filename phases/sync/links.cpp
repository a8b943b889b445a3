#include "phases/sync/links.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "phases/sync/link_json.hpp"
#include "phases/sync/order.hpp"
#include "plans/base/hidden_names.hpp"
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

Result<void> carry_out_links(Session& session, const TableName& table) {
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

Result<void> links_must_be_in_order(Session& session, const PlanId& plan) {
  PGPHASE_TRY(links, links_of_plan(session, plan));
  std::set<TableName> tables;
  for (const auto& one : links) {
    if (one.link.flow != SyncLink::Flow::ended) tables.insert(one.table);
  }
  std::vector<std::string> faults;
  std::string again;
  for (const auto& table : tables) {
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
  }
  if (faults.empty()) return {};
  return make_error(
      Errc::refused, fmt::format("{} does not go on: {}", plan.value, fmt::join(faults, "; ")),
      fmt::format(
          "Nothing was changed. Rows that were written meanwhile may be out of step: compare them. Then `{}` and "
          "the same command again; where a trigger is gone, roll additive back and run up, which makes it anew "
          "and keeps every value.",
          again.substr(0, again.size() - 2)));
}

}  // namespace pgphase
