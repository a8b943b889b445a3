#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/twins.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Kind = HangingConstraint::Kind;

// The new column as it is, with the constraints of ours that the table has: by name, whether they are valid.
struct State {
  bool there = false;
  bool not_null = false;
  std::map<std::string, bool> ours;
};

std::string new_name(const RetypeBody& body) {
  return new_column_name(body.table, body.column);
}

std::string proof_name(const RetypeBody& body) {
  return not_null_proof_name(body.table, new_name(body));
}

std::string twin_of(const RetypeBody& body, const HangingConstraint& one) {
  return twin_name(body.table, body.column, one.name);
}

std::string alter(const RetypeBody& body, const std::string& what) {
  return fmt::format("ALTER TABLE {} {};", qualified(body.table), what);
}

Result<State> state_of(Session& session, const RetypeBody& body) {
  State state;
  PGPHASE_TRY(column, session.query("SELECT a.attnotnull FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                    "  JOIN pg_attribute a ON a.attrelid = c.oid "
                                    " WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3",
                                    {body.table.schema, body.table.name, new_name(body)}));
  if (column.empty()) return state;
  state.there = true;
  state.not_null = column[0].boolean(0);
  // Checks and foreign keys of the new column; those of the old one belong to others.
  PGPHASE_TRY(rows, session.query("SELECT k.conname, k.convalidated FROM pg_class c "
                                  "  JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_attribute a ON a.attrelid = c.oid "
                                  "  JOIN pg_constraint k ON k.conrelid = c.oid AND a.attnum = ANY (k.conkey) "
                                  " WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 "
                                  "   AND k.contype IN ('c', 'f') AND k.conname ~ '^_pgphase_'",
                                  {body.table.schema, body.table.name, new_name(body)}));
  for (const auto& row : rows) state.ours[row.text(0)] = row.boolean(1);
  return state;
}

// Of what somebody has dropped since.
std::vector<std::string> strays_among(const RetypeBody& body, const State& state, const Hanging& hanging) {
  std::vector<std::string> strays;
  for (const auto& [name, valid] : state.ours) {
    const bool has_original = std::any_of(hanging.constraints.begin(), hanging.constraints.end(),
                                          [&, &twin = name](const auto& one) { return twin_of(body, one) == twin; });
    if (name != proof_name(body) && !has_original) strays.push_back(name);
  }
  return strays;
}

StepChange forward(const RetypeBody& body, const char* doing) {
  StepChange step;
  step.doing = fmt::format("{} of {}.{}", doing, display_name(body.table), body.column);
  step.locks = {{body.table, LockMode::access_exclusive}};
  step.more = true;
  return step;
}

std::vector<RelationLock> referenced(const OldColumn& old, LockMode mode) {
  std::vector<RelationLock> locks;
  for (const auto& key : old.foreign_keys) locks.push_back({key.referenced, mode});
  return locks;
}

Result<void> every_row_has_a_value(Session& session, const RetypeBody& body) {
  auto look = Transaction::begin(
      session, "retype.count", "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", k_long_deadline) + ";");
  if (!look) return look.error();
  PGPHASE_TRY(found, session.query(fmt::format("SELECT count(*) FROM {} WHERE {} IS NOT DISTINCT FROM NULL", qualified(body.table),
                                               quote_ident(new_name(body)))));
  PGPHASE_CHECK(look->commit());
  const auto number = found[0].integer(0);
  if (number == 0) return {};
  return make_error(Errc::step_failed,
                    fmt::format("column {} of table {} is NOT NULL, and {} rows have no value of the type {}",
                                body.column, display_name(body.table), human_count(number), body.type),
                    "Nothing was changed. Correct these rows, or what `fill` makes of them, then run the same command "
                    "again.");
}

// A NOT VALID check binds every UPDATE of an old row: nothing that the old column's does not bind already.
Result<RetireOutcome> add(Session& session, const StepSite& site, const RetypeBody& body, const OldColumn& old,
                          const State& state, const std::vector<std::string>& strays) {
  auto step = forward(body, "making the constraints");
  step.label = "retype.constraints";
  // SHARE ROW EXCLUSIVE is what a new foreign key needs of the table that it refers to.
  for (const auto& lock : referenced(old, LockMode::share_row_exclusive)) {
    if (lock.table != body.table) step.locks.push_back(lock);
  }
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    PGPHASE_TRY(as_new, what_hangs_on_as(s, body.table, body.column, new_name(body)));
    std::string sql;
    // Of a foreign key this takes ACCESS EXCLUSIVE on what it refers to.
    for (const auto& name : strays) sql += alter(body, "DROP CONSTRAINT IF EXISTS " + quote_ident(name));
    for (const auto& one : as_new.constraints) {
      if (state.ours.contains(twin_of(body, one))) continue;
      sql += alter(body, fmt::format("ADD CONSTRAINT {} {} NOT VALID", twin_of(body, one), one.definition));
    }
    if (old.not_null && !state.not_null && !state.ours.contains(proof_name(body))) {
      sql += alter(body, fmt::format("ADD CONSTRAINT {} CHECK ({} IS DISTINCT FROM NULL) NOT VALID", proof_name(body),
                                     quote_ident(new_name(body))));
    }
    if (!sql.empty()) PGPHASE_CHECK(s.script(sql));
    return std::string();
  };
  return attempt_step(session, site, step);
}

