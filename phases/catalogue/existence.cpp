#include "phases/catalogue/existence.hpp"

namespace pgphase {

Result<std::set<TableName>> missing_tables(Session& session, const std::set<TableName>& names) {
  std::set<TableName> missing;
  for (const auto& name : names) {
    PGPHASE_TRY(found,
                session.query("SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                              "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'f', 'v', 'm')",
                              {name.schema, name.name}));
    if (found.empty()) missing.insert(name);
  }
  return missing;
}

}  // namespace pgphase
