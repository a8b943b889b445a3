// When something may be dropped for real: nothing in it, nothing on it, and that seen with the lock held. Internal to
// phases/retire. Blocking; same threading as the Session.
//
// Both must be called in a READ COMMITTED transaction that holds ACCESS EXCLUSIVE on the table: every statement then
// sees what was committed before the lock was granted, and nobody can write after. They never read more than
// k_few_pages pages of the table. "No" is always a safe answer: the thing is retired then.
#pragma once

#include <string>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

inline constexpr int k_few_pages = 64;

// No row, no sequence of its own that was ever used, and nothing that a CREATE TABLE does not make: an index, trigger,
// policy, rule, statistics object, comment or grant would be lost although it holds no row.
Result<bool> table_certainly_empty(Session& session, const TableName& table, const std::string& oid);

// Every row has in it what adding the column again would put there: NULL, or the very constant that is its default;
// nothing hangs on it, and no column stands behind it, so that the order survives the round trip.
Result<bool> column_certainly_empty(Session& session, const AddColumnBody& body, const std::string& oid);

}  // namespace pgphase