// SHARE UPDATE EXCLUSIVE, and ROW SHARE on what a foreign key refers to: everybody goes on meanwhile.
Result<RetireOutcome> validate(Session& session, const StepSite& site, const RetypeBody& body, const OldColumn& old,
                               const std::string& name) {
  auto step = forward(body, "checking the rows against the constraints");
  step.label = "retype.validate";
  step.long_running = true;
  step.locks = {{body.table, LockMode::share_update_exclusive}};
  for (const auto& lock : referenced(old, LockMode::row_share)) {
    if (lock.table != body.table) step.locks.push_back(lock);
  }
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(body, "VALIDATE CONSTRAINT " + name)));
    return std::string();
  };
  return attempt_step(session, site, step);
}

// ACCESS EXCLUSIVE for a moment, without a scan: the valid check proves it.
Result<RetireOutcome> require(Session& session, const StepSite& site, const RetypeBody& body) {
  auto step = forward(body, "requiring a value in the new column");
  step.label = "retype.require";
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(body, fmt::format("ALTER COLUMN {} SET NOT NULL", quote_ident(new_name(body)))) +
                           alter(body, "DROP CONSTRAINT " + proof_name(body))));
    return std::string();
  };
  return attempt_step(session, site, step);
}

}  // namespace

Result<RetireOutcome> make_constraint_twins(Session& session, const StepSite& site, const RetypeBody& body,
                                            const OldColumn& old) {
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(state, state_of(session, body));
  const bool needs_proof = old.not_null && !state.not_null && !state.ours.contains(proof_name(body));
  const bool all_there =
      std::all_of(hanging.constraints.begin(), hanging.constraints.end(),
                  [&](const HangingConstraint& one) { return state.ours.contains(twin_of(body, one)); });
  if (needs_proof) PGPHASE_CHECK(every_row_has_a_value(session, body));
  const auto strays = strays_among(body, state, hanging);
  if (needs_proof || !all_there || !strays.empty()) return add(session, site, body, old, state, strays);
  for (const auto& one : hanging.constraints) {
    if (one.valid && !state.ours.at(twin_of(body, one))) {
      return validate(session, site, body, old, twin_of(body, one));
    }
  }
  const auto proof = state.ours.find(proof_name(body));
  if (proof == state.ours.end()) return nothing_more();
  if (!proof->second) return validate(session, site, body, old, proof->first);
  return require(session, site, body);
}

Result<bool> has_stray_constraint_twins(Session& session, const RetypeBody& body, const Hanging& hanging) {
  PGPHASE_TRY(state, state_of(session, body));
  return !strays_among(body, state, hanging).empty();
}

Result<RetireOutcome> drop_constraint_twins(Session& session, const StepSite& site, const RetypeBody& body) {
  PGPHASE_TRY(state, state_of(session, body));
  if (!state.not_null && state.ours.empty()) return nothing_more();
  PGPHASE_TRY(old, read_old_column(session, body.table, body.column));
  auto step = forward(body, "taking back the constraints");
  step.label = "retype.let_go";
  step.direction = Direction::back;
  // ACCESS EXCLUSIVE is what dropping a foreign key needs of both tables.
  if (old) {
    const auto others = referenced(*old, LockMode::access_exclusive);
    step.locks.insert(step.locks.end(), others.begin(), others.end());
  }
  step.change = [&](Session& s) -> Result<std::string> {
    std::string sql;
    for (const auto& one : state.ours) sql += alter(body, "DROP CONSTRAINT " + quote_ident(one.first));
    if (state.not_null) sql += alter(body, fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_ident(new_name(body))));
    PGPHASE_CHECK(s.script(sql));
    return std::string();
  };
  return attempt_step(session, site, step);
}

}  // namespace pgphase
