// The step drop_table: a table of the old schema goes out of sight with its partitions, indexes and sequences, and
// comes back. One attempt under the lock limits (phases/lock/attempt.hpp), the way back's rest in further ones; ledger
// rows commit with the change. Blocking; same threading as the Session.
#pragma once

#include "phases/retire/retire.hpp"

namespace pgphase {

// Its foreign keys in both directions go with their definitions kept: a cascade from a parent would empty it, and
// inserts into its children would fail. `refused`, with nothing changed, where something else uses it.
Result<RetireOutcome> retire_whole_table(Session& session, const StepSite& site, const RetireTableBody& body);

// The first attempt brings the table back with every row, the foreign keys NOT VALID. `begun` says that it has been
// made: what is left is to validate them.
Result<RetireOutcome> bring_whole_table_back(Session& session, const StepSite& site, const RetireTableBody& body,
                                             bool begun);

// What stands in the way, a sentence each. Reads only.
Result<std::vector<std::string>> obstacles_to_retiring(Session& session, const RetireTableBody& body);

}  // namespace pgphase
