// What other plans have to do with the columns of a table: a link that they have at work there speaks of a column, or
// their next steps are going to take it away. PostgreSQL stands up for neither. Asked before anything of a plan runs,
// and of links once more under the step's lock. Reads only. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// What is to become of a column: it gets another name and goes on under that, or it goes out of sight, because it is
// dropped or another one takes its place.
enum class Taking { another_name, away };

// Why it has to wait for other plans than this one, a sentence each with what to do. Not for links that can follow:
// what is retired follows a column under any name, and a way back that only waits for its purge follows it to another
// one.
Result<std::vector<std::string>> held_by_other_plans(Session& session, const PlanId& plan, const TableName& table,
                                                     const std::string& column, Taking taking);

// Which of these columns a plan that is under way has yet to take away or to rename.
Result<std::vector<std::string>> claimed_by_other_plans(Session& session, const PlanId& plan, const TableName& table,
                                                        const std::vector<std::string>& columns);

// Where this step's columns are retired, and another plan has since moved what they are made from: they have followed
// that, and the expressions of the plan mean other columns now. `beforehand`: not where an earlier plan that is to be
// carried out yet may move it back.
enum class Asked { beforehand, by_the_step };
Result<std::vector<std::string>> sources_that_moved(Session& session, const StepKey& key, const LinkColumnsBody& body,
                                                    Asked asked);

// A column is to get the name under which another plan's rollback brings back one of another type, a sentence each: the
// pair would be taken for that column from then on.
Result<std::vector<std::string>> names_that_come_back(Session& session, const PlanId& plan, const LinkColumnsBody& body);

}  // namespace pgphase
