#include "phases/retype/retype.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/names.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/obstacles.hpp"
#include "phases/retype/places.hpp"
#include "phases/retype/twins.hpp"
#include "phases/retype/work.hpp"
#include "phases/steps/index.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Where an earlier way back has left it nullable, because rows lack a value, it is still one that requires them: the
// new column has kept what the old type could not hold.
Result<OldColumn> column_as_it_is(Session& session, const StepKey& key, const RetypeBody& body) {
  PGPHASE_TRY(column, read_old_column(session, body.table, body.column));
  if (!column) {
    return make_error(Errc::step_failed, fmt::format("there is no {}", describe(body)), "Nothing was changed.");
  }
  PGPHASE_TRY(guard,
              session.query("SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                            "JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "WHERE n.nspname = $1 AND c.relname = $2 AND t.tgname = $3",
                            {body.table.schema, body.table.name, null_guard_name(body.table, body.column, 'i')}));
  if (!guard.empty() && !column->not_null) {
    PGPHASE_TRY(before, newest_displaced(session, key));
    column->not_null = true;
    if (before) column->not_null_constraint = before->old.not_null_constraint;
  }
  return std::move(*column);
}

Result<void> must_be_free(Session& session, const PlanId& plan, const std::string& doing, const RetypeBody& body) {
  PGPHASE_TRY(found, obstacles_to_retyping(session, plan, body));
  if (!found.empty()) return refused_by(doing, found, Direction::forward);
  return {};
}

Result<RetireOutcome> change(Session& session, const StepSite& site, const RetypeBody& body, const OldColumn& old) {
  StepChange step;
  step.label = "retype.change_places";
  step.doing = "changing the type of " + describe(body);
  PGPHASE_TRY(keys, incoming_keys(session, body));
  step.locks = locks_of(body, old.foreign_keys, keys);
  step.more = true;
  std::int64_t number = 0;
  std::optional<StoredLink> link;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_CHECK(must_be_free(s, site.key.plan, step.doing, body));
    PGPHASE_TRY(found, link_to_turn(s, site.key, body));
    link = std::move(found);
    PGPHASE_TRY(reserved, reserve_retired_number(s));
    number = reserved;
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(locked_table_oid(s, body.table));
    // Asked again: until the lock was granted anybody could build on the column.
    PGPHASE_CHECK(must_be_free(s, site.key.plan, step.doing, body));
    PGPHASE_TRY(hanging, what_hangs_on(s, body.table, body.column));
    PGPHASE_TRY(right, twins_are_right(s, body, hanging));
    PGPHASE_TRY(strays, has_stray_constraint_twins(s, body, hanging));
    if (!right || strays) return std::string();  // the next call makes them so
    PGPHASE_TRY(now, column_as_it_is(s, site.key, body));
    PGPHASE_TRY(incoming, incoming_keys(s, body));
    Displaced displaced;
    displaced.old = std::move(now);
    displaced.old.hidden = retired_column_name(number);
    displaced.incoming = std::move(incoming);
    PGPHASE_CHECK(change_places(s, body, displaced, *link));
    PGPHASE_CHECK(record_retired(s, record_of(displaced, number, site.key)));
    return fmt::format("is a {} now; the old one is {}, and kept up to date there", body.type, displaced.old.hidden);
  };
  return attempt_step(session, site, step);
}

}  // namespace

Result<RetireOutcome> prepare_retype(Session& session, const StepSite& site, const RetypeBody& body) {
  PGPHASE_TRY(made, make_index_twins(session, site, body));
  if (!made.attempt.done || made.more) return std::move(made);
  // Of the whole table: naming columns leaves out what indexes compute.
  auto analysed = analyse(session, body.table);
  if (!analysed) return analysed.error();
  if (!analysed->done) made.attempt = *analysed;
  return std::move(made);
}

Result<RetireOutcome> take_back_preparation(Session& session, const StepSite& site, const RetypeBody& body) {
  return drop_index_twins(session, site, body);
}

Result<RetireOutcome> retype(Session& session, const StepSite& site, const RetypeBody& body) {
  PGPHASE_TRY(standing, retired_by(session, site.key, "column"));
  if (standing) {
    PGPHASE_TRY(displaced, displaced_of(*standing));
    std::vector<std::string> words;
    PGPHASE_TRY(outcome, validate_again(session, site, displaced.incoming, words, Direction::forward));
    if (outcome.attempt.done && !outcome.more) outcome.what = fmt::format("{}", fmt::join(words, "; "));
    return std::move(outcome);
  }
  PGPHASE_TRY(indexes, make_index_twins(session, site, body));
  if (!indexes.attempt.done || indexes.more) return std::move(indexes);
  PGPHASE_TRY(old, column_as_it_is(session, site.key, body));
  PGPHASE_TRY(constraints, make_constraint_twins(session, site, body, old));
  if (!constraints.attempt.done || constraints.more) return std::move(constraints);
  return change(session, site, body, old);
}

}  // namespace pgphase
