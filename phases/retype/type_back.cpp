#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/counting.hpp"
#include "phases/retype/places.hpp"
#include "phases/retype/retype.hpp"
#include "phases/retype/twins.hpp"
#include "phases/retype/work.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

std::string hidden_proof(const RetypeBody& body, const Displaced& displaced) {
  return not_null_proof_name(body.table, displaced.old.hidden);
}

Result<std::int64_t> rows_that_do_not_fit(Session& session, const RetypeBody& body, const Displaced& displaced) {
  auto look =
      Transaction::begin(session, "retype.count_back",
                         "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", k_long_deadline) + ";");
  if (!look) return look.error();
  PGPHASE_TRY(found, session.query(fmt::format("SELECT count(*) FROM {} WHERE {} IS NOT DISTINCT FROM NULL", qualified(body.table),
                                               quote_ident(displaced.old.hidden))));
  PGPHASE_CHECK(look->commit());
  return found[0].integer(0);
}

Error does_not_fit(const RetypeBody& body, const Displaced& displaced, std::int64_t rows) {
  const auto what = displaced.primary_key.empty() ? std::string("is an identity")
                                                  : "is part of the primary key " + displaced.primary_key;
  return make_error(Errc::refused,
                    fmt::format("{} cannot have its old type back: it {}, and {} of {} {} a value that the old type "
                                "cannot hold",
                                describe(body), what, rows == 1 ? "1 row" : human_count(rows) + " rows",
                                display_name(body.table), rows == 1 ? "has" : "have"),
                    fmt::format("Nothing was changed. Give these rows other values, or delete them (SELECT … FROM {} "
                                "WHERE {} IS NULL finds them), then run the same command again.",
                                qualified(body.table), quote_ident(displaced.old.hidden)));
}

StepChange way_back(const RetypeBody& body, LockMode mode) {
  StepChange step;
  step.doing = "giving " + describe(body) + " its old type back";
  step.direction = Direction::back;
  step.locks = {{body.table, mode}};
  step.more = true;
  return step;
}

struct Proof {
  bool there = false, valid = false;
};
Result<Proof> proof_of(Session& session, const RetypeBody& body, const Displaced& displaced) {
  PGPHASE_TRY(rows, session.query("SELECT k.convalidated FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
                                  "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "WHERE n.nspname = $1 AND c.relname = $2 AND k.conname = $3",
                                  {body.table.schema, body.table.name, hidden_proof(body, displaced)}));
  return rows.empty() ? Proof{} : Proof{true, rows[0].boolean(0)};
}

std::string alter(const RetypeBody& body, const std::string& what) {
  return fmt::format("ALTER TABLE {} {};", qualified(body.table), what);
}

// A value has to be in every row when the primary key comes back. Counted before anything is changed; from the check on
// a value that the old type cannot hold is refused, as it will be from the next transaction on.
Result<RetireOutcome> prove_values(Session& session, const StepSite& site, const RetypeBody& body,
                                   const Displaced& displaced, const Proof& proof) {
  const auto name = hidden_proof(body, displaced);
  if (!proof.there) {
    PGPHASE_TRY(rows, rows_that_do_not_fit(session, body, displaced));
    if (rows > 0) return does_not_fit(body, displaced, rows);
    auto step = way_back(body, LockMode::access_exclusive);
    step.label = "retype.prove";
    step.change = [&](Session& s) -> Result<std::string> {
      PGPHASE_CHECK(s.script(alter(body, fmt::format("ADD CONSTRAINT {} CHECK ({} IS DISTINCT FROM NULL) NOT VALID", name,
                                                     quote_ident(displaced.old.hidden)))));
      return std::string();
    };
    return attempt_step(session, site, step);
  }
  auto step = way_back(body, LockMode::share_update_exclusive);
  step.label = "retype.validate_back";
  step.long_running = true;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(body, "VALIDATE CONSTRAINT " + name)));
    return std::string();
  };
  auto validated = attempt_step(session, site, step);
  if (validated || validated.error().sqlstate != sqlstate::check_violation) return validated;
  // A row has got in between counting and the check, which would go on refusing its changes.
  auto give_up = way_back(body, LockMode::access_exclusive);
  give_up.label = "retype.give_up";
  give_up.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(body, "DROP CONSTRAINT IF EXISTS " + name)));
    PGPHASE_CHECK(step_undo_part_done(s, site.key, 0));  // nothing is changed any more: `up` may pass over it
    return std::string();
  };
  return attempt_step(session, site, give_up);
}

