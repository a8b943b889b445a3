#include "phases/sync/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/row_security.hpp"
#include "phases/retire/emptiness.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/sync/links.hpp"
#include "phases/sync/newcomers.hpp"
#include "phases/sync/order.hpp"
#include "phases/sync/other_plans.hpp"
#include "phases/sync/rights.hpp"
#include "phases/sync/sources.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

std::string describe(const LinkColumnsBody& body) {
  std::vector<std::string> names;
  for (const auto& target : body.targets) names.push_back(target.name);
  return fmt::format("{} {} of table {}", names.size() == 1 ? "column" : "columns", fmt::join(names, ", "),
                     display_name(body.table));
}

// What makes the columns what they are: an edit of any of it is another plan.
std::string origin_of(const LinkColumnsBody& body) {
  std::string text;
  for (const auto* side : {&body.targets, &body.sources}) {
    for (const auto& column : *side) {
      text += fmt::format("{} {} = {}; ", quote_ident(column.name), column.type.empty() ? column.like : column.type,
                          column.expression);
    }
  }
  return text;
}

// The targets have yet to take the places of their sources: nobody writes them, they follow.
bool takes_the_place(const LinkColumnsBody& body) {
  return !body.targets.front().called.empty();
}

SyncLink::Flow flow_of(const LinkColumnsBody& body) {
  return takes_the_place(body) ? SyncLink::Flow::to_targets : SyncLink::Flow::both;
}

// An assignment to varchar(n) cuts off spaces that are too many: two values would become one, and what is unique on the
// old column would refuse the second one, which the new column has taken.
std::string way_back(const LinkColumnsBody& body, const LinkedColumn& source, const KnownColumn& known) {
  if (!takes_the_place(body) || known.longest == 0 || source.expression != quote_ident(source.name)) {
    return source.expression;
  }
  return fmt::format("CASE WHEN pg_catalog.length(({0})::pg_catalog.text) <= {1} THEN {0} END", source.expression,
                     known.longest);
}

bool says_collate(const std::string& type) {
  std::string small = type;
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small.find("collate") != std::string::npos;
}

// A column that keeps its name keeps its collation, where the new type has any.
Result<std::string> collation_kept(Session& session, const LinkColumnsBody& body, const std::string& oid,
                                   const std::string& type) {
  // A type with a COLLATE of its own is the author's choice, and none that the server finds by its name.
  if (!takes_the_place(body) || says_collate(type)) return std::string();
  PGPHASE_TRY(known, known_column(session, oid, body.sources.front().name));
  if (!known || known->collation.empty()) return std::string();
  PGPHASE_TRY(
      has_any,
      session.query("SELECT EXISTS (SELECT FROM pg_type WHERE oid = to_regtype($1) AND typcollation <> 0)", {type}));
  return has_any[0].boolean(0) ? known->collation : std::string();
}

// A parent's triggers do not fire for the rows of its heirs, and a column of an heir or a partition cannot come and go
// by itself.
Result<std::vector<std::string>> obstacles_among_relatives(Session& session, const TableName& table,
                                                           const std::string& oid) {
  PGPHASE_TRY(
      rows,
      session.query("SELECT 1, i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent "
                    " WHERE i.inhparent = $1 AND c.relkind = 'r' "
                    "UNION ALL SELECT CASE WHEN c.relispartition THEN 2 ELSE 3 END, i.inhparent::regclass::text "
                    "  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhrelid = $1 ORDER BY 1, 2",
                    {oid}));
  std::vector<std::string> sentences;
  for (const auto& row : rows) {
    const auto name = display_name(table);
    sentences.push_back(
        row.integer(0) == 1
            ? fmt::format("table {} inherits from {}, whose triggers do not fire for its rows: they would not "
                          "be kept in step; instead, add the column bare and keep it in step by triggers of "
                          "your own on each table",
                          row.text(1), name)
        : row.integer(0) == 2
            ? fmt::format("{} is a partition of {}; instead, name that table", name, row.text(1))
            : fmt::format("{} inherits from {}, which shows its rows; instead, add the column bare and keep "
                          "it in step by triggers of your own",
                          name, row.text(1)));
  }
  return sentences;
}

