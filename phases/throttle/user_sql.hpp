// SQL that the user gives the throttle: queries that return one number, and the statement of the probe. Blocking where
// a Session is taken; same threading as the Session.
#pragma once

#include <optional>
#include <string>

#include "phases/postgres/session.hpp"
#include "phases/throttle/signal.hpp"

namespace pgphase {

enum class SqlUse {
  reads,   // one SELECT that changes nothing: runs in a READ ONLY transaction
  writes,  // any other single statement of those below: runs in a transaction of its own, which is committed
};

// Errc::usage unless `sql` is one SELECT, INSERT, UPDATE, DELETE, MERGE or CALL, or WITH … such a one. Pure.
Result<SqlUse> use_of_statement(const std::string& sql);

// Errc::usage unless it is one SELECT that changes nothing. Pure.
Result<void> must_only_read(const std::string& sql);

// The number that the query returns, in its one row and one column. Runs in a READ ONLY transaction that is rolled
// back; bounded by the session's statement timeout. For free_space_query and custom.
Reading read_number(Session& session, Signal signal, const std::string& sql);

}  // namespace pgphase
