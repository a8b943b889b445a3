// The schema of retired tables: there only as long as something is in it, so that a round trip leaves no trace.
// Internal to phases/. Blocking; same threading as the Session.
#pragma once

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"
#include "phases/retire/table_names.hpp"

namespace pgphase {

Result<void> make_retired_schema(Session& session);
// It stays when it is not empty, and when it belongs to somebody else.
Result<void> drop_retired_schema_if_empty(Session& session);

// Refused when somebody has taken a name of the table meanwhile.
Result<void> names_are_free(Session& session, const TableNames& names);
// Gone from the schema: somebody dropped it by hand, and an empty table in its place would hide that.
Error retired_table_is_gone(const RetiredRecord& retired);

}  // namespace pgphase
