// The ledger's own schema: numbered SQL, applied under a lock, recorded in pgphase.ledger_version.
// docs/design/ledger.md tells what each table is for. Blocking; one thread a session.
#pragma once

#include "phases/postgres/session.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

// The newest ledger that this program writes.
int newest_ledger_version();

// 0 when there is no ledger. Never writes. A ledger newer than this program is an error that names both versions.
Result<int> ledger_version(Session& session);

// Creates or upgrades the ledger. Concurrent callers wait for each other; safe to call on a complete one.
Result<void> ensure_ledger(Session& session);

}  // namespace pgphase
