#include "phases/sync/hand_over.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/old_column.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/sync/links.hpp"
#include "phases/sync/other_plans.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// What the step works on; the link is there only where the plan has one.
struct HandOver {
  std::vector<OldColumn> columns;
  std::vector<std::int64_t> numbers;  // of the records, one a column
  std::optional<StoredLink> link;
};

std::string describe(const HandOverBody& body) {
  if (body.retire.empty()) return fmt::format("the columns of {}", body.link_step);
  return fmt::format("{} {} of table {}", body.retire.size() == 1 ? "column" : "columns", fmt::join(body.retire, ", "),
                     display_name(body.table));
}

// A trigger goes on giving the column a value while nobody sees it.
bool followed(const std::optional<StoredLink>& link, const std::string& column) {
  if (!link) return false;
  auto copy = link->link;
  const auto* found = column_called(copy, column);
  return found && !found->expression.empty();
}

// Sources that can be made of the targets go on following them, whether they are retired or stay: code that knows
// nothing else comes back with a rollback, and must find what was written meanwhile.
SyncLink::Flow flow_after(const SyncLink& link, const std::vector<std::string>& retired) {
  const auto is_retired = [&](const SyncColumn& column) {
    return std::find(retired.begin(), retired.end(), column.name) != retired.end();
  };
  const auto has_a_way = [](const SyncColumn& column) { return !column.expression.empty(); };
  if (std::any_of(link.targets.begin(), link.targets.end(), is_retired)) return SyncLink::Flow::to_targets;
  if (std::any_of(link.sources.begin(), link.sources.end(), has_a_way)) return SyncLink::Flow::to_sources;
  return SyncLink::Flow::ended;
}

Result<std::optional<StoredLink>> link_to_hand_over(Session& session, const StepKey& key, const HandOverBody& body) {
  if (body.link_step.empty()) return std::optional<StoredLink>();
  PGPHASE_TRY(found, link_of(session, {key.plan, Phase::additive, body.link_step}));
  if (found) return found;
  return make_error(Errc::refused, fmt::format("the ledger has no record of how {} are kept in step", describe(body)),
                    "Nothing was changed.");
}

// The strong locks: on the table, and on those that its foreign keys refer to.
std::vector<RelationLock> locks_of(const HandOverBody& body, const std::vector<OldColumn>& columns,
                                   LockMode on_others) {
  std::vector<RelationLock> locks{{body.table, LockMode::access_exclusive}};
  for (const auto& column : columns) {
    for (const auto& key : column.foreign_keys) {
      if (key.referenced != body.table) locks.push_back({key.referenced, on_others});
    }
  }
  return locks;
}

Result<std::vector<OldColumn>> columns_to_retire(Session& session, const std::string& doing, const HandOverBody& body) {
  std::vector<OldColumn> columns;
  for (const auto& name : body.retire) {
    PGPHASE_TRY(column, read_old_column(session, body.table, name));
    if (!column) {
      return make_error(Errc::step_failed,
                        fmt::format("{}: table {} has no column {}", doing, display_name(body.table), name),
                        "Nothing was changed.");
    }
    // Of a key over several columns the first one keeps the definition.
    std::erase_if(column->foreign_keys, [&](const KeptForeignKey& key) {
      return std::any_of(columns.begin(), columns.end(), [&](const OldColumn& before) {
        return std::any_of(before.foreign_keys.begin(), before.foreign_keys.end(),
                           [&](const KeptForeignKey& other) { return other.name == key.name; });
      });
    });
    columns.push_back(std::move(*column));
  }
  return columns;
}

Result<void> must_be_free(Session& session, const PlanId& plan, const std::string& doing, const HandOverBody& body) {
  PGPHASE_TRY(found, obstacles_to_hand_over(session, plan, body, LeftOut::once_retired));
  if (!found.empty()) return refused_by(doing, found, Direction::forward);
  return {};
}

std::string rename_sql(const TableName& table, const std::string& from, const std::string& to) {
  return fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {};", qualified(table), quote_ident(from), quote_ident(to));
}

