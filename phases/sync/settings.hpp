// What makes a value depend on the settings of a session (TimeZone, DateStyle, lc_monetary …), so that the same input
// would become two values, depending on who writes it. Reads the catalogue, and lets PostgreSQL simplify expressions of
// the plan over constants; reads no row. Internal to phases/. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// An assignment from one type to the other is not IMMUTABLE: `timestamp` to `timestamptz`, `date` to `text`. Of types
// that the server does not know: false.
Result<bool> conversion_depends_on_settings(Session& session, const std::string& from, const std::string& to);

// The column that the expression is, and nothing else; nullptr: it computes.
const LinkedColumn* bare_column(const std::string& expression, const std::vector<LinkedColumn>& of);

// The columns of the link, old and new, whose expression the server does not call IMMUTABLE, as far as it can be told
// from what it makes of a constant.
Result<std::vector<std::string>> computed_by_settings(Session& session, const LinkColumnsBody& body,
                                                      const std::string& oid);

}  // namespace pgphase
