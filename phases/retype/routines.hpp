// Routines that sessions have compiled for the old type. PL/pgSQL keeps the plans of its expressions for as long as a
// session lives, and then says "type of parameter … does not match that when preparing the plan" at every call.
// Internal to phases/retype. Blocking; same threading as the Session.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

// In the transaction in which the type changes: the table's trigger functions, and whatever has the table's name in its
// text, are compiled anew by every session. As far as this role may alter them.
Result<void> have_routines_compiled_anew(Session& session, const TableName& table);

// Functions of the table's triggers that name the column, and that this role may not alter: "f() of trigger g".
Result<std::vector<std::string>> routines_of_others(Session& session, const TableName& table,
                                                    const std::string& column);

}  // namespace pgphase
