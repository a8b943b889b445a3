#include "phases/purge/remains.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/retire/names.hpp"
#include "phases/sync/links.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {


// The table that has the column as its own, and not from a parent. Under its own name first: a copy made with LIKE has
// columns of the same names.
Result<std::optional<TableName>> table_with(Session& session, const TableName& expected, const std::string& column) {
  PGPHASE_TRY(
      rows, session.query("SELECT n.nspname, c.relname FROM pg_attribute a "
                          "  JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                          " WHERE a.attname = $1 AND NOT a.attisdropped AND a.attinhcount = 0 "
                          "   AND c.relkind IN ('r', 'p') AND ((n.nspname = $2 AND c.relname = $3) OR n.nspname = $4) "
                          " ORDER BY n.nspname = $2 AND c.relname = $3 DESC LIMIT 1",
                          {column, expected.schema, expected.name, k_retired_schema}));
  if (rows.empty()) return std::optional<TableName>();
  return std::optional(TableName{rows[0].text(0), rows[0].text(1)});
}

// PostgreSQL drops these with the column, without being told: also an index or a check that covers other columns.
Result<std::vector<std::string>> dropped_along(Session& session, const TableName& table, const std::string& column) {
  PGPHASE_TRY(rows,
              session.query(
                  "SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) "
                  "  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                  "  JOIN pg_namespace n ON n.oid = c.relnamespace "
                  "  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid "
                  "                  AND d.refobjsubid = a.attnum "
                  " WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped "
                  "   AND d.deptype IN ('a', 'i') "
                  "   AND d.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_statistic_ext'::regclass) "
                  " ORDER BY 1",
                  {table.schema, table.name, column}));
  std::vector<std::string> along;
  for (const auto& row : rows) along.push_back(row.text(0));
  return along;
}

Result<std::string> plan_that_retired(Session& session, const TableName& place) {
  PGPHASE_TRY(rows, session.query("SELECT plan FROM pgphase.retired WHERE kind = 'table' AND hidden_as = $1 "
                                  "AND restored_at IS NULL AND purged_at IS NULL",
                                  {place.name}));
  return rows.empty() ? std::string() : rows[0].text(0);
}

Result<std::optional<std::int64_t>> size_of(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query("SELECT sum(pg_total_relation_size(t.oid))::bigint FROM pg_class c "
                            "  JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "  JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) t ON true "
                            " WHERE n.nspname = $1 AND c.relname = $2",
                            {table.schema, table.name}));
  return rows[0].is_null(0) ? std::optional<std::int64_t>() : std::optional(rows[0].integer(0));
}

Result<RetiredThing> look_at(Session& session, RetiredRecord record) {
  RetiredThing thing;
  thing.record = std::move(record);
  thing.bytes = thing.record.bytes;
  if (!thing.is_hidden()) return thing;
  if (thing.record.kind == "table") {
    const TableName place{k_retired_schema, thing.record.hidden_as};
    PGPHASE_TRY(bytes, size_of(session, place));
    if (!bytes) return thing;
    thing.place = place;
    thing.bytes = *bytes;
    return thing;
  }
  PGPHASE_TRY(place, table_with(session, thing.record.table, thing.record.hidden_as));
  if (!place) return thing;
  thing.place = place;
  PGPHASE_TRY(successor, session.query("SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                                       "  JOIN pg_namespace n ON n.oid = c.relnamespace "
                                       " WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 "
                                       "   AND NOT a.attisdropped",
                                       {place->schema, place->name, thing.record.object}));
  thing.has_successor = thing.record.kind == "column" && !successor.empty();
  PGPHASE_TRY(along, dropped_along(session, *place, thing.record.hidden_as));
  thing.goes_with = std::move(along);
  if (place->schema == k_retired_schema) {
    PGPHASE_TRY(plan, plan_that_retired(session, *place));
    thing.retired_with = plan;
  }
  return thing;
}

Result<std::string> plan_that_retired_table_of(Session& session, const PlanId& plan) {
  PGPHASE_TRY(rows, session.query("SELECT r.plan FROM pgphase.link l JOIN pgphase.retired r ON r.kind = 'table' "
                                  "  AND r.schema_name = l.schema_name AND r.table_name = l.table_name "
                                  "  AND r.retired_at >= l.made_at AND r.restored_at IS NULL AND r.purged_at IS NULL "
                                  " WHERE l.plan = $1 AND l.link ->> 'flow' <> 'ended' ORDER BY r.id LIMIT 1",
                                  {plan.value}));
  return rows.empty() ? std::string() : rows[0].text(0);
}

// A link of another plan that is at work and knows the column under the name that it has now.
Result<std::string> followed_by(Session& session, const RetiredRecord& record, const TableName& place) {
  PGPHASE_TRY(links, links_at_work(session, place));
  for (auto& one : links) {
    if (one.key.plan != record.key.plan && column_called(one.link, record.hidden_as)) return one.key.plan.value;
  }
  return std::string();
}

Remains& of_plan(std::vector<Remains>& all, const PlanId& plan) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Remains& one) { return one.plan == plan; });
  if (found != all.end()) return *found;
  all.push_back({plan, {}, {}, {}});
  return all.back();
}

}  // namespace

std::vector<StoredLink> Remains::links_at_work() const {
  auto at_work = links;
  std::erase_if(at_work, [](const StoredLink& one) { return one.link.flow == SyncLink::Flow::ended; });
  return at_work;
}

bool Remains::costs_something() const {
  return !links_at_work().empty() ||
         std::any_of(things.begin(), things.end(), [](const RetiredThing& one) { return one.is_hidden(); });
}

Result<std::vector<Remains>> read_remains(Session& session) {
  std::vector<Remains> all;
  PGPHASE_TRY(version, ledger_version(session));
  PGPHASE_TRY(records, read_retired(session, std::nullopt));
  for (auto& record : records) {
    PGPHASE_TRY(thing, look_at(session, std::move(record)));
    if (version >= k_first_ledger_with_links && thing.place && thing.record.kind == "column") {
      PGPHASE_TRY(other, followed_by(session, thing.record, *thing.place));
      thing.followed_by = other;
    }
    of_plan(all, thing.record.key.plan).things.push_back(std::move(thing));
  }
  if (version < k_first_ledger_with_links) return all;
  PGPHASE_TRY(linked, session.query("SELECT plan FROM pgphase.link GROUP BY plan ORDER BY min(id)"));
  for (const auto& row : linked) {
    PGPHASE_TRY(links, links_of_plan(session, PlanId{row.text(0)}));
    PGPHASE_TRY(retired_with, plan_that_retired_table_of(session, PlanId{row.text(0)}));
    auto& remains = of_plan(all, PlanId{row.text(0)});
    remains.links = std::move(links);
    remains.links_retired_with = retired_with;
    for (const auto& link : remains.links_at_work()) {
      PGPHASE_TRY(now, goes_by_now(session, link.table));
      if (now) remains.renamed = {link.table, *now};
    }
  }
  return all;
}

std::string describe(const RetiredRecord& record) {
  const auto table = display_name(record.table);
  if (record.kind == "table") return "table " + table;
  if (record.kind == "index") return fmt::format("index {} of {}", record.object, table);
  if (record.kind == "not_null") return fmt::format("NOT NULL of {}.{}", table, record.object);
  if (record.kind == "old_value") return fmt::format("old values of {}.{}", table, record.object);
  return fmt::format("{} {}.{}", record.kind, table, record.object);
}

std::string describe(const RetiredThing& thing) {
  const auto words = describe(thing.record);
  return thing.has_successor ? "hidden " + words + " (not the one of that name now)" : words;
}

}  // namespace pgphase
