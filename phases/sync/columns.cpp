#include "phases/sync/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/added_column.hpp"
#include "phases/retire/emptiness.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/stored_rows.hpp"
#include "phases/sync/links.hpp"
#include "phases/sync/new_columns.hpp"
#include "phases/sync/newcomers.hpp"
#include "phases/sync/other_plans.hpp"
#include "phases/sync/sources.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

Result<std::vector<RetiredRecord>> retired_columns(Session& session, const StepKey& key) {
  PGPHASE_TRY(all, read_retired(session, key.plan));
  std::erase_if(all, [&](const RetiredRecord& one) {
    return one.kind != "column" || one.key.phase != key.phase || one.key.step != key.step;
  });
  return all;
}

SyncColumn* find_target(SyncLink& link, const std::string& name) {
  const auto found = std::find_if(link.targets.begin(), link.targets.end(),
                                  [&](const SyncColumn& column) { return column.name == name; });
  return found == link.targets.end() ? nullptr : &*found;
}

Error no_link(const std::string& doing) {
  return make_error(Errc::refused,
                    fmt::format("{} is refused: the ledger has no record of how it is kept in step", doing),
                    "Nothing was changed.");
}

// --- forward
// -----------------------------------------------------------------------------------------------------------------

// A role may have been given some columns only; by the other name, or type, it is the same one. A new column that is to
// take the old one's place gets all of that then.
Result<void> grant_as(Session& session, const LinkColumnsBody& body, const std::string& oid) {
  const auto& target = body.targets.front().name;
  if (is_new_column_name(target)) return {};
  PGPHASE_TRY(grants,
              session.query("SELECT format('GRANT %s (%I) ON %I.%I TO %s%s;', g.privilege_type, $3::text, n.nspname, "
                            "              c.relname, CASE WHEN g.grantee = 0 THEN 'PUBLIC' "
                            "                              ELSE quote_ident(pg_get_userbyid(g.grantee)) END, "
                            "              CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
                            "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $2, aclexplode(a.attacl) g "
                            " WHERE c.oid = $1 ORDER BY 1",
                            {oid, body.sources.front().name, target}));
  std::string sql;
  for (const auto& row : grants) sql += row.text(0);
  if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
  return {};
}

Result<RetireOutcome> link_columns(Session& session, const StepSite& site, const LinkColumnsBody& body) {
  StepChange step;
  step.label = "columns.link";
  step.doing = "adding " + describe(body);
  step.locks = {{body.table, LockMode::access_exclusive}};
  step.if_name_taken = k_stamp_or_rename;
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) {
    return make_error(Errc::step_failed, fmt::format("{}: there is no such table", step.doing), "Nothing was changed.");
  }
  PGPHASE_TRY(prepared, new_columns_of(session, step.doing, body, *oid));
  PGPHASE_TRY(looked, look_at_adding(session, body.table, added_by(body)));
  if (!looked.obstacles.empty()) return refused_by(step.doing, looked.obstacles, Direction::forward);
  step.change = [&](Session& s) -> Result<std::string> {
    std::string added;
    for (std::size_t i = 0; i < body.targets.size(); ++i) {
      added += fmt::format("{}ADD COLUMN {} {}", i ? ", " : "", quote_ident(body.targets[i].name), prepared.types[i]);
    }
    PGPHASE_CHECK(s.script(fmt::format("ALTER TABLE {} {}", qualified(body.table), added)));
    PGPHASE_TRY(locked, locked_table_oid(s, body.table));
    if (body.one_is_the_other) PGPHASE_CHECK(grant_as(s, body, locked));
    SyncLink link;
    link.sources = prepared.sources;
    link.flow = flow_of(body);
    link.null_means = body.null_is_absent ? SyncLink::NullMeans::absent : SyncLink::NullMeans::null;
    link.one_is_the_other = body.one_is_the_other;
    link.row = body.table.name;
    link.on_error = body.errors_become_null ? SyncLink::OnError::null : SyncLink::OnError::reject;
    for (const auto& target : body.targets) {
      PGPHASE_TRY(known, known_column(s, locked, target.name));
      link.targets.push_back({target.name, known->type, target.expression, "", target.called});
    }
    PGPHASE_TRY(partitions, partitions_now(s, body.table));
    link.partitions = std::move(partitions);
    PGPHASE_CHECK(add_link(s, site.key, body.table, std::move(link)));
    PGPHASE_CHECK(carry_out_links(s, body.table));
    return std::string("created, and kept in step from now on");
  };
  return attempt_step(session, site, step);
}

