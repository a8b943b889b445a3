#include "phases/steps/index.hpp"

#include <fmt/format.h>

#include "phases/base/failpoint.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/postgres/timeouts.hpp"
#include "phases/steps/index_definition.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

enum class IndexState { missing, valid, invalid, being_built };

Result<IndexState> index_state(Session& session, const TableName& index) {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT i.indisvalid AND i.indisready AND i.indislive, "
          "       EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid AND p.pid <> "
          "pg_backend_pid()) "
          "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indexrelid = c.oid "
          " WHERE n.nspname = $1 AND c.relname = $2",
          {index.schema, index.name}));
  if (rows.empty()) return IndexState::missing;
  if (rows[0].boolean(0)) return IndexState::valid;
  return rows[0].boolean(1) ? IndexState::being_built : IndexState::invalid;
}

Result<void> record_intent(Session& session, const IndexWork& work, const std::string& statement) {
  auto transaction = begin_fenced(session, work.site.fence, "step.index_intent");
  if (!transaction) return transaction.error();
  PGPHASE_CHECK(mark_begun(session, work.site, work.direction));
  PGPHASE_CHECK(step_intent(session, work.site.key, statement));
  return transaction->commit();
}

// What an undo brings back: the record that it ends, and what the index has beside its definition.
struct Restored {
  std::int64_t id = 0;
  std::vector<std::string> afterwards;
};

Result<Attempt> record_outcome(Session& session, const IndexWork& work, const Restored& restored = {}) {
  auto transaction = begin_fenced(session, work.site.fence, "step.index_outcome");
  if (!transaction) return transaction.error();
  for (const auto& statement : restored.afterwards) {
    if (auto done = session.query(statement); !done) return blocked_or_error(done.error());
  }
  PGPHASE_CHECK(mark_part_done(session, work.site, work.direction, work.part + 1));
  if (restored.id) PGPHASE_CHECK(record_restored(session, restored.id));
  PGPHASE_CHECK(transaction->commit());
  return Attempt{true, {}, 0};
}

// Outside a transaction, with all the time it needs: waiting for old snapshots counts against a lock timeout and would
// leave an INVALID index behind.
Result<void> run_unhurried(Session& session, const char* label, const std::string& sql) {
  const UnhurriedTimeouts unhurried(session);
  failpoint(label, "before");
  PGPHASE_CHECK(session.query(sql));
  failpoint(label, "after");
  return {};
}

// SHARE UPDATE EXCLUSIVE on the table; waits for transactions that use the index, and makes nobody wait.
Result<void> drop_remains(Session& session, const TableName& index) {
  return run_unhurried(session, "step.index_remains", "DROP INDEX CONCURRENTLY IF EXISTS " + qualified(index));
}

Result<Attempt> being_built(const TableName& index, const std::string& sql) {
  return blocked_or_error(Error{Errc::sql, fmt::format("index {} is being built by another session", qualified(index)),
                                "", sqlstate::lock_not_available, sql, ""});
}

// Builds `sql` unless the catalogue says that it is there. SHARE UPDATE EXCLUSIVE on the table.
Result<Attempt> ensure_built(Session& session, const IndexWork& work, const std::string& sql, const TableName& index,
                             const Restored& restores) {
  PGPHASE_TRY(before, index_state(session, index));
  if (before == IndexState::valid && !work.intent.empty()) return record_outcome(session, work, restores);
  if (before == IndexState::being_built) return being_built(index, sql);
  if (before == IndexState::valid) {
    return make_error(
        Errc::step_failed, fmt::format("index {} exists already, and not by this step", qualified(index)),
        "Nothing was changed. Drop it or choose another name; if it is the one that is wanted, say so with "
        "`pgphase step PLAN PHASE/NAME --done --reason …`.");
  }
  PGPHASE_CHECK(record_intent(session, work, sql));
  if (before == IndexState::invalid) PGPHASE_CHECK(drop_remains(session, index));
  if (auto built = run_unhurried(session, "step.index_build", sql); !built) {
    const auto error = built.error();
    if (error.code != Errc::sql) return error;
    // The failed build is ours: an INVALID index costs every write and serves no read.
    PGPHASE_TRY(left, index_state(session, index));
    if (left == IndexState::invalid) PGPHASE_CHECK(drop_remains(session, index));
    // It is known how this statement ended: an index of that name that appears from now on is somebody else's.
    PGPHASE_CHECK(record_intent(session, work, ""));
    return blocked_or_error(error);
  }
  PGPHASE_TRY(after, index_state(session, index));
  if (after != IndexState::valid) {
    return make_error(Errc::step_failed, fmt::format("index {} is not valid after it was built", qualified(index)),
                      "Run `pgphase up` again: the invalid index is replaced.");
  }
  return record_outcome(session, work, restores);
}

}  // namespace