// Everything that has to be known before the lock is taken.
struct Prepared {
  std::vector<std::string> types;  // of the targets, with their collation
  std::vector<SyncColumn> sources;
};

Result<Prepared> prepare(Session& session, const std::string& doing, const LinkColumnsBody& body,
                         const std::string& oid) {
  Prepared out;
  const auto missing = [&](const std::string& column) {
    return make_error(Errc::step_failed,
                      fmt::format("{}: table {} has no column {}", doing, display_name(body.table), column),
                      "Nothing was changed.");
  };
  PGPHASE_TRY(hidden, row_security_in_the_way(session, body.table));
  if (hidden)
    return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, *hidden), "Nothing was changed.");
  PGPHASE_TRY(refused, refused_sources(session, body, oid));
  if (!refused.empty()) {
    return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, refused.front().why),
                      fmt::format("Nothing was changed. Instead, {}.", refused.front().instead));
  }
  PGPHASE_TRY(relatives, obstacles_among_relatives(session, body.table, oid));
  if (!relatives.empty()) {
    return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, fmt::join(relatives, "; ")),
                      "Nothing was changed.");
  }
  for (const auto& source : body.sources) {
    PGPHASE_TRY(known, known_column(session, oid, source.name));
    if (!known) return missing(source.name);
    SyncColumn column{source.name, known->type, way_back(body, source, *known), known->default_sql};
    column.required = known->required;
    out.sources.push_back(std::move(column));
  }
  for (const auto& target : body.targets) {
    if (!target.type.empty()) {
      PGPHASE_TRY(collation, collation_kept(session, body, oid, target.type));
      out.types.push_back(target.type + collation);
      continue;
    }
    PGPHASE_TRY(known, known_column(session, oid, target.like));
    if (!known) return missing(target.like);
    out.types.push_back(known->type + known->collation);
  }
  return out;
}

// The trigger must not be the first to find a typo: every write of the application would fail then. In a transaction of
// its own, so that no lock of it is left when the strong one is asked for.
Result<void> compile(Session& session, const std::string& doing, const LinkColumnsBody& body, const Prepared& with) {
  std::string up, down, fresh, renamed;
  for (std::size_t i = 0; i < body.targets.size(); ++i) {
    const auto& target = body.targets[i];
    up += fmt::format("{}({}\n)", i ? ", " : "", target.expression);
    const auto value =
        fmt::format("NULL::{} AS {}", with.types[i], quote_ident(target.called.empty() ? target.name : target.called));
    if (target.called.empty()) {
      fresh += ", " + value;
    } else {
      renamed += (renamed.empty() ? "" : ", ") + value;
    }
  }
  for (const auto& source : body.sources) {
    if (!source.expression.empty()) down += fmt::format("{}({}\n)", down.empty() ? "" : ", ", source.expression);
  }
  const auto table = qualified(body.table), alias = quote_ident(body.table.name);
  std::vector<std::string> questions{fmt::format("EXPLAIN SELECT {} FROM {} AS {}", up, table, alias)};
  if (!down.empty()) {
    // As the trigger's function sees it: a column that goes by another's name hides that one.
    if (!renamed.empty()) down = fmt::format("(SELECT ROW({}) FROM (SELECT {}) AS {})", down, renamed, alias);
    questions.push_back(
        fmt::format("EXPLAIN SELECT {0} FROM (SELECT {2}.*{3} FROM {1} AS {2}) AS {2}", down, table, alias, fresh));
  }
  for (const auto& question : questions) {
    auto planned = session.query(question);
    if (planned) continue;
    auto error = planned.error();
    if (error.code != Errc::sql) return error;
    error.code = Errc::step_failed;
    error.message = fmt::format("{}: an expression of the plan is not possible: {}", doing, error.message);
    error.next = "Nothing was changed. Correct the plan, then run `pgphase up` again.";
    return error;
  }
  return {};
}

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

