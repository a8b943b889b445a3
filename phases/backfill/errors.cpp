#include "phases/backfill/errors.hpp"

#include <fmt/format.h>

#include "phases/postgres/sqlstate.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_goes_on = "the next `pgphase up` goes on from there";
constexpr const char* k_where_all = " All of them, with key and error, are in the table pgphase.bad_row.";

std::string pages_of(const Batch& batch) {
  if (!batch.rows.empty()) return batch.chunk.leaf;
  return fmt::format("{} (pages {} to {})", batch.chunk.leaf, batch.pages.begin, batch.pages.end - 1);
}

std::string rows_text(std::int64_t rows, std::int64_t most) {
  return rows >= most ? fmt::format("{} rows or more", most) : fmt::format("{} row{}", rows, rows == 1 ? "" : "s");
}

// Keeps PostgreSQL's own words, code and statement.
Error with_cause(Errc code, std::string message, std::string next, const Error& cause) {
  auto error = cause;
  error.code = code;
  error.message = std::move(message);
  error.next = std::move(next);
  return error;
}

}  // namespace

Error not_compilable(Session& session, const Error& refused, const Target& target, const StepKey& key) {
  if (refused.code != Errc::sql) return refused;
  if (refused.sqlstate == sqlstate::insufficient_privilege) {
    const auto active =
        session.query("SELECT row_security_active($1::oid), current_user", {std::to_string(target.oid)});
    if (active && (*active)[0].boolean(0)) {
      return with_cause(
          Errc::refused,
          fmt::format("row-level security of {} applies to role {}: a backfill would see only a part of the "
                      "rows",
                      display_name(target.table), (*active)[0].text(1)),
          "Nothing was changed. Run it as the table's owner, or as a role with BYPASSRLS.", refused);
    }
    return with_cause(
        Errc::refused, fmt::format("backfill {} of {}: {}", key.step, display_name(target.table), refused.message),
        "Nothing was changed. The role needs SELECT and UPDATE on the table, and what its expressions use.", refused);
  }
  return with_cause(Errc::step_failed,
                    fmt::format("backfill {} of {}: PostgreSQL refuses its SQL: {}", key.step,
                                display_name(target.table), refused.message),
                    "No row was changed. Correct the expression, or the table that it reads.", refused);
}

Error stopped_at_row(const BadRow& row, const std::string& leaf, const StepKey& key, std::int64_t most) {
  auto message = fmt::format("backfill {} stopped at {}: {}", key.step, place_of(row, leaf), row.error.message);
  if (most > 0) {
    message += fmt::format("; {} were passed over before, and max_bad_rows allows no more", rows_text(most, most + 1));
  }
  return with_cause(Errc::step_failed, std::move(message),
                    fmt::format("What is set stays so. Correct the row or the expression; {}.{}", k_goes_on,
                                most > 0 ? k_where_all : ""),
                    row.error);
}

Error bad_rows_left(const Target& target, const StepKey& key, const std::vector<PassedOver>& first, std::int64_t count) {
  std::string which;
  for (const auto& row : first) {
    which += fmt::format("{}{}: {}", which.empty() ? "" : "; ", place_of(row.address, row.key, row.leaf), row.error);
  }
  const auto more = count - static_cast<std::int64_t>(first.size());
  if (more > 0) which += fmt::format("; and {} more", more);
  return make_error(Errc::step_failed,
                    fmt::format("backfill {} of {}: {} cannot be set and {} passed over: {}", key.step,
                                display_name(target.table), rows_text(count, count + 1), count == 1 ? "was" : "were",
                                which),
                    fmt::format("All other rows are set and stay so. Correct {}, or what the expression reads, then "
                                "`pgphase up` sets {} and finishes.{}",
                                count == 1 ? "it" : "them", count == 1 ? "it" : "them", k_where_all));
}

Error still_matching(Todo todo, const BatchOutcome& outcome, const Batch& batch, const StepKey& key) {
  const auto next = fmt::format("Nothing of that batch was kept; earlier ones are. {}; {}.",
                                todo == Todo::where ? "Write a `where` that is false for a row once it is set, or say `once = true`"
                                                    : "Look for a trigger that changes the value back",
                                k_goes_on);
  return make_error(Errc::step_failed,
                    fmt::format("backfill {}: {} of {} rows of {} {} after they were set, so it would never end",
                                key.step, outcome.again, outcome.rows, pages_of(batch),
                                todo == Todo::where ? "still match `where`" : "still count as not done"),
                    next);
}

Error no_index(const StepKey& key, const Target& target, const std::string& why) {
  return make_error(Errc::refused,
                    fmt::format("backfill {} of {} cannot scan by an index: {}", key.step, display_name(target.table), why),
                    "Nothing was changed. Leave `scan` at \"auto\", or give the step a `where` that an index finds.");
}

