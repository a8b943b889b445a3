// Writing to tables without their triggers: what a rehearsal writes for its own ends would otherwise leave traces in
// audit tables and `updated_at` columns, and they would look like a rollback's fault. For branches only. Blocking; same
// threading as the Session.
#pragma once

#include <functional>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// `body` and what it writes in one transaction, in which the tables' own triggers are off. Foreign keys are checked.
// Only the owner may turn a table's triggers off: an Error of code sql when the role is not. Takes SHARE ROW EXCLUSIVE
// on the tables until the end. Tables that do not exist are passed over.
Result<void> without_triggers(Session& session, const std::vector<TableName>& tables,
                              const std::function<Result<void>()>& body);

}  // namespace pgphase