Result<void> must_be_restorable(Session& session, const StepSite& site, const LinkColumnsBody& body,
                                const RetiredRecord& retired) {
  const auto what = fmt::format("column {} of table {}", retired.object, display_name(body.table));
  PGPHASE_TRY(oid, table_oid(session, body.table));
  std::optional<KnownColumn> hidden, taken;
  if (oid) {
    PGPHASE_TRY(found, known_column(session, *oid, retired.hidden_as));
    hidden = found;
    PGPHASE_TRY(other, known_column(session, *oid, retired.object));
    taken = other;
  }
  if (!hidden) {
    return make_error(
        Errc::refused,
        fmt::format("{} cannot be restored: {}, as which it was retired, is gone", what, retired.hidden_as),
        fmt::format("Nothing was changed. Bring it back from a backup, or record what was done by hand with "
                    "`pgphase step {} '{}/{}' --done --reason …`.",
                    site.key.plan.value, to_string(site.key.phase), site.key.step));
  }
  if (!taken) return {};
  return make_error(
      Errc::refused, fmt::format("{} cannot be restored: somebody has added a column of that name meanwhile", what),
      fmt::format("Nothing was changed; the values are safe in {}. Rename the new column, then run this again.",
                  retired.hidden_as));
}

Result<RetireOutcome> restore_columns(Session& session, const StepSite& site, const LinkColumnsBody& body,
                                      const std::vector<RetiredRecord>& retired) {
  StepChange step;
  step.label = "columns.restore";
  step.doing = "restoring " + describe(body);
  step.locks = {{body.table, LockMode::access_exclusive}};
  std::optional<StoredLink> stored;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(found, link_of(s, site.key));
    if (!found) return no_link(step.doing);
    stored = std::move(found);
    PGPHASE_TRY(moved, sources_that_moved(s, site.key, body, Asked::by_the_step));
    if (!moved.empty()) return refused_by(step.doing, moved, Direction::forward);
    for (const auto& one : retired) {
      PGPHASE_CHECK(must_be_of_this_origin(one, step.doing, origin_of(body)));
      PGPHASE_CHECK(must_be_restorable(s, site, body, one));
      PGPHASE_CHECK(record_restored(s, one.id));
    }
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    std::string sql;
    std::vector<Renaming> moves;
    for (const auto& one : retired) {
      sql += fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {};", qualified(body.table), quote_ident(one.hidden_as),
                         quote_ident(one.object));
      moves.push_back({one.hidden_as, one.object});
      auto* target = find_target(stored->link, one.hidden_as);
      if (!target) continue;
      target->name = one.object;
      if (target->called == target->name) target->called.clear();
    }
    PGPHASE_CHECK(s.script(sql));
    stored->link.flow = flow_of(body);
    PGPHASE_TRY(partitions, partitions_now(s, body.table));
    stored->link.partitions = std::move(partitions);
    PGPHASE_CHECK(change_link(s, *stored));
    PGPHASE_CHECK(other_links_follow(s, stored->id, body.table, moves));
    PGPHASE_CHECK(carry_out_links(s, body.table));
    return std::string("restored with their values, and kept in step from now on");
  };
  return attempt_step(session, site, step);
}

// --- back
// --------------------------------------------------------------------------------------------------------------------

Result<bool> others_speak_of(Session& session, const StoredLink& own, const std::string& column) {
  PGPHASE_TRY(links, links_at_work(session, own.table));
  return std::any_of(links.begin(), links.end(),
                     [&](StoredLink& one) { return one.id != own.id && column_called(one.link, column) != nullptr; });
}

// No row, here or stored elsewhere, and no column behind them: adding them again puts them where they were.
Result<bool> may_be_dropped(Session& session, const LinkColumnsBody& body, const StoredLink& stored,
                            const std::string& oid) {
  PGPHASE_TRY(
      facts,
      session.query(fmt::format("SELECT c.relkind = 'r' AND NOT row_security_active(c.oid) AND pg_relation_size(c.oid) "
                                "<= {} * current_setting('block_size')::bigint AND NOT EXISTS (SELECT FROM "
                                "pg_inherits WHERE inhparent = c.oid) AND NOT EXISTS ({}), "
                                "(SELECT max(attnum) FROM pg_attribute WHERE attrelid = c.oid AND NOT attisdropped), "
                                "(SELECT min(attnum) FROM pg_attribute WHERE attrelid = c.oid AND attname = $2) "
                                "FROM pg_class c WHERE c.oid = $1",
                                k_few_pages, stored_rows_question()),
                    {oid, body.targets.front().name}));
  if (facts.empty() || !facts[0].boolean(0)) return false;
  if (facts[0].integer(1) - facts[0].integer(2) + 1 != static_cast<std::int64_t>(body.targets.size())) return false;
  for (const auto& target : body.targets) {
    PGPHASE_TRY(followed, others_speak_of(session, stored, target.name));
    if (followed) return false;
  }
  PGPHASE_TRY(empty, session.query(fmt::format("SELECT NOT EXISTS (SELECT FROM ONLY {})", qualified(body.table))));
  return empty[0].boolean(0);
}