// What anybody can do or undo while the plan waits: asked before anything runs, and again when it is the step's turn.
Result<std::vector<std::string>> what_writers_would_meet(Session& session, const LinkColumnsBody& body) {
  PGPHASE_TRY(sentences, rights_that_writers_lack(session, body));
  PGPHASE_TRY(strays, stray_triggers(session, body.table));
  for (const auto& one : strays) sentences.push_back(fmt::format("{}; `{}` puts it between", one.sentence, one.rename));
  return std::move(sentences);
}

// --- forward
// -----------------------------------------------------------------------------------------------------------------

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
  PGPHASE_TRY(prepared, prepare(session, step.doing, body, *oid));
  PGPHASE_CHECK(compile(session, step.doing, body, prepared));
  step.change = [&](Session& s) -> Result<std::string> {
    std::string added;
    for (std::size_t i = 0; i < body.targets.size(); ++i) {
      added += fmt::format("{}ADD COLUMN {} {}", i ? ", " : "", quote_ident(body.targets[i].name), prepared.types[i]);
    }
    PGPHASE_CHECK(s.script(fmt::format("ALTER TABLE {} {}", qualified(body.table), added)));
    PGPHASE_TRY(locked, locked_table_oid(s, body.table));
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
                    "`pgphase step {} {}/{} --done --reason …`.",
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

// No row, and no column behind them: adding them again puts them where they were.
Result<bool> may_be_dropped(Session& session, const LinkColumnsBody& body, const StoredLink& stored,
                            const std::string& oid) {
  PGPHASE_TRY(
      facts,
      session.query(fmt::format("SELECT c.relkind = 'r' AND NOT row_security_active(c.oid) AND pg_relation_size(c.oid) "
                                "<= {} * current_setting('block_size')::bigint AND NOT EXISTS (SELECT FROM "
                                "pg_inherits WHERE inhparent = c.oid), "
                                "(SELECT max(attnum) FROM pg_attribute WHERE attrelid = c.oid AND NOT attisdropped), "
                                "(SELECT min(attnum) FROM pg_attribute WHERE attrelid = c.oid AND attname = $2) "
                                "FROM pg_class c WHERE c.oid = $1",
                                k_few_pages),
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

Result<void> expressions_compile(Session& session, const LinkColumnsBody& body) {
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return {};
  auto needed = body.sources;
  for (const auto& target : body.targets) {
    if (!target.like.empty()) needed.push_back({target.like, {}, {}, {}});
    PGPHASE_TRY(taken, known_column(session, *oid, target.name));
    if (taken) return {};
  }
  for (const auto& one : needed) {
    PGPHASE_TRY(known, known_column(session, *oid, one.name));
    if (!known) return {};
  }
  PGPHASE_TRY(refused, refused_sources(session, body, *oid));
  if (!refused.empty()) return {};
  const auto doing = "adding " + describe(body);
  PGPHASE_TRY(prepared, prepare(session, doing, body, *oid));
  return compile(session, doing, body, prepared);
}

Result<std::vector<std::string>> obstacles_to_linking(Session& session, const LinkColumnsBody& body) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return sentences;
  PGPHASE_TRY(relatives, obstacles_among_relatives(session, body.table, *oid));
  sentences.insert(sentences.end(), relatives.begin(), relatives.end());
  PGPHASE_TRY(refused, refused_sources(session, body, *oid));
  for (const auto& one : refused) sentences.push_back(fmt::format("{}; instead, {}", one.why, one.instead));
  PGPHASE_TRY(met, what_writers_would_meet(session, body));
  sentences.insert(sentences.end(), met.begin(), met.end());
  return sentences;
}

}  // namespace pgphase
