#include "phases/purge/purge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/retire/retired_schema.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_dependent_objects = "2BP01";
constexpr int k_first_ledger_with_purges = 4;

bool is_table(const PurgeShare& share) {
  return !share.things.empty() && share.things.front().record.kind == "table";
}

std::string in_words(const PurgeShare& share) {
  std::vector<std::string> parts;
  for (const auto& thing : share.things) {
    parts.push_back(thing.bytes > 0 ? fmt::format("{} ({})", describe(thing), human_bytes(thing.bytes))
                                    : describe(thing));
  }
  if (!share.links.empty()) parts.push_back(fmt::format("what kept columns of {} in step", display_name(share.table)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

PurgeShare& share_of(std::vector<PurgeShare>& shares, const TableName& table) {
  const auto found =
      std::find_if(shares.begin(), shares.end(), [&](const PurgeShare& one) { return one.table == table; });
  if (found != shares.end()) return *found;
  shares.push_back({table, {}, {}, {}});
  return shares.back();
}

Result<void> record(Session& session, const PurgeSite& site, const std::string& what) {
  const auto& plan = site.remains.plan;
  for (const auto& thing : site.remains.things) {
    if (!thing.place) PGPHASE_CHECK(record_purged(session, thing.record.id));
  }
  for (const auto& link : site.remains.links) {
    if (link.link.flow == SyncLink::Flow::ended) PGPHASE_CHECK(remove_link(session, link));
  }
  PGPHASE_CHECK(session.query("DELETE FROM pgphase.chunk WHERE plan = $1", {plan.value}));
  PGPHASE_CHECK(seal_phases(session, plan, site.seals, site.fence.person, what));
  const auto phase = site.seals.empty() ? Phase::additive : site.seals.back();
  return record_event(session, site.fence.person, {plan, phase, ""}, "purged", "dropped for good: " + what);
}

// Functions of ours that the table's triggers call.
Result<std::vector<std::string>> our_functions(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query("SELECT DISTINCT p.proname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
                            "  JOIN pg_namespace pn ON pn.oid = p.pronamespace "
                            "  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                            " WHERE pn.nspname = 'pgphase' AND n.nspname = $1 AND c.relname = $2",
                            {table.schema, table.name}));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row.text(0));
  return names;
}

Result<void> drop_what_nobody_calls(Session& session, const std::vector<std::string>& functions) {
  for (const auto& name : functions) {
    PGPHASE_TRY(called, session.query("SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
                                      "JOIN pg_namespace n ON n.oid = p.pronamespace "
                                      "WHERE n.nspname = 'pgphase' AND p.proname = $1 LIMIT 1",
                                      {name}));
    if (!called.empty()) continue;
    PGPHASE_CHECK(session.script(fmt::format("DROP FUNCTION pgphase.{}();", quote_ident(name))));
  }
  return {};
}

Result<void> drop_table(Session& session, const PurgeShare& share) {
  const auto& record = share.things.front().record;
  PGPHASE_TRY(functions, our_functions(session, share.table));
  PGPHASE_CHECK(session.script(fmt::format("DROP TABLE {};", qualified(share.table))));
  PGPHASE_CHECK(drop_what_nobody_calls(session, functions));
  // Links of earlier plans on it; not of a table that was made under its name since.
  PGPHASE_CHECK(
      session.query("DELETE FROM pgphase.link l USING pgphase.retired r WHERE r.id = $1 "
                    "AND l.schema_name = r.schema_name AND l.table_name = r.table_name "
                    "AND l.made_at <= r.retired_at",
                    {std::to_string(record.id)}));
  return drop_retired_schema_if_empty(session);
}

// Step by step: each has made room of its own.
Result<void> drop_old_values(Session& session, const PurgeShare& share) {
  std::map<std::string, std::vector<RetiredRecord>> by_step;
  for (const auto& thing : share.things) {
    if (thing.record.kind == k_old_value) by_step[thing.record.key.step].push_back(thing.record);
  }
  for (const auto& [step, records] : by_step) {
    PGPHASE_TRY(room, old_values_from(records));
    PGPHASE_CHECK(session.script(drop_room_sql(room)));
  }
  return {};
}

Result<void> drop_columns(Session& session, const PurgeShare& share) {
  // First the links: their function names the columns.
  for (const auto& link : share.links) PGPHASE_CHECK(remove_link(session, link));
  for (const auto& thing : share.things) {
    PGPHASE_TRY(spoken_of, is_spoken_of(session, share.table, thing.record.hidden_as));
    if (!spoken_of) continue;
    return make_error(
        Errc::refused,
        fmt::format("{} is not dropped: another plan has made something follow it meanwhile", describe(thing)),
        "Of this nothing was dropped. Run `pgphase purge` again: it says which plan comes first.");
  }
  if (!share.links.empty()) PGPHASE_CHECK(carry_out_links(session, share.table));
  PGPHASE_CHECK(drop_old_values(session, share));
  std::vector<std::string> drops;
  for (const auto& thing : share.things) {
    if (thing.record.kind == k_old_value) continue;
    drops.push_back(fmt::format("DROP COLUMN {}", quote_ident(thing.record.hidden_as)));
  }
  if (drops.empty()) return {};
  PGPHASE_CHECK(session.script(fmt::format("ALTER TABLE {} {};", qualified(share.table), fmt::join(drops, ", "))));
  return {};
}

Error as_refusal(Error error, const PurgeSite& site, const PurgeShare& share) {
  if (error.code != Errc::sql) return error;
  const bool depended_on = error.sqlstate == k_dependent_objects;
  error.code = depended_on ? Errc::refused : Errc::step_failed;
  error.message = fmt::format("purging {} of {}: {}{}{}", share.what, site.remains.plan.value, error.message,
                              error.detail.empty() ? "" : ": ", error.detail);
  error.next = fmt::format(
      "Of this nothing was dropped; what was dropped before it is gone. {}, then run `pgphase purge` "
      "again.",
      depended_on ? "Drop what depends on it" : "Correct the cause");
  return error;
}

}  // namespace

