// The ledger's own schema: numbered SQL, applied under a lock, recorded in pgphase.ledger_version.
// docs/design/ledger.md tells what each table is for. Blocking; one thread a session.
#pragma once

#include "phases/postgres/session.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// The newest ledger that this program writes.
int newest_ledger_version();

// 0 when there is no ledger. Never writes. A ledger newer than this program is an error that names both versions; one
// that the role may not read is refused, and the error names the grants.
Result<int> ledger_version(Session& session);

// Whether the role may write what approve, pause and resume write. There must be a ledger that it may read. Refused, with
// the grants, when it may not.
Result<void> may_ask(Session& session);

// Creates or upgrades the ledger. Concurrent callers wait for each other; safe to call on a complete one.
Result<void> ensure_ledger(Session& session);

}  // namespace pgphase
