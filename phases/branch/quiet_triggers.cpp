#include "phases/branch/quiet_triggers.hpp"

#include <fmt/format.h>

#include "phases/postgres/transaction.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Statements that turn the triggers off, and those that put each back to how it was.
struct Switches {
  std::string off, back;
};

Result<Switches> switches(Session& session, const TableName& table) {
  PGPHASE_TRY(triggers,
              session.query("SELECT format('ALTER TABLE %s %s TRIGGER %I;', t.tgrelid::regclass, CASE t.tgenabled WHEN "
                            "'O' THEN 'ENABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, t.tgname), "
                            "format('ALTER TABLE %s DISABLE TRIGGER %I;', t.tgrelid::regclass, t.tgname) "
                            "FROM pg_trigger t WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal "
                            "AND t.tgparentid = 0 AND t.tgenabled <> 'D'",
                            {qualified(table)}));
  Switches all;
  for (const auto& trigger : triggers) {
    all.back += trigger.text(0);
    all.off += trigger.text(1);
  }
  return all;
}

}  // namespace

Result<void> without_triggers(Session& session, const std::vector<TableName>& tables,
                              const std::function<Result<void>()>& body) {
  auto transaction = Transaction::begin(session, "rehearsal.write");
  if (!transaction) return transaction.error();
  std::string back;
  for (const auto& table : tables) {
    PGPHASE_TRY(both, switches(session, table));
    if (both.off.empty()) continue;
    PGPHASE_CHECK(session.script(both.off));
    back += both.back;
  }
  PGPHASE_CHECK(body());
  // A table whose deferred checks are still to come cannot be altered.
  if (!back.empty()) PGPHASE_CHECK(session.script("SET CONSTRAINTS ALL IMMEDIATE;" + back));
  return transaction->commit();
}

}  // namespace pgphase
