// NOT NULL taken off a column and put back, without a scan under a lock that anybody waits for and without refusing a
// row that is there. docs/design/not-null.md has the order and the reasons.
//
// What comes next follows from the catalogue each time, so that a run goes on where another one was killed. Each
// operation is one attempt under the lock limits; its outcome says whether there is more to do. Blocking; same
// threading as the Session.
#pragma once

#include <functional>
#include <string>

#include "phases/retire/retire.hpp"

namespace pgphase {

struct RequiredColumn {
  TableName table;
  std::string column;
  std::string constraint;  // the name of its NOT NULL from PostgreSQL 18 on; empty: what the server gives it
};

// SQL for a transaction that holds SHARE ROW EXCLUSIVE on the table or more: from its commit on no statement brings a
// new NULL into the column. Rows that lack a value may be changed in other columns: a NOT VALID check would refuse
// that.
std::string refuse_new_nulls_sql(const RequiredColumn& column);
// Under ACCESS EXCLUSIVE: the reverse, and the remains of a way back that was not finished.
std::string let_nulls_in_sql(const RequiredColumn& column);

// One more attempt on the way to NOT NULL, for a column that refuses new NULLs. Ends with NOT NULL, or, when rows lack
// a value, without it: the words say how many, and new NULLs are refused on. `then`
// commits with the NOT NULL.
Result<RetireOutcome> require_again(Session& session, const StepSite& site, const RequiredColumn& column,
                                    const std::function<Result<void>(Session&)>& then);

// The step drop_not_null. Going back, the first attempt refuses new NULLs and says that there is more; what is to be
// filled is filled by the caller; then `require_value_again` until there is no more.
Result<RetireOutcome> drop_not_null(Session& session, const StepSite& site, const DropNotNullBody& body);
Result<RetireOutcome> refuse_new_nulls(Session& session, const StepSite& site, const DropNotNullBody& body);
Result<RetireOutcome> require_value_again(Session& session, const StepSite& site, const DropNotNullBody& body);

// The backfill that gives a value to the rows which lack one; only where the plan says which.
BackfillBody restoring(const DropNotNullBody& body);

// What stands in the way of dropping it, a sentence each. Reads only.
Result<std::vector<std::string>> obstacles_to_drop_not_null(Session& session, const DropNotNullBody& body);

}  // namespace pgphase
