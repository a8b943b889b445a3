// The transaction in which the old and the new column change places, and the one in which they change them back. Both
// run under ACCESS EXCLUSIVE on the table and on those that its foreign keys lead to or come from, and write the
// catalogue only. Internal to phases/retype. Blocking; same threading as the Session.
#pragma once

#include <string>

#include "phases/retype/record.hpp"
#include "phases/sync/links.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// What the old column is called from then on is in displaced.old.hidden; what there is of it is read here.
Result<void> change_places(Session& session, const RetypeBody& body, Displaced& displaced, StoredLink link);

Result<void> change_places_back(Session& session, const RetypeBody& body, const Displaced& displaced, StoredLink link);

}  // namespace pgphase
