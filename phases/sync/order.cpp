#include "phases/sync/order.hpp"

#include <fmt/format.h>

#include "phases/sync/function.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// tgtype: ROW 1, BEFORE 2, INSERT 4, UPDATE 16. The copies that partitions have of a trigger follow it. Ours, all in
// the schema pgphase, have their places in their names.
constexpr const char* k_strays = R"sql(
SELECT tn.nspname, tc.relname, t.tgname, t.tgname < $3 COLLATE "C"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN LATERAL (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid)) it(oid) ON true
  JOIN pg_class tc ON tc.oid = it.oid JOIN pg_namespace tn ON tn.oid = tc.relnamespace
  JOIN pg_trigger t ON t.tgrelid = tc.oid JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE n.nspname = $1 AND c.relname = $2 AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled <> 'D'
   AND t.tgtype & 3 = 3 AND t.tgtype & 20 <> 0
   AND p.pronamespace IS DISTINCT FROM to_regnamespace('pgphase')::oid
   AND (t.tgname < $3 COLLATE "C" OR t.tgname > $4 COLLATE "C")
 ORDER BY 1, 2, 3
)sql";

}  // namespace

Result<std::vector<StrayTrigger>> stray_triggers(Session& session, const TableName& table) {
  PGPHASE_TRY(rows, session.query(k_strays, {table.schema, table.name, k_first_trigger, k_last_trigger}));
  std::vector<StrayTrigger> strays;
  for (const auto& row : rows) {
    const TableName on{row.text(0), row.text(1)};
    const bool too_early = row.boolean(3);
    StrayTrigger stray;
    stray.rename = fmt::format("ALTER TRIGGER {} ON {} RENAME TO {}", quote_ident(row.text(2)), qualified(on),
                               quote_ident((too_early ? "a_" : "z_") + row.text(2)));
    stray.sentence = fmt::format(
        "trigger {} of {} fires {} those that keep columns in step, because triggers fire in the byte order of their "
        "names: what it changes in a row they would not see",
        quote_ident(row.text(2)), display_name(on), too_early ? "in front of" : "behind");
    strays.push_back(std::move(stray));
  }
  return strays;
}

}  // namespace pgphase
