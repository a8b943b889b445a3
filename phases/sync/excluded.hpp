// What the EXCLUDED row of an upsert holds in a column that is kept in step, where the statement leaves it out: that
// row has been through the trigger, which has filled the column from the defaults of its sources. Reads the catalogue,
// and evaluates expressions that are not volatile over no row of the table. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct ExcludedValue {
  std::string column;
  std::string value;  // as text, cut where it is long; empty: another one each time
};

// The columns of which it is not NULL, as it would be in a column that stands for itself. A column that is the same as
// an old one under another name is none: it keeps that one's default; nor one that nobody writes before it takes
// another's place. What is not there yet, or cannot be evaluated, is passed over.
Result<std::vector<ExcludedValue>> excluded_values(Session& session, const LinkColumnsBody& body);

}  // namespace pgphase
