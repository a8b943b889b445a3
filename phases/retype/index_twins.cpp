#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/belongings.hpp"
#include "phases/retype/twins.hpp"
#include "phases/steps/index.hpp"
#include "phases/steps/index_definition.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/base/sha256.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Constraint = HangingIndex::Constraint;

// An index that is to be there.
struct Wanted {
  std::string name;
  std::string sql;  // CREATE INDEX CONCURRENTLY
  std::string tablespace;
  std::string others;
  // Kept as a comment on the index: whoever finds it knows what it was built from.
  std::string seal() const {
    return "made by pgphase for a migration that is under way: " + sha256_hex(sql + tablespace + others).substr(0, 16);
  }
};

Wanted wanted(const HangingIndex& like, const std::string& name) {
  auto sql = concurrently(like.definition);
  sql.replace(sql.find(like.written + " ON "), like.written.size(), quote_ident(name));
  return {name, std::move(sql), like.tablespace, like.others};
}

std::string new_name(const RetypeBody& body) {
  return new_column_name(body.table, body.column);
}

// `as_new`: with the new column in the old one's place.
std::vector<Wanted> all_wanted(const RetypeBody& body, const Hanging& hanging, const Hanging& as_new) {
  std::vector<Wanted> all;
  for (const auto& index : as_new.indexes) all.push_back(wanted(index, twin_name(body.table, body.column, index.name)));
  for (const auto& index : hanging.indexes) {
    if (index.constraint == Constraint::primary_key) {
      all.push_back(wanted(index, set_aside_name(body.table, body.column, index.name)));
    }
  }
  return all;
}

const HiddenIndex* find(const std::vector<HiddenIndex>& indexes, const std::string& name) {
  const auto found =
      std::find_if(indexes.begin(), indexes.end(), [&](const HiddenIndex& one) { return one.name == name; });
  return found == indexes.end() ? nullptr : &*found;
}

// By their names alone, so that no lock is needed: there, and marked as what they were built for.
Result<bool> all_there(Session& session, const RetypeBody& body) {
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(hidden, valid_hidden_indexes(session, body.table));
  PGPHASE_TRY(strays, stray_index_twins(session, body, hanging));
  if (!strays.empty()) return false;
  return std::all_of(hanging.indexes.begin(), hanging.indexes.end(), [&](const HangingIndex& index) {
    const auto* twin = find(hidden, twin_name(body.table, body.column, index.name));
    const auto* aside = find(hidden, set_aside_name(body.table, body.column, index.name));
    const bool has_aside = index.constraint != Constraint::primary_key || (aside && !aside->comment.empty());
    return twin && !twin->comment.empty() && has_aside;
  });
}

Result<void> mark(Session& session, const RetypeBody& body, const std::string& index, const std::string& seal) {
  PGPHASE_CHECK(session.query(fmt::format("COMMENT ON INDEX {} IS {}", qualified({body.table.schema, index}),
                                          seal.empty() ? "NULL" : quote_literal(seal))));
  return {};
}

Result<Attempt> build(Session& session, const TableName& index, const std::string& sql, const std::string& tablespace) {
  // The definition does not say it.
  PGPHASE_CHECK(session.query("SELECT set_config('default_tablespace', $1, false)", {tablespace}));
  auto built = build_hidden_index(session, sql, index);
  if (!session.lost()) PGPHASE_CHECK(session.query("SELECT set_config('default_tablespace', '', false)"));
  return built;
}

Result<RetireOutcome> not_done(const Result<Attempt>& attempt) {
  if (!attempt) return attempt.error();
  RetireOutcome outcome;
  outcome.attempt = *attempt;
  return outcome;
}

// ACCESS EXCLUSIVE for a moment, with nothing changed in the end: PostgreSQL writes the definitions for the new column
// when that has the old one's name.
StepChange look(const RetypeBody& body, std::vector<Wanted>& found) {
  StepChange step;
  step.label = "retype.look";
  step.doing = fmt::format("looking at the indexes of {}.{}", display_name(body.table), body.column);
  step.locks = {{body.table, LockMode::access_exclusive}};
  step.more = true;
  step.change = [&body, &found](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    PGPHASE_TRY(hanging, what_hangs_on(s, body.table, body.column));
    PGPHASE_TRY(as_new, what_hangs_on_as(s, body.table, body.column, new_name(body)));
    found = all_wanted(body, hanging, as_new);
    return std::string();
  };
  return step;
}

}  // namespace

