// Whether the sequences of a column have counted further than a type that it is to get can hold: every INSERT that
// leaves the column out would fail. Reads only. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// A sentence for each of them, with the statement that sets it back: whether numbers may be given out again that rows
// had which are gone is for a person to decide. `type`: an oid as text; nothing where it is no integer.
Result<std::vector<std::string>> counted_beyond(Session& session, const TableName& table, const std::string& column,
                                                const std::string& type);

// The same of the type of the old column, which is called `hidden` now.
Result<std::vector<std::string>> counted_beyond_old_type(Session& session, const RetypeBody& body,
                                                         const std::string& hidden);

// The same of the type that the undo of this step would bring back; nothing where it has not changed places.
Result<std::vector<std::string>> obstacles_to_undo(Session& session, const StepKey& key, const RetypeBody& body);

}  // namespace pgphase
