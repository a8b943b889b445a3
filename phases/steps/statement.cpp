#include "phases/steps/statement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/base/failpoint.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/postgres/timeouts.hpp"
#include "phases/steps/index.hpp"
#include "phases/sync/links.hpp"
#include "plans/base/units.hpp"

namespace pgphase {
namespace {

// True when nobody waits for the statement, so that it may take its time: a scan under a weak lock, or a statement that
// locks nothing which exists.
bool makes_nobody_wait(const Statement& statement) {
  if (statement.kind == StatementKind::validate) return true;
  if (!statement.locks_known) return false;
  for (const auto& lock : statement.locks) {
    if (lock.mode >= LockMode::row_exclusive) return false;
  }
  return true;
}

// A function that keeps columns in step knows them by name, and PostgreSQL does not stand up for it.
Result<void> breaks_no_link(Session& session, const Statement& statement, const std::vector<std::string>& before) {
  PGPHASE_TRY(after, columns_out_of_reach(session));
  for (const auto& sentence : after) {
    if (std::find(before.begin(), before.end(), sentence) != before.end()) continue;
    auto error = make_error(Errc::refused, "the statement is refused: behind it " + sentence,
                            "Nothing was changed. Let the plan that is named come to its end first: `pgphase purge` "
                            "ends what it keeps in step, a rollback takes it back.");
    error.statement = statement.sql;
    return error;
  }
  return {};
}

Result<Attempt> in_a_transaction(Session& session, const StepSite& site, Direction direction,
                                 const Statement& statement, int index) {
  LockedChange change;
  change.label = direction == Direction::forward ? "step.ddl" : "step.undo_ddl";
  change.locks = statement.locks;
  change.long_running = makes_nobody_wait(statement);
  change.record = [&](Session& s) -> Result<void> {
    PGPHASE_CHECK(mark_begun(s, site, direction));
    return mark_part_done(s, site, direction, index + 1);
  };
  change.change = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(before, columns_out_of_reach(s));
    PGPHASE_CHECK(s.query(statement.sql));
    return breaks_no_link(s, statement, before);
  };
  return attempt_change(session, site.fence, site.limits, change);
}

Result<Attempt> record_part(Session& session, const StepSite& site, Direction direction, int index) {
  auto done = begin_fenced(session, site.fence, "step.part");
  if (!done) return done.error();
  PGPHASE_CHECK(mark_begun(session, site, direction));
  PGPHASE_CHECK(mark_part_done(session, site, direction, index + 1));
  PGPHASE_CHECK(done->commit());
  return Attempt{true, {}, 0};
}

Error stands_in_the_way(const Statement& statement, std::int64_t number) {
  auto message = statement.unmet;
  if (const auto place = message.find("%n"); place != std::string::npos) {
    message.replace(place, 2, human_count(number));
  }
  auto error =
      make_error(Errc::step_failed, message, "Nothing was changed. Correct the rows, then run the same command again.");
  error.statement = statement.sql;
  return error;
}

// Before anything binds the application: what a constraint would find only after it had begun to refuse rows.
Result<Attempt> require(Session& session, const StepSite& site, Direction direction, const Statement& statement,
                        int index) {
  {
    auto look =
        Transaction::begin(session, "step.require",
                           "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", k_long_deadline) + ";");
    if (!look) return look.error();
    auto found = session.query(statement.sql);
    if (!found) return blocked_or_error(found.error());
    const auto number = (*found)[0].integer(0);
    PGPHASE_CHECK(look->commit());
    if (number != 0) return stands_in_the_way(statement, number);
  }
  return record_part(session, site, direction, index);
}