RetireOutcome nothing_more(std::string what) {
  RetireOutcome outcome;
  outcome.attempt.done = true;
  outcome.what = std::move(what);
  return outcome;
}

Result<RetireOutcome> make_index_twins(Session& session, const StepSite& site, const RetypeBody& body) {
  PGPHASE_TRY(there, all_there(session, body));
  if (there) return nothing_more();
  std::vector<Wanted> all;
  PGPHASE_TRY(looked, attempt_step(session, site, look(body, all)));
  if (!looked.attempt.done) return std::move(looked);
  PGPHASE_TRY(hidden, valid_hidden_indexes(session, body.table));
  int built = 0;
  for (const auto& one : all) {
    const auto* before = find(hidden, one.name);
    if (before && before->comment == one.seal()) continue;
    const auto attempt = build(session, {body.table.schema, one.name}, one.sql, one.tablespace);
    if (!attempt || !attempt->done) return not_done(attempt);
    PGPHASE_CHECK(mark(session, body, one.name, one.seal()));
    ++built;
  }
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(strays, stray_index_twins(session, body, hanging));
  for (const auto& name : strays) {
    const auto attempt = drop_hidden_index(session, {body.table.schema, name});
    if (!attempt || !attempt->done) return not_done(attempt);
  }
  looked.more = false;
  looked.what = fmt::format("{} {} built", built, built == 1 ? "index" : "indexes");
  if (!strays.empty()) {
    looked.what += fmt::format(", {} dropped whose {} somebody has dropped", strays.size(),
                               strays.size() == 1 ? "original" : "originals");
  }
  return std::move(looked);
}

// Of an INVALID one, too: an original that is there has its twin built anew.
Result<std::vector<std::string>> stray_index_twins(Session& session, const RetypeBody& body, const Hanging& hanging) {
  PGPHASE_TRY(rows, session.query("SELECT x.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid "
                                  "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 "
                                  " WHERE n.nspname = $1 AND c.relname = $2 AND x.relname ~ '^_pgphase_new_' "
                                  "   AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend d "
                                  "         WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid "
                                  "           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid "
                                  "           AND d.refobjsubid = a.attnum)) ORDER BY 1",
                                  {body.table.schema, body.table.name, new_name(body)}));
  std::vector<std::string> strays;
  for (const auto& row : rows) {
    const bool has_original = std::any_of(hanging.indexes.begin(), hanging.indexes.end(), [&](const auto& index) {
      return twin_name(body.table, body.column, index.name) == row.text(0);
    });
    if (!has_original) strays.push_back(row.text(0));
  }
  return strays;
}

Result<bool> twins_are_right(Session& session, const RetypeBody& body, const Hanging& hanging) {
  PGPHASE_TRY(strays, stray_index_twins(session, body, hanging));
  if (!strays.empty()) return false;
  PGPHASE_TRY(as_new, what_hangs_on_as(session, body.table, body.column, new_name(body)));
  PGPHASE_TRY(hidden, valid_hidden_indexes(session, body.table));
  bool right = true;
  for (const auto& one : all_wanted(body, hanging, as_new)) {
    const auto* found = find(hidden, one.name);
    if (found && found->comment == one.seal()) continue;
    right = false;
    if (found) PGPHASE_CHECK(mark(session, body, one.name, ""));
  }
  return right;
}

Result<void> mark_twins(Session& session, const RetypeBody& body) {
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(as_new, what_hangs_on_as(session, body.table, body.column, new_name(body)));
  PGPHASE_TRY(hidden, valid_hidden_indexes(session, body.table));
  for (const auto& one : all_wanted(body, hanging, as_new)) {
    if (find(hidden, one.name)) PGPHASE_CHECK(mark(session, body, one.name, one.seal()));
  }
  return {};
}