std::string default_sql(const TableName& table, const Assignment& one, Direction direction) {
  const auto what =
      direction == Direction::forward ? fmt::format("SET DEFAULT {}", one.expression) : std::string("DROP DEFAULT");
  return fmt::format("ALTER TABLE {} ALTER COLUMN {} {};", qualified(table), quote_ident(one.column), what);
}

Result<std::string> carry_out(Session& session, const StepKey& key, const HandOverBody& body, HandOver work) {
  std::string sql;
  std::vector<std::string> hidden;
  std::vector<Renaming> moves;
  for (std::size_t i = 0; i < work.columns.size(); ++i) {
    auto& column = work.columns[i];
    column.hidden = retired_column_name(work.numbers[i]);
    moves.push_back({column.name, column.hidden});
    sql += retire_sql(column, followed(work.link, column.name));
    PGPHASE_CHECK(record_retired(session, retired_record(column, work.numbers[i], key)));
    hidden.push_back(column.hidden);
  }
  moves.insert(moves.end(), body.rename.begin(), body.rename.end());
  if (work.link) {
    auto& link = work.link->link;
    link.flow = flow_after(link, body.retire);
    for (const auto& move : moves) rename_in(link, move.from, move.to);
  }
  for (const auto& one : body.rename) sql += rename_sql(body.table, one.from, one.to);
  for (const auto& one : body.defaults) sql += default_sql(body.table, one, Direction::forward);
  if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
  if (work.link) PGPHASE_CHECK(change_link(session, *work.link));
  PGPHASE_CHECK(links_of_others_follow(session, key.plan, body.table, moves));
  PGPHASE_CHECK(carry_out_links(session, body.table));
  const bool follows = work.link && work.link->link.flow != SyncLink::Flow::ended;
  if (hidden.empty()) {
    return std::string(follows ? "stands for itself; what it is made from goes on following it"
                               : "no longer kept in step");
  }
  return fmt::format("retired as {} of table {}{}", fmt::join(hidden, ", "), display_name(body.table),
                     follows ? ", and kept up to date there" : "");
}

// --- back
// --------------------------------------------------------------------------------------------------------------------

// What the step has retired and, as far as it has got, brought back: of each column the newest.
Result<std::vector<RetiredRecord>> records_of(Session& session, const StepKey& key, const HandOverBody& body) {
  PGPHASE_TRY(all, read_retired_by(session, key));
  std::vector<RetiredRecord> records;
  for (const auto& name : body.retire) {
    const auto newest =
        std::find_if(all.rbegin(), all.rend(), [&](const RetiredRecord& one) { return one.object == name; });
    if (newest != all.rend()) records.push_back(*newest);
  }
  return records;
}

