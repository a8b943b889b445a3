#include "phases/postgres/row_security.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {

Result<std::optional<std::string>> row_security_in_the_way(Session& session, const TableName& table) {
  PGPHASE_TRY(rows,
              session.query(
                  "SELECT current_user, c.relforcerowsecurity AND pg_has_role(c.relowner, 'USAGE') "
                  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                  " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND row_security_active(c.oid)",
                  {table.schema, table.name}));
  if (rows.empty()) return std::optional<std::string>();
  const auto& row = rows[0];
  return std::optional(fmt::format(
      "row-level security of {} applies to role {}{}: only a part of its rows would be seen. Run pgphase as a role "
      "that it "
      "does not apply to: {}with BYPASSRLS (the setting `role` takes on one)",
      display_name(table), row.text(0), row.boolean(1) ? ", its owner, because of FORCE ROW LEVEL SECURITY" : "",
      row.boolean(1) ? "one " : "the table's owner, or one "));
}

}  // namespace pgphase