Result<Attempt> build_hidden_index(Session& session, const std::string& sql, const TableName& index) {
  PGPHASE_TRY(before, index_state(session, index));
  if (before == IndexState::being_built) return being_built(index, sql);
  if (before != IndexState::missing) {
    if (auto dropped = drop_remains(session, index); !dropped) return blocked_or_error(dropped.error());
  }
  if (auto built = run_unhurried(session, "step.index_build", sql); !built) {
    const auto error = built.error();
    if (error.code != Errc::sql) return error;
    PGPHASE_TRY(left, index_state(session, index));
    if (left == IndexState::invalid) PGPHASE_CHECK(drop_remains(session, index));
    return blocked_or_error(error);
  }
  return Attempt{true, {}, 0};
}

Result<Attempt> drop_hidden_index(Session& session, const TableName& index) {
  if (auto dropped = drop_remains(session, index); !dropped) return blocked_or_error(dropped.error());
  return Attempt{true, {}, 0};
}

Result<Attempt> analyse(Session& session, const TableName& table) {
  if (auto ran = run_unhurried(session, "step.analyze", "ANALYZE " + qualified(table)); !ran) {
    return blocked_or_error(ran.error());
  }
  return Attempt{true, {}, 0};
}

Result<Attempt> build_index(Session& session, const IndexWork& work) {
  return ensure_built(session, work, work.statement.sql, work.statement.index, {});
}

Result<Attempt> drop_index(Session& session, const IndexWork& work) {
  const auto& index = work.statement.index;
  PGPHASE_TRY(before, index_state(session, index));
  if (before == IndexState::missing && (!work.intent.empty() || work.direction == Direction::back)) {
    return record_outcome(session, work);
  }
  if (work.intent.empty()) {
    auto transaction = begin_fenced(session, work.site.fence, "step.index_intent");
    if (!transaction) return transaction.error();
    PGPHASE_CHECK(mark_begun(session, work.site, work.direction));
    PGPHASE_CHECK(step_intent(session, work.site.key, work.statement.sql));
    if (work.direction == Direction::forward && before != IndexState::missing) {
      PGPHASE_TRY(definition, read_index_definition(session, index));
      if (definition.replica_identity) {
        return make_error(
            Errc::refused,
            fmt::format("index {} is the replica identity of {}: without it, UPDATE and DELETE fail while a "
                        "publication holds the table",
                        qualified(index), definition.table.name),
            "Nothing was changed. Give the table another replica identity first (ALTER TABLE … REPLICA "
            "IDENTITY).");
      }
      PGPHASE_TRY(number, reserve_retired_number(session));
      RetiredRecord kept{number, work.site.key,       "index",         definition.table, index.name,
                         "",     to_json(definition), definition.bytes};
      PGPHASE_CHECK(record_retired(session, kept));
    }
    PGPHASE_CHECK(transaction->commit());
  }
  if (auto dropped = run_unhurried(session, "step.index_drop", work.statement.sql); !dropped) {
    if (dropped.error().code != Errc::sql) return dropped.error();
    return blocked_or_error(dropped.error());
  }
  return record_outcome(session, work);
}

Result<Attempt> rebuild_index(Session& session, const IndexWork& work) {
  PGPHASE_TRY(retired, read_retired(session, work.site.key.plan));
  for (const auto& record : retired) {
    if (record.kind != "index" || record.key.phase != work.site.key.phase || record.key.step != work.site.key.step)
      continue;
    const auto definition = index_definition_from_json(record.definition);
    return ensure_built(session, work, concurrently(definition.sql), {record.table.schema, record.object},
                        {record.id, definition.afterwards});
  }
  // Nothing was kept: the index was never dropped by this step.
  return record_outcome(session, work);
}

}  // namespace pgphase