Result<RetireOutcome> drop_index_twins(Session& session, const StepSite& site, const RetypeBody& body) {
  {
    auto begun = begin_fenced(session, site.fence, "retype.drop");
    if (!begun) return begun.error();
    PGPHASE_CHECK(step_undoing(session, site.key));
    PGPHASE_CHECK(begun->commit());
  }
  // Also those whose index somebody has dropped, and those that were never finished.
  PGPHASE_TRY(rows, session.query("SELECT x.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid "
                                  "  JOIN pg_attribute a ON a.attrelid = c.oid "
                                  "   AND (a.attname = $3 AND x.relname ~ '^_pgphase_old_' "
                                  "        OR a.attname = $4 AND x.relname ~ '^_pgphase_new_') "
                                  " WHERE n.nspname = $1 AND c.relname = $2 "
                                  "   AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend d "
                                  "         WHERE d.classid = 'pg_class'::regclass AND d.objid = x.oid "
                                  "           AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid "
                                  "           AND d.refobjsubid = a.attnum)) ORDER BY 1",
                                  {body.table.schema, body.table.name, body.column, new_name(body)}));
  for (const auto& row : rows) {
    const auto attempt = drop_hidden_index(session, {body.table.schema, row.text(0)});
    if (!attempt || !attempt->done) return not_done(attempt);
  }
  return nothing_more(fmt::format("{} {} dropped", rows.size(), rows.size() == 1 ? "index" : "indexes"));
}

namespace {

// The definition with the old column in the new one's place, while this one still bears the index's name.
Result<RetireOutcome> look_back(Session& session, const StepSite& site, const RetypeBody& body, StepChange step,
                                const std::string& name, Wanted& old) {
  step.label = "retype.look_back";
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    PGPHASE_TRY(as_old, what_hangs_on_as(s, body.table, new_name(body), body.column));
    for (const auto& index : as_old.indexes) {
      if (index.name == name) old = wanted(index, set_aside_name(body.table, body.column, name));
    }
    return std::string();
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> name_back(Session& session, const StepSite& site, const RetypeBody& body, StepChange step,
                                const std::string& name) {
  step.label = "retype.name_back";
  step.change = [&](Session& s) -> Result<std::string> {
    const TableName index{body.table.schema, name};
    const auto aside = set_aside_name(body.table, body.column, name);
    PGPHASE_TRY(definition, read_index_definition(s, index));
    auto sql =
        fmt::format("ALTER INDEX {0} RENAME TO {1}; ALTER INDEX {2} RENAME TO {3};", qualified(index),
                    twin_name(body.table, body.column, name), qualified({body.table.schema, aside}), quote_ident(name));
    for (const auto& line : definition.afterwards) sql += line + ";";
    PGPHASE_CHECK(s.script(sql));
    return std::string();
  };
  return attempt_step(session, site, step);
}

}  // namespace

Result<RetireOutcome> build_old_indexes(Session& session, const StepSite& site, const RetypeBody& body,
                                        std::vector<std::string>& words) {
  PGPHASE_TRY(without, what_hangs_on(session, body.table, new_name(body)));
  for (const auto& index : without.indexes) {
    const auto aside = set_aside_name(body.table, body.column, index.name);
    StepChange step;
    step.direction = Direction::back;
    step.locks = {{body.table, LockMode::access_exclusive}};
    step.more = true;
    step.doing = fmt::format("building index {} again", index.name);
    PGPHASE_TRY(hidden, valid_hidden_indexes(session, body.table));
    if (!find(hidden, aside)) {
      Wanted old;
      PGPHASE_TRY(looked, look_back(session, site, body, step, index.name, old));
      if (!looked.attempt.done) return std::move(looked);
      if (old.sql.empty()) continue;  // somebody has dropped it meanwhile
      const auto attempt = build(session, {body.table.schema, aside}, old.sql, old.tablespace);
      if (!attempt && attempt.error().code == Errc::sql) {
        words.push_back(fmt::format("index {} could not be built again ({}): it is back with the next up", index.name,
                                    attempt.error().message));
        continue;
      }
      if (!attempt || !attempt->done) return not_done(attempt);
    }
    PGPHASE_TRY(named, name_back(session, site, body, step, index.name));
    if (!named.attempt.done) return std::move(named);
  }
  return nothing_more();
}

}  // namespace pgphase
