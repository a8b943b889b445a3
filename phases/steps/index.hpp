// Index builds and drops outside a transaction. What the catalogue says decides, not what the ledger hopes: an index
// that is there and valid was built, one that is INVALID is the remains of a build that died and is replaced. Blocking;
// same threading as the Session.
#pragma once

#include "phases/steps/statement.hpp"

namespace pgphase {

struct IndexWork {
  const StepSite& site;
  Direction direction;
  const Statement& statement;
  int part;                   // index of the statement within the step
  const std::string& intent;  // as the ledger holds it
};

Result<Attempt> build_index(Session& session, const IndexWork& work);
// Forward, the definition is kept in the ledger first, so that rebuild_index can undo it.
Result<Attempt> drop_index(Session& session, const IndexWork& work);
Result<Attempt> rebuild_index(Session& session, const IndexWork& work);

// Under a name that is nobody's but ours, so that no intent is needed: what is there is replaced. SHARE UPDATE
// EXCLUSIVE on the table, outside a transaction; nobody waits.
Result<Attempt> build_hidden_index(Session& session, const std::string& sql, const TableName& index);
Result<Attempt> drop_hidden_index(Session& session, const TableName& index);
// ANALYZE, likewise.
Result<Attempt> analyse(Session& session, const TableName& table);

// Shared with statement.cpp.
Result<void> mark_begun(Session& session, const StepSite& site, Direction direction);
Result<void> mark_part_done(Session& session, const StepSite& site, Direction direction, int parts);
// An error worth another attempt becomes an Attempt that is not done.
Result<Attempt> blocked_or_error(const Error& error);

}  // namespace pgphase