std::vector<PurgeShare> shares_of(const Remains& remains) {
  std::vector<PurgeShare> columns, tables;
  for (const auto& thing : remains.things) {
    if (!thing.place) continue;
    if (thing.record.kind == "table") {
      tables.push_back({*thing.place, {thing}, {}, {}});
    } else {
      share_of(columns, *thing.place).things.push_back(thing);
    }
  }
  for (auto& link : remains.links_at_work()) share_of(columns, link.table).links.push_back(std::move(link));
  columns.insert(columns.end(), tables.begin(), tables.end());
  for (auto& share : columns) share.what = in_words(share);
  return columns;
}

Result<Attempt> purge_share(Session& session, const PurgeSite& site, const PurgeShare& share) {
  LockedChange change;
  change.label = "purge.drop";
  change.locks = {{share.table, LockMode::access_exclusive}};
  change.record = [&](Session& s) -> Result<void> {
    for (const auto& thing : share.things) PGPHASE_CHECK(record_purged(s, thing.record.id));
    return record(s, site, share.what);
  };
  change.change = [&](Session& s) { return is_table(share) ? drop_table(s, share) : drop_columns(s, share); };
  auto attempt = attempt_change(session, site.fence, site.limits, change);
  if (!attempt) return as_refusal(attempt.error(), site, share);
  return attempt;
}

Result<void> purge_records(Session& session, const PurgeSite& site) {
  std::vector<std::string> what;
  for (const auto& thing : site.remains.things) what.push_back(describe(thing));
  return record(session, site, fmt::format("what was kept of {}", fmt::join(what, ", ")));
}

Result<std::optional<PlanId>> purge_cut_off(Session& session) {
  PGPHASE_TRY(version, ledger_version(session));
  if (version < k_first_ledger_with_purges) return std::optional<PlanId>();
  PGPHASE_TRY(rows, session.query("SELECT plan FROM pgphase.event WHERE kind = 'purged' "
                                  "AND at > (SELECT taken_at FROM pgphase.snapshot) ORDER BY id DESC LIMIT 1"));
  return rows.empty() ? std::optional<PlanId>() : std::optional(PlanId{rows[0].text(0)});
}

}  // namespace pgphase