Error page_too_slow(const Batch& batch, const BatchLimits& limits, const StepKey& key) {
  return make_error(
      Errc::step_failed,
      fmt::format("backfill {}: {}, {}, take longer than {} ms, the most for which rows "
                  "may stay locked",
                  key.step, batch.rows.empty() ? "the rows of one page" : "updates of one row", pages_of(batch),
                  limits.statement_timeout.count()),
      fmt::format("Earlier batches are kept. Make the expression or the table's triggers faster, raise the "
                  "batch time of [backfill], or wait until the server is less busy; {}.",
                  k_goes_on));
}

Error rows_held(std::int64_t rows, const Batch& batch, const std::string& holders) {
  return make_error(
      Errc::lock_budget,
      fmt::format("{} row{} of {} {} locked by {}", rows, rows == 1 ? "" : "s", pages_of(batch),
                  rows == 1 ? "is" : "are", holders.empty() ? "somebody who has just finished" : holders),
      fmt::format("All that could be set is set and stays so. Once that transaction has ended, {}.", k_goes_on));
}

Error relation_held(const Error& refused, const std::string& leaf, const std::string& holders) {
  return with_cause(Errc::lock_budget,
                    fmt::format("rows of {} cannot be set: {}{}", leaf, refused.message,
                                holders.empty() ? "" : "; in the way: " + holders),
                    fmt::format("Earlier batches are kept; {}.", k_goes_on), refused);
}

Error check_cancelled(const Error& cause) {
  return with_cause(Errc::cancelled, "the check whether any row is left was cancelled: " + cause.message,
                    "All rows that were found are set; the next run checks again.", cause);
}

Error check_refused(const Error& cause, const Target& target, const StepKey& key) {
  return with_cause(
      Errc::step_failed,
      fmt::format("backfill {} of {}: it cannot be told whether any row is left: {}", key.step,
                  display_name(target.table), cause.message),
      fmt::format("What is set stays so. Correct the expression or the rows that it fails on; {}.", k_goes_on), cause);
}

Error never_ending(const Target& target, const StepKey& key, std::int64_t found, std::int64_t most, int passes) {
  return make_error(
      Errc::step_failed,
      fmt::format("backfill {} of {}: after {} sweeps {} still to be set: writers keep producing rows that "
                  "match",
                  key.step, display_name(target.table), passes, rows_text(found, most)),
      fmt::format("What is set stays so. If that is what your application does by design, narrow `where` to "
                  "the rows that are meant, or end the step with `pgphase step {} '{}/{}' --done`.",
                  key.plan.value, to_string(key.phase), key.step));
}

Error update_suppressed(const Target& target, const StepKey& key, std::int64_t found, std::int64_t most) {
  return make_error(
      Errc::step_failed,
      fmt::format("backfill {} of {}: {} to be set, but UPDATE does not change them", key.step,
                  display_name(target.table), rows_text(found, most)),
      fmt::format("What is set stays so. Look for a BEFORE UPDATE trigger that returns NULL; {}.", k_goes_on));
}

Error marker_gone(const Target& target, const StepKey& key, const std::string& marker) {
  return make_error(
      Errc::step_failed,
      fmt::format("backfill {}: its marker column {} is gone from {}: which rows were set already is not "
                  "known any more",
                  key.step, marker, display_name(target.table)),
      fmt::format("Rows that were set stay set. Decide by the data, finish by hand, and end the step with "
                  "`pgphase step {} '{}/{}' --done`.",
                  key.plan.value, to_string(key.phase), key.step));
}

Error link_gone(const StepKey& key, const std::string& link_step) {
  return make_error(
      Errc::step_failed,
      fmt::format("backfill {}: the ledger does not know any more how the columns of {} are kept in step", key.step,
                  link_step),
      fmt::format("Nothing was set. Roll {} back as far as additive, then run `pgphase up` again.", key.plan.value));
}

Error room_gone(const StepKey& key, const std::string& keep_step) {
  return make_error(
      Errc::step_failed,
      fmt::format("backfill {}: the ledger does not know where the old values are to be kept ({})", key.step, keep_step),
      fmt::format("Nothing was set. Roll {} back as far as backfill, then run `pgphase up` again.", key.plan.value));
}

Error marker_unknown(const Target& target, std::int64_t rows, const std::string& marker) {
  return make_error(
      Errc::step_failed,
      fmt::format("{} row(s) of {} have no value in the marker column {}: whether they were set is not known", rows,
                  display_name(target.table), marker),
      fmt::format("A partition attached while the backfill ran is the usual cause. What is set stays so. Set "
                  "the column to false in rows that need no change and to true where they do; {}.",
                  k_goes_on));
}

Error marker_on_partition(const Target& target) {
  return make_error(
      Errc::refused,
      fmt::format("cannot backfill {}: it is a partition, and its expression must be applied exactly once, "
                  "which needs a marker column; PostgreSQL adds columns to the whole table only",
                  display_name(target.table)),
      "Nothing was changed. Name the partitioned table, with a `where` for the rows that are meant.");
}

}  // namespace pgphase
