#include "phases/retire/whole_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/foreign_keys.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/retired_schema.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/table_names.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

// What goes together: the table first, then its partitions.
struct Family {
  std::vector<TableNames> tables;
  std::vector<KeptForeignKey> foreign_keys;

  std::string to_json() const {
    json::array names;
    for (const auto& one : tables) names.push_back(json::parse(one.to_json()));
    return json::serialize(json::object{{"tables", names}, {"foreign_keys", pgphase::to_json(foreign_keys)}});
  }
  static Result<Family> from_json(const std::string& text) {
    try {
      const auto from = json::parse(text);
      Family family;
      for (const auto& one : from.at("tables").as_array()) {
        PGPHASE_TRY(names, TableNames::from_json(json::serialize(one)));
        family.tables.push_back(std::move(names));
      }
      family.foreign_keys = foreign_keys_from_json(from.at("foreign_keys"));
      return family;
    } catch (const std::exception& e) {
      return make_error(Errc::bug, fmt::format("the ledger's record of a retired table cannot be read: {}", e.what()),
                        "Nothing was changed.");
    }
  }
};

std::string describe(const RetireTableBody& body) {
  return "table " + display_name(body.table);
}

std::vector<RelationLock> locks_of(const std::vector<KeptForeignKey>& keys, const TableName& table,
                                   const TableName& now, LockMode on_others) {
  std::vector<RelationLock> locks{{now, LockMode::access_exclusive}};
  for (const auto& key : keys) locks.push_back({key.table == table ? key.referenced : key.table, on_others});
  return locks;
}

Result<std::int64_t> size_of(Session& session, const std::string& oid) {
  PGPHASE_TRY(size,
              session.query("SELECT coalesce(sum(pg_total_relation_size(t.oid)), 0)::bigint FROM "
                            "(SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) t",
                            {oid}));
  return size[0].integer(0);
}

Result<std::string> retire(Session& session, const StepKey& key, const RetireTableBody& body, const std::string& oid,
                           std::int64_t number) {
  Family family;
  PGPHASE_TRY(names, family_to_retire(session, body.table, oid, number));
  family.tables = std::move(names);
  PGPHASE_TRY(keys, foreign_keys_of_table(session, oid));
  family.foreign_keys = std::move(keys);
  PGPHASE_TRY(bytes, size_of(session, oid));
  PGPHASE_CHECK(make_retired_schema(session));
  std::string sql;
  for (const auto& one : family.foreign_keys) sql += drop_sql(one);
  for (const auto& one : family.tables) sql += one.retire_sql();
  PGPHASE_CHECK(session.script(sql));
  RetiredRecord record;
  record.id = number;
  record.key = key;
  record.kind = "table";
  record.table = body.table;
  record.object = body.table.name;
  record.hidden_as = family.tables.front().hidden;
  record.definition = family.to_json();
  record.bytes = bytes;
  PGPHASE_CHECK(record_retired(session, record));
  return fmt::format("retired as {} ({})", qualified({k_retired_schema, record.hidden_as}), human_bytes(bytes));
}

Result<std::optional<RetiredRecord>> newest_record(Session& session, const StepKey& key) {
  PGPHASE_TRY(all, read_retired_by(session, key));
  return all.empty() ? std::optional<RetiredRecord>() : std::optional(std::move(all.back()));
}

Result<RetireOutcome> bring_back(Session& session, const StepSite& site, const RetireTableBody& body,
                                 const RetiredRecord& record) {
  PGPHASE_TRY(family, Family::from_json(record.definition));
  const TableName hidden{k_retired_schema, record.hidden_as};
  StepChange step;
  step.label = "table.bring_back";
  step.doing = "bringing back " + describe(body);
  step.direction = Direction::back;
  step.more = !family.foreign_keys.empty();
  step.locks = locks_of(family.foreign_keys, body.table, hidden, LockMode::share_row_exclusive);
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(oid, table_oid(s, hidden));
    if (!oid) return retired_table_is_gone(record);
    for (const auto& one : family.tables) PGPHASE_CHECK(names_are_free(s, one));
    return record_restored(s, record.id);
  };
  step.change = [&](Session& s) -> Result<std::string> {
    std::string sql;
    for (const auto& one : family.tables) sql += one.restore_sql();
    for (const auto& one : family.foreign_keys) sql += add_again_sql(one);
    PGPHASE_CHECK(s.script(sql));
    PGPHASE_CHECK(drop_retired_schema_if_empty(s));
    return fmt::format("{} is back with its rows ({})", display_name(body.table), human_bytes(record.bytes));
  };
  return attempt_step(session, site, step);
}

Result<void> must_be_free(Session& session, const std::string& doing, const RetireTableBody& body) {
  PGPHASE_TRY(found, obstacles_to_retiring(session, body));
  if (!found.empty()) return refused_by(doing, found, Direction::forward);
  return {};
}

}  // namespace

Result<RetireOutcome> retire_whole_table(Session& session, const StepSite& site, const RetireTableBody& body) {
  StepChange step;
  step.label = "table.retire";
  step.doing = "retiring " + describe(body);
  PGPHASE_TRY(looked_at, table_oid(session, body.table));
  if (!looked_at) {
    return make_error(Errc::step_failed, fmt::format("{}: there is no such table", step.doing), "Nothing was changed.");
  }
  PGPHASE_TRY(keys, foreign_keys_of_table(session, *looked_at));
  step.locks = locks_of(keys, body.table, body.table, LockMode::access_exclusive);
  std::int64_t number = 0;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_CHECK(must_be_free(s, step.doing, body));
    PGPHASE_TRY(reserved, reserve_retired_number(s));
    number = reserved;
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_TRY(oid, locked_table_oid(s, body.table));
    // Asked again: until the lock was granted anybody could build on the table.
    PGPHASE_CHECK(must_be_free(s, step.doing, body));
    return retire(s, site.key, body, oid, number);
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> bring_whole_table_back(Session& session, const StepSite& site, const RetireTableBody& body,
                                             bool begun) {
  PGPHASE_TRY(record, newest_record(session, site.key));
  if (!record) {
    return make_error(
        Errc::refused,
        fmt::format("bringing back {} is refused: the ledger has no record of where it is", describe(body)),
        "Nothing was changed.");
  }
  if (!begun) return bring_back(session, site, body, *record);
  PGPHASE_TRY(family, Family::from_json(record->definition));
  std::vector<std::string> words;
  PGPHASE_TRY(outcome, validate_again(session, site, family.foreign_keys, words));
  if (!outcome.more) outcome.what = fmt::format("{}", fmt::join(words, "; "));
  return outcome;
}

Result<std::vector<std::string>> obstacles_to_retiring(Session& session, const RetireTableBody& body) {
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return std::vector<std::string>();
  return whole_table_obstacles(session, body.table, *oid);
}

}  // namespace pgphase
