// Whether code that knows only what was there before a phase can work while the phase stands: the first of the two
// moments of a rollback is the one from which it can again, the second the one at which everything is restored. Pure.
#pragma once

#include "phases/ledger/records.hpp"

namespace pgphase {

// A step of the phase is in force that such code may fail on: something it uses is out of sight, or a constraint that
// it does not know binds what it writes. What only makes it slower (an index that is gone) and what is still to be
// restored for its own sake (a foreign key to be validated, NOT NULL) does not count. SQL written by hand counts as
// long as it stands: nobody knows better.
bool keeps_old_code_out(const PlanRecord& plan, Phase phase);

// The same of what a rollback has taken back so far: one that goes on behind a crash may find that it is over.
bool has_kept_old_code_out(const PlanRecord& plan, Phase phase);

}  // namespace pgphase