Result<std::vector<OldColumn>> retired_columns(Session& session, const StepKey& key, const HandOverBody& body) {
  PGPHASE_TRY(records, records_of(session, key, body));
  std::vector<OldColumn> columns;
  for (const auto& record : records) {
    PGPHASE_TRY(column, old_column_of(record));
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<void> must_come_back(Session& session, const std::string& doing, const HandOverBody& body,
                            const OldColumn& column) {
  PGPHASE_TRY(hidden, read_old_column(session, body.table, column.hidden));
  if (!hidden) {
    return make_error(
        Errc::refused,
        fmt::format("{} is refused: {}, as which column {} was retired, is gone", doing, column.hidden, column.name),
        "Nothing was changed. Bring it back from a backup.");
  }
  const bool by_the_step =
      std::any_of(body.rename.begin(), body.rename.end(), [&](const Renaming& one) { return one.to == column.name; });
  if (by_the_step) return {};
  PGPHASE_TRY(taken, read_old_column(session, body.table, column.name));
  if (!taken) return {};
  return make_error(
      Errc::refused, fmt::format("{} is refused: somebody has added a column {} meanwhile", doing, column.name),
      fmt::format("Nothing was changed; the values are safe in {}. Rename the new column, then run this again.",
                  column.hidden));
}

Result<std::string> bring_back(Session& session, const PlanId& plan, const HandOverBody& body,
                               const std::vector<OldColumn>& columns, std::optional<StoredLink> link) {
  std::string sql;
  std::vector<Renaming> moves;
  for (auto one = body.rename.rbegin(); one != body.rename.rend(); ++one) moves.push_back({one->to, one->from});
  for (const auto& column : columns) moves.push_back({column.hidden, column.name});
  for (const auto& one : body.defaults) sql += default_sql(body.table, one, Direction::back);
  if (link) {
    for (const auto& move : moves) rename_in(link->link, move.from, move.to);
    link->link.flow = SyncLink::Flow::both;
  }
  for (auto one = body.rename.rbegin(); one != body.rename.rend(); ++one)
    sql += rename_sql(body.table, one->to, one->from);
  std::vector<std::string> names;
  for (const auto& column : columns) {
    sql += restore_sql(column, followed(link, column.name));
    names.push_back(column.name);
  }
  // Last: a key may be over several of the columns.
  for (const auto& column : columns) {
    for (const auto& key : column.foreign_keys) sql += add_again_sql(key);
  }
  if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
  if (link) PGPHASE_CHECK(change_link(session, *link));
  PGPHASE_CHECK(links_of_others_follow(session, plan, body.table, moves));
  PGPHASE_CHECK(carry_out_links(session, body.table));
  if (names.empty()) return std::string("kept in step again");
  return fmt::format("{} {} back with {} values{}", fmt::join(names, ", "), names.size() == 1 ? "is" : "are",
                     names.size() == 1 ? "its" : "their", link ? ", and kept in step again" : "");
}

Result<RetireOutcome> bring_back_in_one_attempt(Session& session, const StepSite& site, const HandOverBody& body) {
  StepChange step;
  step.label = "columns.take_back";
  step.doing = "bringing back " + describe(body);
  step.direction = Direction::back;
  PGPHASE_TRY(columns, retired_columns(session, site.key, body));
  PGPHASE_TRY(link, link_to_hand_over(session, site.key, body));
  step.locks = locks_of(body, columns, LockMode::share_row_exclusive);
  step.more = !columns.empty();
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(records, records_of(s, site.key, body));
    for (const auto& column : columns) PGPHASE_CHECK(must_come_back(s, step.doing, body, column));
    for (const auto& record : records) PGPHASE_CHECK(record_restored(s, record.id));
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    return bring_back(s, site.key.plan, body, columns, link);
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> what_is_left(Session& session, const StepSite& site, const HandOverBody& body) {
  PGPHASE_TRY(columns, retired_columns(session, site.key, body));
  PGPHASE_TRY(link, link_to_hand_over(session, site.key, body));
  std::vector<std::string> words;
  for (const auto& column : columns) {
    if (!loses_not_null(column, followed(link, column.name))) continue;
    const RequiredColumn required{body.table, column.name, column.not_null_constraint};
    PGPHASE_TRY(outcome, require_again(session, site, required, {}));
    if (!outcome.attempt.done || outcome.more) return outcome;
    if (!outcome.what.empty()) words.push_back(outcome.what);
  }
  // Last: what is violated stays so, and is looked at only once.
  std::vector<KeptForeignKey> keys;
  for (const auto& column : columns) {
    keys.insert(keys.end(), column.foreign_keys.begin(), column.foreign_keys.end());
  }
  PGPHASE_TRY(outcome, validate_again(session, site, keys, words));
  if (!outcome.attempt.done || outcome.more) return outcome;
  outcome.what = fmt::format("{}", fmt::join(words, "; "));
  return outcome;
}

}  // namespace

namespace {

// Under two names it is one value, and from now on only the column's own is seen. Rows differ where triggers were off,
// or that came with a partition. Read while everybody goes on: none that is written now differs.
Result<void> must_be_one_value(Session& session, const std::string& doing, const HandOverBody& body,
                               const SyncLink& link) {
  for (const auto& one : body.rename) {
    const bool has_a_copy = std::any_of(link.targets.begin(), link.targets.end(),
                                        [&](const SyncColumn& target) { return target.name == one.to; });
    if (!has_a_copy) continue;
    const auto table = qualified(body.table), from = quote_ident(one.from), to = quote_ident(one.to);
    const auto differ = fmt::format("pg_catalog.record_image_ne(ROW({}), ROW({}))", from, to);
    auto look =
        Transaction::begin(session, "columns.compare",
                           "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", k_long_deadline) + ";");
    if (!look) return look.error();
    PGPHASE_TRY(found, session.query(fmt::format("SELECT count(*) FROM {} WHERE {}", table, differ)));
    look->rollback();
    const auto rows = found[0].integer(0);
    if (rows == 0) continue;
    return make_error(
        Errc::refused,
        fmt::format("{} is refused: {} {} of {} {} another value in {} than in {}, and only that of {} would be seen "
                    "from now on",
                    doing, human_count(rows), rows == 1 ? "row" : "rows", display_name(body.table),
                    rows == 1 ? "has" : "have", one.to, one.from, one.from),
        fmt::format(
            "Nothing was changed. Triggers were off, or rows came with a partition. Where {0} is right: `UPDATE {2} "
            "SET {1} = {0} WHERE {3}`; where {1} is: `UPDATE {2} SET {0} = {1} WHERE {3}`. Then the same command "
            "again.",
            to, from, table, differ));
  }
  return {};
}

}  // namespace

Result<RetireOutcome> hand_over(Session& session, const StepSite& site, const HandOverBody& body) {
  StepChange step;
  step.label = "columns.hand_over";
  step.doing = body.retire.empty() ? "ceasing to keep in step " + describe(body) : "retiring " + describe(body);
  PGPHASE_TRY(looked_at, columns_to_retire(session, step.doing, body));
  PGPHASE_TRY(kept_in_step, link_to_hand_over(session, site.key, body));
  if (kept_in_step) PGPHASE_CHECK(must_be_one_value(session, step.doing, body, kept_in_step->link));
  step.locks = locks_of(body, looked_at, LockMode::access_exclusive);
  HandOver work;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_CHECK(must_be_free(s, site.key.plan, step.doing, body));
    PGPHASE_TRY(link, link_to_hand_over(s, site.key, body));
    work.link = std::move(link);
    work.numbers.clear();
    for (std::size_t i = 0; i < body.retire.size(); ++i) {
      PGPHASE_TRY(number, reserve_retired_number(s));
      work.numbers.push_back(number);
    }
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    // Asked again: until the lock was granted anybody could build on the columns.
    PGPHASE_CHECK(must_be_free(s, site.key.plan, step.doing, body));
    PGPHASE_TRY(columns, columns_to_retire(s, step.doing, body));
    work.columns = std::move(columns);
    return carry_out(s, site.key, body, work);
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> take_back(Session& session, const StepSite& site, const HandOverBody& body, bool begun) {
  return begun ? what_is_left(session, site, body) : bring_back_in_one_attempt(session, site, body);
}

Result<std::vector<std::string>> obstacles_to_hand_over(Session& session, const PlanId& plan, const HandOverBody& body,
                                                        LeftOut how) {
  std::vector<std::string> all;
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return all;
  const auto note = [&](const std::vector<std::string>& found) { all.insert(all.end(), found.begin(), found.end()); };
  for (const auto& name : body.retire) {
    PGPHASE_TRY(there, read_old_column(session, body.table, name));
    if (!there) continue;
    PGPHASE_TRY(found, obstacles_to_retiring(session, body.table, *oid, name, how));
    note(found);
    PGPHASE_TRY(held, held_by_other_plans(session, plan, body.table, name, Taking::away));
    note(held);
  }
  for (const auto& one : body.rename) {
    PGPHASE_TRY(there, read_old_column(session, body.table, one.from));
    if (!there) continue;
    PGPHASE_TRY(found, obstacles_to_renaming(session, body.table, *oid, one.from));
    note(found);
    PGPHASE_TRY(held, held_by_other_plans(session, plan, body.table, one.from, Taking::another_name));
    note(held);
  }
  return all;
}

}  // namespace pgphase
