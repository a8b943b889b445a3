// The two steps of rename_table: a view under the new name, and the table's taking that name. Why so, and not the other
// way round: docs/decisions/0006-the-new-name-is-the-view.md. One attempt under the lock limits each
// (phases/lock/attempt.hpp); ledger rows commit with the change. Blocking; same threading as the Session.
#pragma once

#include "phases/retire/retire.hpp"

namespace pgphase {

Result<RetireOutcome> take_new_name(Session& session, const StepSite& site, const RenameTableBody& body);
Result<RetireOutcome> take_old_name(Session& session, const StepSite& site, const RenameTableBody& body);

// Roles that may read some columns of the table only: a view with the rights of its user (since 15) reads every column
// for them, so that they can read nothing under the new name until the table has it.
Result<std::vector<std::string>> readers_of_some_columns(Session& session, const RenameTableBody& body);

// What stands in the way of either step, a sentence each. Reads only.
Result<std::vector<std::string>> obstacles_to_renaming(Session& session, const RenameTableBody& body);

}  // namespace pgphase
