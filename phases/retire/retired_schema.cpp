#include "phases/retire/retired_schema.hpp"

#include <fmt/format.h>

#include "phases/retire/names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_drop_schema_when_empty = R"sql(
DO $$
BEGIN
  DROP SCHEMA IF EXISTS pgphase_retired;
EXCEPTION
  WHEN dependent_objects_still_exist OR insufficient_privilege THEN NULL;
END $$
)sql";

}  // namespace

Result<void> make_retired_schema(Session& session) {
  // Not CREATE … IF NOT EXISTS: that asks for the right to create schemas even when it has nothing to do.
  PGPHASE_TRY(exists, session.query("SELECT FROM pg_namespace WHERE nspname = $1", {k_retired_schema}));
  if (!exists.empty()) return {};
  PGPHASE_CHECK(session.script(fmt::format(
      "CREATE SCHEMA {0}; REVOKE ALL ON SCHEMA {0} FROM PUBLIC;"
      "COMMENT ON SCHEMA {0} IS 'Tables that pgphase has taken out of sight; \"pgphase status\" lists them.'",
      k_retired_schema)));
  return {};
}

Result<void> drop_retired_schema_if_empty(Session& session) {
  PGPHASE_CHECK(session.script(k_drop_schema_when_empty));
  return {};
}

Result<void> names_are_free(Session& session, const TableNames& names) {
  std::string list;
  for (const auto& name : names.relation_names()) list += (list.empty() ? "" : ", ") + quote_literal(name);
  PGPHASE_TRY(
      taken, session.query(
                 fmt::format("SELECT string_agg(pg_describe_object(1259, c.oid, 0), ', ' ORDER BY c.relname), count(*) "
                             "FROM pg_class c "
                             "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname IN ({})",
                             list),
                 {names.table.schema}));
  if (taken[0].is_null(0)) return {};
  return make_error(Errc::refused,
                    fmt::format("table {} cannot be restored: its {} taken meanwhile by {}", display_name(names.table),
                                taken[0].integer(1) == 1 ? "name is" : "names are", taken[0].text(0)),
                    fmt::format("Nothing was changed; its rows are safe in {}.{}. Rename what took the name, then run "
                                "this again.",
                                k_retired_schema, quote_ident(names.hidden)));
}

Error retired_table_is_gone(const RetiredRecord& retired) {
  return make_error(
      Errc::refused,
      fmt::format("table {} cannot be restored: {}.{}, as which it was retired, is gone", display_name(retired.table),
                  k_retired_schema, retired.hidden_as),
      fmt::format("Nothing was changed. Bring it back from a backup, or make the table by hand and record "
                  "that with `pgphase step {} '{}/{}' --done --reason …`.",
                  retired.key.plan.value, to_string(retired.key.phase), retired.key.step));
}

}  // namespace pgphase
