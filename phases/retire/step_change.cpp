#include "phases/retire/step_change.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_duplicate_column = "42701";
constexpr const char* k_dependent_objects = "2BP01";

// The rows are written before any lock is taken and commit with the change, or not at all.
Result<void> record_step(Session& session, const StepKey& key, Direction direction, bool more) {
  if (direction == Direction::forward) {
    PGPHASE_CHECK(step_running(session, key));
    PGPHASE_CHECK(step_part_done(session, key, 1));
    return more ? Result<void>() : step_finished(session, key, StepState::done);
  }
  PGPHASE_CHECK(step_undoing(session, key));
  PGPHASE_CHECK(step_undo_part_done(session, key, 1));
  return more ? Result<void>() : step_finished(session, key, StepState::undone);
}

Error in_words(Error error, const StepChange& step) {
  if (error.code != Errc::sql) return error;
  error.code = Errc::step_failed;
  error.message = fmt::format("{}: {}", step.doing, error.message);
  error.next = "Nothing was changed.";
  const bool name_taken = error.sqlstate == sqlstate::duplicate_table || error.sqlstate == k_duplicate_column;
  if (name_taken && !step.if_name_taken.empty()) {
    error.next += " " + step.if_name_taken;
  } else if (error.sqlstate == k_dependent_objects) {
    error.code = Errc::refused;
    error.next += " Drop or change what depends on it first, then run the same command again.";
  } else {
    error.next += " Correct the cause, then run the same command again.";
  }
  return error;
}

}  // namespace

Result<RetireOutcome> attempt_step(Session& session, const StepSite& site, const StepChange& step) {
  RetireOutcome outcome;
  LockedChange change;
  change.label = step.label;
  change.locks = step.locks;
  change.long_running = step.long_running;
  change.record = [&](Session& s) -> Result<void> {
    PGPHASE_CHECK(record_step(s, site.key, step.direction, step.more));
    if (step.prepare) return step.prepare(s);
    return {};
  };
  change.change = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(what, step.change(s));
    outcome.what = what;
    return {};
  };
  auto attempt = attempt_change(session, site.fence, site.limits, change);
  if (!attempt) return in_words(attempt.error(), step);
  outcome.attempt = *attempt;
  outcome.more = step.more;
  if (!outcome.attempt.done) outcome.what.clear();
  return outcome;
}

Result<std::optional<RetiredRecord>> retired_by(Session& session, const StepKey& key, std::string_view kind) {
  PGPHASE_TRY(records, read_retired(session, key.plan));
  std::optional<RetiredRecord> newest;
  for (auto& record : records) {
    if (record.key.phase == key.phase && record.key.step == key.step && record.kind == kind) newest = record;
  }
  return newest;
}

Result<std::optional<std::string>> table_oid(Session& session, const TableName& table) {
  PGPHASE_TRY(found, session.query("SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                   "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')",
                                   {table.schema, table.name}));
  if (found.empty()) return std::optional<std::string>();
  return std::optional(found[0].text(0));
}

Result<std::string> locked_table_oid(Session& session, const TableName& table) {
  // Costs nothing when the lock is held already. The second statement sees the catalogue as it is under the lock.
  PGPHASE_TRY(found, session.script(fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; SELECT {}::regclass::oid",
                                                qualified(table), quote_literal(qualified(table)))));
  return found[0].text(0);
}

Error refused_by(const std::string& doing, const std::vector<std::string>& obstacles, Direction direction) {
  return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, fmt::join(obstacles, "; ")),
                    fmt::format("Nothing was changed. Take away what is named first (by the plan that made it, or by "
                                "hand), then {}.",
                                direction == Direction::back ? "roll back again" : "run `pgphase up` again"));
}

std::string with_origin(const std::string& definition, const std::string& sql) {
  auto object = boost::json::parse(definition).as_object();
  object["made_by"] = sql;
  return boost::json::serialize(object);
}

Result<void> must_be_of_this_origin(const RetiredRecord& retired, const std::string& doing, const std::string& sql) {
  const auto definition = boost::json::parse(retired.definition);
  const auto* made_by = definition.as_object().if_contains("made_by");
  if (!made_by || std::string_view(made_by->as_string()) == sql) return {};
  return make_error(
      Errc::refused,
      fmt::format(
          "{} is refused: the plan was edited since it was rolled back. What is retired was made by `{}`; now the "
          "plan says `{}`",
          doing, std::string_view(made_by->as_string()), sql),
      "Nothing was changed; what was retired is safe. Take the edit back, run `pgphase up`, and make the change in a "
      "new "
      "plan.");
}

}  // namespace pgphase
