// Triggers that know a column by its name, in the text of their function or in their arguments: PostgreSQL does not
// stand up for it, and each write of the table would fail. Internal to phases/.
#pragma once

#include <string>

namespace pgphase {

// SELECTs of (kind, who, NULL), 'trigger' or 'trigger_argument'; $1 is the table's oid, $2 the column.
const std::string& naming_triggers_question();

// SQL: whether $2 is a word in the arguments of pg_trigger t.
extern const char* const k_is_in_trigger_arguments;

}  // namespace pgphase
