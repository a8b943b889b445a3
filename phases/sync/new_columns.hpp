// What the columns of a LinkColumnsBody will be, and what stands in their way: found out before the lock is taken.
// columns.cpp makes them so. Reads only. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "phases/sync/function.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct NewColumns {
  std::vector<std::string> types;  // of the targets, with their collation
  std::vector<SyncColumn> sources;
};

// An Error where they are not possible. `refused`: not on this table, or not with these sources; `step_failed` with the
// server's SQLSTATE: an expression that PostgreSQL cannot plan, which the first write of an application would meet.
// `doing` is for its message.
Result<NewColumns> new_columns_of(Session& session, const std::string& doing, const LinkColumnsBody& body,
                                  const std::string& oid);

// What anybody can do or undo while the plan waits: asked before anything runs, and again when it is the step's turn. A
// sentence each.
Result<std::vector<std::string>> what_writers_would_meet(Session& session, const LinkColumnsBody& body);

// Why the sources cannot be kept in step, a sentence each with the way around.
Result<std::vector<std::string>> obstacles_to_linking(Session& session, const LinkColumnsBody& body);

// Lets PostgreSQL plan the expressions, as the step will before it takes its lock. The SQLSTATE is the server's where
// it cannot; done where a column that they need is not there, or a new one is: that is another matter.
Result<void> expressions_compile(Session& session, const LinkColumnsBody& body);

std::string describe(const LinkColumnsBody& body);   // "columns a, b of table t"
std::string origin_of(const LinkColumnsBody& body);  // what makes them what they are: an edit of it is another plan
SyncLink::Flow flow_of(const LinkColumnsBody& body);

}  // namespace pgphase
