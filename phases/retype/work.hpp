// What both ways of a change of type look up: its names in words, its link, its record, its foreign keys and the locks
// that they need. Internal to phases/retype. Blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/retype/record.hpp"
#include "phases/sync/links.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

std::string describe(const RetypeBody& body);

Result<StoredLink> link_to_turn(Session& session, const StepKey& key, const RetypeBody& body);

// Of the newest time that the columns have changed places, whether they have changed back or not.
Result<std::optional<Displaced>> newest_displaced(Session& session, const StepKey& key);

// By indexes that have the column in them.
Result<std::vector<KeptForeignKey>> incoming_keys(Session& session, const RetypeBody& body);

// ACCESS EXCLUSIVE: a foreign key that goes takes it on both tables.
std::vector<RelationLock> locks_of(const RetypeBody& body, const std::vector<KeptForeignKey>& outgoing,
                                   const std::vector<KeptForeignKey>& incoming);

}  // namespace pgphase
