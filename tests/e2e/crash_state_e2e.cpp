// What is compared after a crash, as text.
#include <regex>

#include "tests/e2e/crash_rig.hpp"
#include "tests/support/dump.hpp"

namespace pgphase::testing {
namespace {

// Numbers come from a sequence, which a transaction that is rolled back uses up too.
std::string without_numbers(const std::string& text) {
  return std::regex_replace(text, std::regex("([_!~])pgphase_(todo_|retired_|old_|kept_|told_)?[0-9]+"), "$1pgphase_$2#");
}

std::string lines(PgClient& client, const std::string& heading, const std::string& select) {
  std::string out;
  for (const auto& row : client.query("SELECT to_jsonb(x)::text FROM (" + select + ") x ORDER BY 1")) {
    out += heading + " " + row[0].value_or("") + "\n";
  }
  return out;
}

std::string rows_of(PgClient& client) {
  std::string out;
  const auto tables = client.query(
      "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname <> 'pgphase' AND n.nspname !~ '^pg_' "
      "ORDER BY 1");
  for (const auto& table : tables) out += lines(client, *table[0], "SELECT * FROM " + *table[0]);
  return out;
}

}  // namespace

DatabaseState state_of(const std::string& url) {
  DatabaseState state;
  state.schema = without_numbers(schema_dump(url));
  PgClient client(url);
  state.rows = without_numbers(rows_of(client));
  if (client.value("SELECT to_regclass('pgphase.ledger_version')") == "NULL") return state;

  state.progress =
      lines(client, "plan",
            "SELECT id, text_sha256, split_sha256, hold_reason, stamped, finished_at IS NOT NULL AS finished, "
            "interrupted_at IS NOT NULL AS interrupted FROM pgphase.plan") +
      lines(client, "phase", "SELECT plan, phase, state FROM pgphase.phase") +
      lines(client, "step", "SELECT plan, phase, name, position, state, intent FROM pgphase.step") +
      lines(client, "lease", "SELECT owner, control_pid FROM pgphase.lease") +
      lines(client, "session of the lease", "SELECT purpose FROM pgphase.lease_session");

  state.ledger = without_numbers(
      lines(client, "version", "SELECT version FROM pgphase.ledger_version") +
      lines(client, "order", "SELECT id, row_number() OVER (ORDER BY position) FROM pgphase.plan") +
      lines(client, "phase",
            "SELECT plan, phase, started_at IS NOT NULL AS started, finished_at IS NOT NULL AS finished, "
            "wal_start IS NOT NULL AS wal FROM pgphase.phase") +
      // A step that failed counts its attempts over all runs, and tells them in its error.
      lines(client, "step",
            "SELECT plan, phase, name, part, undo_part, rows, reason, "
            "regexp_replace(error ->> 'message', '[0-9.]+', '#', 'g') AS error, error ->> 'sqlstate' AS code, "
            "CASE WHEN state NOT IN ('failed', 'undo_failed') THEN attempts END AS attempts, "
            "blockers IS NOT NULL AS blocked, started_at IS NOT NULL AS started, "
            "finished_at IS NOT NULL AS finished FROM pgphase.step") +
      lines(client, "backfill",
            "SELECT plan, phase, step, todo, marker IS NOT NULL AS marked, stage, sweep_pass, "
            "pages_total, swept_rows, scan_done_at IS NOT NULL AS scanned FROM pgphase.backfill") +
      // A sweep walks over the pages that there are then, and a batch that was rolled back has added some.
      lines(client, "chunks",
            "SELECT plan, phase, step, pass, relation::regclass, bool_and(done) AS done, "
            "bool_and(position = end_page) AS visited, sum(rows) AS rows, "
            "CASE WHEN pass = 0 THEN sum(end_page) END AS pages FROM pgphase.chunk GROUP BY 1, 2, 3, 4, 5") +
      lines(client, "retired",
            "SELECT plan, phase, step, kind, schema_name, table_name, object_name, hidden_as, definition, "
            "restored_at IS NOT NULL AS restored, purged_at IS NOT NULL AS purged FROM pgphase.retired") +
      // What drift compares with is what is there.
      lines(client, "snapshot", "SELECT plan, phase, moment, objects FROM pgphase.snapshot") +
      // Asking twice is asking.
      lines(client, "request",
            "SELECT DISTINCT kind, plan, phase, cancel_now, reason, lifted_at IS NOT NULL AS lifted "
            "FROM pgphase.request") +
      // What happened to a step is told by the run that brings it to its end, and a killed run tells nothing more.
      lines(client, "event", "SELECT DISTINCT plan, phase, kind FROM pgphase.event WHERE kind NOT LIKE 'step%'"));
  return state;
}

}  // namespace pgphase::testing