// VACUUM and ANALYZE: harmless to repeat, so the ledger is written afterwards only.
Result<Attempt> maintenance(Session& session, const StepSite& site, Direction direction, const Statement& statement,
                            int index) {
  {
    auto begun = begin_fenced(session, site.fence, "step.maintenance_begin");
    if (!begun) return begun.error();
    PGPHASE_CHECK(mark_begun(session, site, direction));
    PGPHASE_CHECK(begun->commit());
  }
  {
    const UnhurriedTimeouts unhurried(session);
    failpoint("step.maintenance", "before");
    if (auto ran = session.query(statement.sql); !ran) return blocked_or_error(ran.error());
    failpoint("step.maintenance", "after");
  }
  auto done = begin_fenced(session, site.fence, "step.maintenance_done");
  if (!done) return done.error();
  PGPHASE_CHECK(mark_part_done(session, site, direction, index + 1));
  PGPHASE_CHECK(done->commit());
  return Attempt{true, {}, 0};
}

}  // namespace

Result<void> mark_begun(Session& session, const StepSite& site, Direction direction) {
  return direction == Direction::forward ? step_running(session, site.key) : step_undoing(session, site.key);
}

Result<void> mark_part_done(Session& session, const StepSite& site, Direction direction, int parts) {
  return direction == Direction::forward ? step_part_done(session, site.key, parts)
                                         : step_undo_part_done(session, site.key, parts);
}

Result<Attempt> blocked_or_error(const Error& error) {
  if (error.code != Errc::sql || !sqlstate::worth_retrying(error.sqlstate)) return error;
  Attempt attempt;
  attempt.blocked = error;
  return attempt;
}

Result<Attempt> execute_statement(Session& session, const StepSite& site, Direction direction,
                                  const Statement& statement, int index, const std::string& intent) {
  const IndexWork index_work{site, direction, statement, index, intent};
  switch (statement.kind) {
    case StatementKind::transactional:
    case StatementKind::validate:
      return in_a_transaction(session, site, direction, statement, index);
    case StatementKind::create_index_concurrently:
      return build_index(session, index_work);
    case StatementKind::drop_index_concurrently:
      return drop_index(session, index_work);
    case StatementKind::rebuild_index:
      return rebuild_index(session, index_work);
    case StatementKind::maintenance:
      return maintenance(session, site, direction, statement, index);
    case StatementKind::require:
      return require(session, site, direction, statement, index);
    case StatementKind::nothing:
      return record_part(session, site, direction, index);
  }
  return make_error(Errc::bug, "a statement of a kind that is not known");
}

Result<void> leave_with_table(Session& session, const StepSite& site) {
  auto transaction = begin_fenced(session, site.fence, "step.keep");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(step_undoing(session, site.key));
  PGPHASE_CHECK(step_kept(session, site.key));
  return transaction->commit();
}

Result<void> verify(Session& session, const StepKey& key, const std::string& sql) {
  // A verification may scan; it locks nothing that anybody waits for.
  auto transaction = Transaction::begin(
      session, "step.verify", "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", k_long_deadline) + ";");
  if (!transaction) return transaction.error();
  auto rows = session.query(sql);
  const auto where =
      fmt::format("the verification of {}/{} in plan {}", to_string(key.phase), key.step, key.plan.value);
  const char* next =
      "What the step did stays done. Correct the data or the query, then run `pgphase up` again, or roll the phase "
      "back.";
  if (!rows) {
    auto error = rows.error();
    if (error.code != Errc::sql) return error;
    error.code = Errc::verify_failed;
    error.message = where + " could not be run: " + error.message;
    error.next = next;
    return error;
  }
  if (rows->size() == 1 && (*rows)[0].size() == 1 && (*rows)[0].boolean(0)) return {};
  auto error = make_error(Errc::verify_failed,
                          fmt::format("{} returned {}, not one true", where,
                                      rows->size() != 1        ? fmt::format("{} rows", rows->size())
                                      : (*rows)[0].size() != 1 ? fmt::format("{} columns", (*rows)[0].size())
                                      : (*rows)[0].is_null(0)  ? std::string("NULL")
                                                               : (*rows)[0].text(0)),
                          next);
  error.statement = sql;
  return error;
}

}  // namespace pgphase
