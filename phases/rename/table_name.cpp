#include "phases/rename/table_name.hpp"

#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/obstacles.hpp"
#include "phases/retire/step_change.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Part = RenameTableBody::Part;

std::string view_of(const RenameTableBody& body) {
  return qualified(body.renamed());
}

// The columns that people know, each by name, so that those which pgphase hides stay hidden. Whoever may do something
// with the table may do it with the view, and from 15 on only that: before, a view is used with its owner's rights.
Result<std::string> create_view_sql(Session& session, const RenameTableBody& body, const std::string& oid) {
  PGPHASE_TRY(
      facts,
      session.query("SELECT (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                    "         WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attname !~ '^_pgphase_'), "
                    "       pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = $1",
                    {oid}));
  const bool with_the_rights_of_its_user = session.server_version() >= 150000;
  auto sql = fmt::format("CREATE VIEW {}{} AS SELECT {} FROM {}; ALTER VIEW {} OWNER TO {};", view_of(body),
                         with_the_rights_of_its_user ? " WITH (security_invoker = true)" : "", facts[0].text(0),
                         qualified(body.table), view_of(body), quote_ident(facts[0].text(1)));
  PGPHASE_TRY(
      grants,
      session.query(
          "SELECT format('GRANT %s%s ON %s TO %s%s;', g.privilege_type, g.of_column, $2::text, "
          "              CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, "
          "              CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
          "  FROM (SELECT '' AS of_column, c.relowner, a.* FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1 "
          "        UNION ALL "
          "        SELECT format(' (%I)', t.attname), c.relowner, a.* "
          "          FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname !~ '^_pgphase_', "
          "               aclexplode(t.attacl) a WHERE c.oid = $1) g "
          " WHERE g.grantee <> g.relowner",
          {oid, view_of(body)}));
  for (const auto& row : grants) sql += row.text(0);
  return sql;
}

std::string drop_view_sql(const RenameTableBody& body) {
  return fmt::format("DROP VIEW IF EXISTS {};", view_of(body));  // never CASCADE
}

std::string rename_sql(const TableName& from, const std::string& to) {
  return fmt::format("ALTER TABLE {} RENAME TO {};", qualified(from), quote_ident(to));
}

// Other plans' columns of the table are kept in step, and retired, under its name.
Result<void> tell_the_ledger(Session& session, const TableName& from, const TableName& to) {
  PGPHASE_CHECK(session.query("UPDATE pgphase.link SET table_name = $3 WHERE schema_name = $1 AND table_name = $2",
                              {from.schema, from.name, to.name}));
  PGPHASE_CHECK(
      session.query("UPDATE pgphase.retired SET table_name = $3 WHERE schema_name = $1 AND table_name = $2 "
                    "AND kind <> 'table' AND restored_at IS NULL AND purged_at IS NULL",
                    {from.schema, from.name, to.name}));
  return {};
}

Result<std::string> change(Session& session, const RenameTableBody& body, const std::string& oid, Direction direction) {
  const bool forward = direction == Direction::forward;
  if (body.part == Part::view) {
    if (!forward) {
      PGPHASE_CHECK(session.script(drop_view_sql(body)));
      return std::string("the view is dropped; it held no rows of its own");
    }
    PGPHASE_TRY(sql, create_view_sql(session, body, oid));
    PGPHASE_CHECK(session.script(sql));
    return fmt::format("{} is a view of {}", display_name(body.renamed()), display_name(body.table));
  }
  if (forward) {
    PGPHASE_CHECK(session.script(drop_view_sql(body) + rename_sql(body.table, body.to)));
    PGPHASE_CHECK(tell_the_ledger(session, body.table, body.renamed()));
    return fmt::format("{} is called {}", display_name(body.table), display_name(body.renamed()));
  }
  PGPHASE_CHECK(session.script(rename_sql(body.renamed(), body.table.name)));
  PGPHASE_CHECK(tell_the_ledger(session, body.renamed(), body.table));
  PGPHASE_TRY(sql, create_view_sql(session, body, oid));
  PGPHASE_CHECK(session.script(sql));
  return fmt::format("{0} is called {0} again, and {1} is a view of it", display_name(body.table),
                     display_name(body.renamed()));
}

Result<RetireOutcome> attempt(Session& session, const StepSite& site, const RenameTableBody& body, StepChange step) {
  const bool renamed_now = body.part == Part::rename && step.direction == Direction::back;
  const auto now = renamed_now ? body.renamed() : body.table;
  step.doing =
      fmt::format("{} the name {} to table {}", step.direction == Direction::forward ? "giving" : "taking back",
                  body.to, display_name(body.table));
  // Of the view alone nobody waits for the table. Otherwise the view comes first, as in each statement that uses it.
  if (body.part == Part::rename) {
    step.locks = {{body.renamed(), LockMode::access_exclusive}, {now, LockMode::access_exclusive}};
  }
  step.if_name_taken = k_stamp_or_rename;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_TRY(obstacles, step.direction == Direction::forward ? obstacles_to_renaming(s, body)
                                                                : Result<std::vector<std::string>>({}));
    if (!obstacles.empty()) return refused_by(step.doing, obstacles, Direction::forward);
    PGPHASE_TRY(oid, table_oid(s, now));
    if (!oid) {
      return make_error(Errc::step_failed, fmt::format("{}: there is no table {}", step.doing, display_name(now)),
                        "Nothing was changed.");
    }
    return change(s, body, *oid, step.direction);
  };
  return attempt_step(session, site, step);
}

}  // namespace

Result<RetireOutcome> take_new_name(Session& session, const StepSite& site, const RenameTableBody& body) {
  StepChange step;
  step.label = "table.new_name";
  return attempt(session, site, body, std::move(step));
}

Result<RetireOutcome> take_old_name(Session& session, const StepSite& site, const RenameTableBody& body) {
  StepChange step;
  step.label = "table.old_name";
  step.direction = Direction::back;
  return attempt(session, site, body, std::move(step));
}

Result<std::vector<std::string>> readers_of_some_columns(Session& session, const RenameTableBody& body) {
  std::vector<std::string> roles;
  if (session.server_version() < 150000) return roles;
  PGPHASE_TRY(
      rows, session.query("SELECT DISTINCT CASE WHEN g.grantee = 0 THEN 'PUBLIC' "
                          "                     ELSE pg_get_userbyid(g.grantee)::text END "
                          "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                          "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL, "
                          "       aclexplode(a.attacl) g "
                          " WHERE n.nspname = $1 AND c.relname = $2 AND g.privilege_type = 'SELECT' "
                          "   AND NOT EXISTS (SELECT FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) "
                          "                   w WHERE w.privilege_type = 'SELECT' AND w.grantee IN (0, g.grantee)) "
                          " ORDER BY 1",
                          {body.table.schema, body.table.name}));
  for (const auto& row : rows) roles.push_back(row.text(0));
  return roles;
}

Result<std::vector<std::string>> obstacles_to_renaming(Session& session, const RenameTableBody& body) {
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return std::vector<std::string>();
  PGPHASE_TRY(all, table_rename_obstacles(session, body.table, *oid));
  if (session.server_version() >= 150000) return all;
  PGPHASE_TRY(secured, session.query("SELECT relrowsecurity FROM pg_class WHERE oid = $1", {*oid}));
  if (secured[0].boolean(0)) {
    all.push_back(fmt::format("table {} has row security, which a view passes by before PostgreSQL 15",
                              display_name(body.table)));
  }
  return all;
}

}  // namespace pgphase
