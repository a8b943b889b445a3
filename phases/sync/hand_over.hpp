// The step in which the new columns stand for themselves: what they take the place of goes out of sight with its values
// and follows them from there, and its undo. One attempt under the lock limits each (phases/lock/attempt.hpp), the
// undo's rest in further ones; ledger rows commit with the change. Blocking; same threading as the Session.
#pragma once

#include "phases/retire/retire.hpp"
#include "phases/retire/without_value.hpp"

namespace pgphase {

// `refused`, with nothing changed, where something depends on a column that goes.
Result<RetireOutcome> hand_over(Session& session, const StepSite& site, const HandOverBody& body);

// The first attempt brings the old columns back with their names, values and triggers: from its commit on code of both
// schemas works. `begun` says that it has been made: what is left is to validate foreign keys, and to require values
// where they were required.
Result<RetireOutcome> take_back(Session& session, const StepSite& site, const HandOverBody& body, bool begun);

// What stands in the way of it for the step of this plan, a sentence each. Reads only.
Result<std::vector<std::string>> obstacles_to_hand_over(Session& session, const PlanId& plan, const HandOverBody& body,
                                                        LeftOut how = LeftOut::by_who_writes);

}  // namespace pgphase
