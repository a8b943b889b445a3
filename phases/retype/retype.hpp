// A column takes another type and keeps its name. In the backfill phase the new column that follows it gets twins of
// its indexes; in the constraint phase twins of its constraints, and then the two change places, in one transaction
// that writes the catalogue only. docs/changes/change_type.md tells it to users. Each call is one attempt, or several
// in a row, under the lock limits (phases/lock/attempt.hpp); how far it has got is asked of ledger and catalogue each
// time. Blocking; same threading as the Session.
#pragma once

#include "phases/retire/retire.hpp"

namespace pgphase {

// The step of the backfill phase: index twins, then ANALYZE, so that plans are as good on the new column.
Result<RetireOutcome> prepare_retype(Session& session, const StepSite& site, const RetypeBody& body);
Result<RetireOutcome> take_back_preparation(Session& session, const StepSite& site, const RetypeBody& body);

// The step of the constraint phase. `refused`, with nothing changed, where something hangs on the column that would not
// come along.
Result<RetireOutcome> retype(Session& session, const StepSite& site, const RetypeBody& body);

// The exact way back: from the commit of one short transaction on, code of the old type works. What is left then is to
// validate, and to build what could not be kept. `refused`, before anything is changed, where the primary key holds
// values that the old type cannot.
Result<RetireOutcome> take_type_back(Session& session, const StepSite& site, const RetypeBody& body);

}  // namespace pgphase
