// The twins of what hangs on a column, on the new column that shall take its place: indexes, built while everybody
// works, checks, foreign keys and NOT NULL, proven without a scan under a lock. What is missing is asked of the
// catalogue each time, so that a run goes on where another one was killed, and finds what somebody made meanwhile.
// Internal to phases/retype. Blocking; same threading as the Session.
#pragma once

#include <string>

#include "phases/retire/old_column.hpp"
#include "phases/retire/retire.hpp"
#include "phases/retype/hanging.hpp"

namespace pgphase {

// Each is one attempt, or more than one in a row: an outcome with `more` set asks to be called again.
//
// Builds the indexes that are missing. With a primary key comes a twin on the old column, too: the key takes its index
// along when it goes, and the way back must not have to build one.
Result<RetireOutcome> make_index_twins(Session& session, const StepSite& site, const RetypeBody& body);
// Adds what is missing NOT VALID, then validates, then sets NOT NULL.
Result<RetireOutcome> make_constraint_twins(Session& session, const StepSite& site, const RetypeBody& body,
                                            const OldColumn& old);
// The undo of these: nothing of them binds the new column any more.
Result<RetireOutcome> drop_constraint_twins(Session& session, const StepSite& site, const RetypeBody& body);
Result<RetireOutcome> drop_index_twins(Session& session, const StepSite& site, const RetypeBody& body);

// In a transaction that holds ACCESS EXCLUSIVE on the table. False: an index is not (any more) the twin of what it was
// built for, and was marked so that it is built again.
Result<bool> twins_are_right(Session& session, const RetypeBody& body, const Hanging& hanging);
// Twins on the new column of what somebody has dropped since: nothing that is seen would explain what they refuse.
Result<std::vector<std::string>> stray_index_twins(Session& session, const RetypeBody& body, const Hanging& hanging);
Result<bool> has_stray_constraint_twins(Session& session, const RetypeBody& body, const Hanging& hanging);
// Says so of those that are.
Result<void> mark_twins(Session& session, const RetypeBody& body);

// Builds the indexes that the old column could not keep, each while its twin still bears its name; then the twin gives
// it back. One that cannot be built, because it fails on a value, is no reason to stop: `words` say so.
Result<RetireOutcome> build_old_indexes(Session& session, const StepSite& site, const RetypeBody& body,
                                        std::vector<std::string>& words);

RetireOutcome nothing_more(std::string what = {});

}  // namespace pgphase