// What somebody has made since, and the way back would leave on a column that nobody sees.
Result<void> must_come_back(Session& session, const std::string& doing, const RetypeBody& body,
                            const Displaced& displaced) {
  std::vector<std::string> found;
  PGPHASE_TRY(hidden, read_old_column(session, body.table, displaced.old.hidden));
  if (!hidden) {
    found.push_back(fmt::format("{}, as which {} was retired, is gone", displaced.old.hidden, describe(body)));
  }
  PGPHASE_TRY(beyond, counted_beyond_old_type(session, body, displaced.old.hidden));
  found.insert(found.end(), beyond.begin(), beyond.end());
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(indexes, valid_hidden_indexes(session, body.table));
  for (const auto& index : hanging.indexes) {
    const auto aside = set_aside_name(body.table, body.column, index.name);
    const bool kept =
        std::any_of(indexes.begin(), indexes.end(), [&](const HiddenIndex& one) { return one.name == aside; });
    if (index.unique && !kept) {
      found.push_back(
          fmt::format("unique index {} has no counterpart on the old column: somebody has made it, or "
                      "dropped that one, since",
                      index.name));
    }
  }
  for (const auto& one : hanging.constraints) {
    const auto same = [&](const auto& other) { return other.name == one.name; };
    const auto& keys = displaced.old.foreign_keys;
    if (std::any_of(displaced.checks.begin(), displaced.checks.end(), same)) continue;
    if (std::any_of(keys.begin(), keys.end(), same)) continue;
    found.push_back(fmt::format("constraint {} has been added since", one.name));
  }
  if (!found.empty()) return refused_by(doing, found);
  return {};
}

Result<RetireOutcome> change_back(Session& session, const StepSite& site, const RetypeBody& body,
                                  const RetiredRecord& record, const Displaced& displaced) {
  auto step = way_back(body, LockMode::access_exclusive);
  step.label = "retype.change_back";
  PGPHASE_TRY(keys, incoming_keys(session, body));
  step.locks = locks_of(body, displaced.old.foreign_keys, keys);
  std::optional<StoredLink> link;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_CHECK(must_come_back(s, step.doing, body, displaced));
    PGPHASE_TRY(found, link_to_turn(s, site.key, body));
    link = std::move(found);
    return record_restored(s, record.id);
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    PGPHASE_CHECK(must_come_back(s, step.doing, body, displaced));
    PGPHASE_CHECK(change_places_back(s, body, displaced, *link));
    return std::string("has its old type again, with every value");
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> validate_check(Session& session, const StepSite& site, const RetypeBody& body,
                                     const std::string& name) {
  auto step = way_back(body, LockMode::share_update_exclusive);
  step.label = "retype.check_back";
  step.long_running = true;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(body, "VALIDATE CONSTRAINT " + quote_ident(name))));
    return std::string();
  };
  return attempt_step(session, site, step);
}

// One attempt more on the way to what was there before: what could not be done under the lock.
Result<RetireOutcome> what_is_left(Session& session, const StepSite& site, const RetypeBody& body,
                                   const Displaced& displaced, std::vector<std::string>& words) {
  const auto& old = displaced.old;
  if (old.not_null && !displaced.needs_value) {
    PGPHASE_TRY(outcome, require_again(session, site, {body.table, body.column, old.not_null_constraint}, {}));
    if (!outcome.attempt.done || outcome.more) return std::move(outcome);
    if (!outcome.what.empty()) words.push_back(outcome.what);
  }
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  for (const auto& check : displaced.checks) {
    const auto now = std::find_if(hanging.constraints.begin(), hanging.constraints.end(),
                                  [&](const HangingConstraint& one) { return one.name == check.name; });
    if (!check.valid || now == hanging.constraints.end() || now->valid) continue;
    auto outcome = validate_check(session, site, body, check.name);
    if (outcome || outcome.error().sqlstate != sqlstate::check_violation) return outcome;
    words.push_back(fmt::format("check {} stays NOT VALID: rows violate it", check.name));
  }
  PGPHASE_TRY(keys, incoming_keys(session, body));
  for (auto& key : keys) {
    // As it was before; one that came meanwhile was checked when it came.
    const auto before = std::find_if(displaced.incoming.begin(), displaced.incoming.end(),
                                     [&](const KeptForeignKey& one) { return one.name == key.name; });
    key.valid = before == displaced.incoming.end() || before->valid;
  }
  keys.insert(keys.end(), old.foreign_keys.begin(), old.foreign_keys.end());
  PGPHASE_TRY(checked, validate_again(session, site, keys, words));
  if (!checked.attempt.done || checked.more) return std::move(checked);
  return build_old_indexes(session, site, body, words);
}

}  // namespace

Result<RetireOutcome> take_type_back(Session& session, const StepSite& site, const RetypeBody& body) {
  PGPHASE_TRY(standing, retired_by(session, site.key, "column"));
  if (standing) {
    PGPHASE_TRY(displaced, displaced_of(*standing));
    PGPHASE_TRY(beyond, counted_beyond_old_type(session, body, displaced.old.hidden));
    if (!beyond.empty()) return refused_by("giving " + describe(body) + " its old type back", beyond);
    if (displaced.needs_value) {
      PGPHASE_TRY(proof, proof_of(session, body, displaced));
      if (!proof.valid) return prove_values(session, site, body, displaced, proof);
    }
    return change_back(session, site, body, *standing, displaced);
  }
  std::vector<std::string> words;
  PGPHASE_TRY(displaced, newest_displaced(session, site.key));
  if (displaced) {
    PGPHASE_TRY(outcome, what_is_left(session, site, body, *displaced, words));
    if (!outcome.attempt.done || outcome.more) return std::move(outcome);
  }
  PGPHASE_TRY(dropped, drop_constraint_twins(session, site, body));
  if (dropped.attempt.done && !dropped.more) dropped.what = fmt::format("{}", fmt::join(words, "; "));
  return std::move(dropped);
}

}  // namespace pgphase
