#include "phases/retype/twins_of.hpp"

#include <set>

#include "phases/sync/links.hpp"
#include "plans/base/hidden_names.hpp"

namespace pgphase {
namespace {

Result<TableName> table_of_index(Session& session, const TableName& index) {
  PGPHASE_TRY(rows, session.query("SELECT n.nspname, c.relname FROM pg_class x JOIN pg_namespace xn "
                                  "    ON xn.oid = x.relnamespace JOIN pg_index i ON i.indexrelid = x.oid "
                                  "  JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  " WHERE xn.nspname = $1 AND x.relname = $2",
                                  {index.schema, index.name}));
  return rows.empty() ? TableName{} : TableName{rows[0].text(0), rows[0].text(1)};
}

}  // namespace

Result<std::vector<UniqueTwin>> twins_of(Session& session, const TableName& table, const std::string& name) {
  std::vector<UniqueTwin> found;
  auto of = table;
  if (of.name.empty()) {
    PGPHASE_TRY(its, table_of_index(session, {table.schema, name}));
    of = its;
  }
  if (of.name.empty()) return found;
  PGPHASE_TRY(rows, session.query("SELECT x.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid "
                                  " WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique "
                                  "   AND x.relname ~ '^_pgphase_(new|old)_'",
                                  {of.schema, of.name}));
  std::set<std::string> hidden;
  for (const auto& row : rows) hidden.insert(row.text(0));
  if (hidden.empty()) return found;
  PGPHASE_TRY(links, links_at_work(session, of));
  for (const auto& stored : links) {
    for (const auto* side : {&stored.link.sources, &stored.link.targets}) {
      for (const auto& column : *side) {
        const bool stands_in = hidden.erase(twin_name(of, column.name, name)) > 0;
        const bool set_aside = hidden.erase(set_aside_name(of, column.name, name)) > 0;
        if (stands_in || set_aside) found.push_back({stored.key.plan, column.name, stands_in});
      }
    }
  }
  return found;
}

}  // namespace pgphase