Result<std::string> drop_columns(Session& session, const LinkColumnsBody& body, const StoredLink& stored) {
  std::string dropped;
  for (const auto& target : body.targets) {
    dropped += fmt::format("{}DROP COLUMN {}", dropped.empty() ? "" : ", ", quote_ident(target.name));  // never CASCADE
  }
  PGPHASE_CHECK(remove_link(session, stored));
  PGPHASE_CHECK(carry_out_links(session, body.table));
  PGPHASE_CHECK(session.script(fmt::format("ALTER TABLE {} {}", qualified(body.table), dropped)));
  return std::string("dropped: the table holds no row");
}

Result<std::string> retire_columns(Session& session, const StepSite& site, const LinkColumnsBody& body,
                                   StoredLink stored, const std::vector<std::int64_t>& numbers) {
  std::string sql;
  std::vector<std::string> hidden;
  std::vector<Renaming> moves;
  for (std::size_t i = 0; i < body.targets.size(); ++i) {
    RetiredRecord record;
    record.id = numbers[i];
    record.key = site.key;
    record.kind = "column";
    record.table = body.table;
    record.object = body.targets[i].name;
    record.hidden_as = retired_column_name(numbers[i]);
    record.definition = with_origin("{}", origin_of(body));
    sql += fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {};", qualified(body.table), quote_ident(record.object),
                       record.hidden_as);
    if (auto* target = find_target(stored.link, record.object)) {
      if (target->called.empty()) target->called = target->name;  // so it is known to be out of sight
      target->name = record.hidden_as;
    }
    PGPHASE_CHECK(record_retired(session, record));
    hidden.push_back(record.hidden_as);
    moves.push_back({record.object, record.hidden_as});
  }
  PGPHASE_CHECK(session.script(sql));
  stored.link.flow = SyncLink::Flow::to_targets;
  PGPHASE_CHECK(change_link(session, stored));
  PGPHASE_CHECK(other_links_follow(session, stored.id, body.table, moves));
  PGPHASE_CHECK(carry_out_links(session, body.table));
  return fmt::format("retired as {} of table {}, and kept up to date there", fmt::join(hidden, ", "),
                     display_name(body.table));
}

}  // namespace

Result<RetireOutcome> link_or_restore_columns(Session& session, const StepSite& site, const LinkColumnsBody& body) {
  PGPHASE_TRY(in_the_way, what_writers_would_meet(session, body));
  if (!in_the_way.empty()) {
    return make_error(Errc::refused,
                      fmt::format("keeping in step {} is refused: {}", describe(body), fmt::join(in_the_way, "; ")),
                      "Nothing was changed. Do what is named, then run `pgphase up` again.");
  }
  PGPHASE_TRY(retired, retired_columns(session, site.key));
  return retired.empty() ? link_columns(session, site, body) : restore_columns(session, site, body, retired);
}

Result<RetireOutcome> undo_link_columns(Session& session, const StepSite& site, const LinkColumnsBody& body) {
  StepChange step;
  step.label = "columns.undo";
  step.doing = "undoing the addition of " + describe(body);
  step.direction = Direction::back;
  step.locks = {{body.table, LockMode::access_exclusive}};
  std::optional<StoredLink> stored;
  std::vector<std::int64_t> numbers;
  const auto obstacles = [&](Session& s, const std::string& oid) -> Result<void> {
    std::vector<std::string> all;
    for (const auto& target : body.targets) {
      PGPHASE_TRY(found, column_obstacles(s, body.table, oid, target.name));
      all.insert(all.end(), found.begin(), found.end());
    }
    if (!all.empty()) return refused_by(step.doing, all);
    return {};
  };
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(oid, table_oid(s, body.table));
    if (!oid) return {};
    PGPHASE_TRY(found, link_of(s, site.key));
    if (!found) return no_link(step.doing);
    stored = std::move(found);
    PGPHASE_CHECK(obstacles(s, *oid));
    for (std::size_t i = 0; i < body.targets.size(); ++i) {
      PGPHASE_TRY(number, reserve_retired_number(s));
      numbers.push_back(number);
    }
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    if (!stored) return std::string("nothing to do: somebody has dropped the table already");
    PGPHASE_TRY(oid, locked_table_oid(s, body.table));
    // Asked again: until the lock was granted anybody could build on the columns.
    PGPHASE_CHECK(obstacles(s, oid));
    PGPHASE_TRY(empty, may_be_dropped(s, body, *stored, oid));
    return empty ? drop_columns(s, body, *stored) : retire_columns(s, site, body, *stored, numbers);
  };
  return attempt_step(session, site, step);
}

}  // namespace pgphase
