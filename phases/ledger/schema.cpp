#include "phases/ledger/schema.hpp"

#include <fmt/format.h>

#include "phases/ledger/lease.hpp"
#include "phases/postgres/transaction.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

struct LedgerScript {
  int version;
  const char* sql;
};

// Never edit a script that has been released: add the next one.
constexpr LedgerScript k_scripts[] = {
    {1, R"sql(
CREATE TABLE pgphase.ledger_version (
  version    integer PRIMARY KEY,
  program    text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON SCHEMA pgphase IS 'What pgphase did to this database; read it with "pgphase status" and "pgphase history".';

CREATE TABLE pgphase.plan (
  id            text PRIMARY KEY,
  position      bigint GENERATED ALWAYS AS IDENTITY,       -- order of first start
  description   text NOT NULL,
  text          text NOT NULL,                             -- the file as it was when the plan started
  text_sha256   text NOT NULL,
  split         json NOT NULL,                             -- the three phases: what is executed and undone
  split_sha256  text NOT NULL,
  generation    integer NOT NULL DEFAULT 1,                -- raised by a rollback or an edit: voids approvals
  hold_reason   text,                                      -- NULL: not held
  hold_by       text,
  hold_at       timestamptz,
  interrupted_at timestamptz,                              -- stopped by a signal or a deadline; cleared by the next run
  stamped       boolean NOT NULL DEFAULT false,            -- recorded without running
  started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at   timestamptz                                -- all three phases done
);

CREATE TABLE pgphase.phase (
  plan        text NOT NULL REFERENCES pgphase.plan ON DELETE CASCADE,
  phase       text NOT NULL CHECK (phase IN ('additive', 'backfill', 'constraint')),
  state       text NOT NULL CHECK (state IN ('pending', 'running', 'done', 'rolling_back', 'rolled_back', 'sealed')),
  started_at  timestamptz,
  finished_at timestamptz,
  wal_start   pg_lsn,
  wal_bytes   bigint,                                      -- of the whole server while the phase ran
  PRIMARY KEY (plan, phase)
);

CREATE TABLE pgphase.step (
  plan        text NOT NULL REFERENCES pgphase.plan ON DELETE CASCADE,
  phase       text NOT NULL,
  name        text NOT NULL,
  position    integer NOT NULL,                            -- within the phase
  state       text NOT NULL DEFAULT 'pending'
              CHECK (state IN ('pending', 'running', 'done', 'failed', 'skipped', 'undoing', 'undone', 'undo_failed')),
  part        integer NOT NULL DEFAULT 0,                  -- forward statements that are done
  undo_part   integer NOT NULL DEFAULT 0,                  -- undo statements that are done
  intent      text,                                        -- a statement outside a transaction that was begun
  error       json,                                        -- the last failure: message, sqlstate, statement
  attempts    integer NOT NULL DEFAULT 0,                  -- failed attempts to get its locks
  blockers    json,                                        -- who was in the way at the last of them
  rows        bigint,
  lock_ms     double precision,                            -- the longest time that a strong lock was held
  reason      text,                                        -- of `step --done` or `--skip`
  started_at  timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (plan, phase, name)
);

CREATE TABLE pgphase.backfill (                            -- one row a backfill step that has begun
  plan        text NOT NULL,
  phase       text NOT NULL,
  step        text NOT NULL,
  todo        text NOT NULL,                               -- where, fill_empty, differs, marker
  marker      text,                                        -- the marker column, if one is used
  stage       text NOT NULL CHECK (stage IN ('prepare', 'scan', 'sweep', 'cleanup', 'done')),
  sweep_pass  integer NOT NULL DEFAULT 0,
  pages_total bigint NOT NULL DEFAULT 0,
  rows_estimate bigint NOT NULL DEFAULT 0,
  swept_rows  bigint NOT NULL DEFAULT 0,
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  scan_done_at timestamptz,
  PRIMARY KEY (plan, phase, step),
  FOREIGN KEY (plan, phase, step) REFERENCES pgphase.step ON DELETE CASCADE
);

CREATE TABLE pgphase.chunk (                               -- a range of heap pages: the unit that a worker takes
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  plan        text NOT NULL,
  phase       text NOT NULL,
  step        text NOT NULL,
  pass        integer NOT NULL DEFAULT 0,                  -- 0: the scan; then the sweeps
  relation    oid NOT NULL,                                -- the table, or the leaf partition
  filenode    oid NOT NULL,                                -- pg_relation_filenode: a rewrite starts the scan again
  first_page  bigint NOT NULL,
  end_page    bigint NOT NULL,                             -- exclusive
  position    bigint NOT NULL,                             -- next page to visit
  stripe      integer NOT NULL DEFAULT 0,
  rows        bigint NOT NULL DEFAULT 0,
  token       bigint NOT NULL DEFAULT 0,                   -- the lease under which it was last written
  done        boolean NOT NULL DEFAULT false,
  FOREIGN KEY (plan, phase, step) REFERENCES pgphase.backfill ON DELETE CASCADE
);
CREATE INDEX ON pgphase.chunk (plan, phase, step, done, id);

CREATE TABLE pgphase.retired (                             -- what was hidden or dropped and can be brought back
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  plan        text NOT NULL,
  phase       text NOT NULL,
  step        text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('table', 'column', 'index')),
  schema_name text NOT NULL,                               -- where and what it was
  table_name  text NOT NULL,
  object_name text NOT NULL,                               -- the column or index; for a table its own name
  hidden_as   text,                                        -- its name while retired; NULL: dropped, definition kept
  definition  json NOT NULL,                               -- what restoring needs
  bytes       bigint NOT NULL DEFAULT 0,
  by_role     text NOT NULL DEFAULT session_user,
  retired_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  restored_at timestamptz,
  purged_at   timestamptz
);
CREATE INDEX ON pgphase.retired (plan, phase, step);

CREATE TABLE pgphase.request (                             -- what people asked of a run, from any machine
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind        text NOT NULL CHECK (kind IN ('pause', 'approve', 'stop')),
  plan        text,                                        -- NULL: every plan of this database
  phase       text,
  cancel_now  boolean NOT NULL DEFAULT false,              -- pause --now: cancel the running statement
  split_sha256 text,                                       -- an approval holds for this split,
  generation  integer,                                     -- and this generation of the plan only
  reason      text,
  by_role     text NOT NULL DEFAULT session_user,
  by_person   text NOT NULL,                               -- os user at host
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  lifted_at   timestamptz,                                 -- resumed, or no longer in force
  lifted_by   text
);
CREATE INDEX ON pgphase.request (kind) WHERE lifted_at IS NULL;

CREATE TABLE pgphase.lease (
  singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  token       bigint NOT NULL DEFAULT 0,                   -- raised by each owner; what every writing transaction compares
  owner       text,                                        -- os user at host, program and command; NULL: free
  by_role     text,
  control_pid integer,
  control_started timestamptz,
  acquired_at timestamptz,
  heartbeat_at timestamptz
);
INSERT INTO pgphase.lease DEFAULT VALUES;

CREATE TABLE pgphase.lease_session (                       -- every backend of the run: what a takeover has to end
  pid         integer NOT NULL,
  started     timestamptz NOT NULL,
  token       bigint NOT NULL,
  purpose     text NOT NULL,
  PRIMARY KEY (pid, started)
);

CREATE TABLE pgphase.event (                               -- append-only
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  plan        text,
  phase       text,
  step        text,
  kind        text NOT NULL,
  message     text NOT NULL,
  detail      json,
  by_role     text NOT NULL DEFAULT session_user,
  by_person   text NOT NULL,
  program     text NOT NULL
);
CREATE INDEX ON pgphase.event (plan, id);
)sql"},
    {2, R"sql(
CREATE TABLE pgphase.snapshot (                            -- the catalogue when pgphase last finished something: one row
  singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  plan        text NOT NULL,
  phase       text NOT NULL CHECK (phase IN ('additive', 'backfill', 'constraint')),
  moment      text NOT NULL CHECK (moment IN ('forward', 'back', 'stamped', 'by_hand')),
  server_version integer NOT NULL,                         -- it words some definitions in its own way
  objects     json NOT NULL,
  taken_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
)sql"},
    {3, R"sql(
CREATE TABLE pgphase.link (                                -- columns that sync triggers keep in step
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  plan        text NOT NULL,
  phase       text NOT NULL,
  step        text NOT NULL,
  schema_name text NOT NULL,
  table_name  text NOT NULL,
  link        json NOT NULL,
  made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (plan, phase, step)
);
CREATE INDEX ON pgphase.link (schema_name, table_name);
ALTER TABLE pgphase.retired DROP CONSTRAINT retired_kind_check;
ALTER TABLE pgphase.retired ADD CONSTRAINT retired_kind_check CHECK (kind IN ('table', 'column', 'index', 'not_null'));
)sql"},
    {4, R"sql(
ALTER TABLE pgphase.phase ADD COLUMN sealed_at timestamptz;  -- a purge dropped what rolling the phase back would need
ALTER TABLE pgphase.phase ADD COLUMN sealed_by text;         -- os user at host
ALTER TABLE pgphase.phase ADD COLUMN sealed_what text;       -- what it dropped, in words
ALTER TABLE pgphase.snapshot DROP CONSTRAINT snapshot_moment_check;
ALTER TABLE pgphase.snapshot ADD CONSTRAINT snapshot_moment_check
  CHECK (moment IN ('forward', 'back', 'stamped', 'by_hand', 'purged'));
ALTER TABLE pgphase.retired DROP CONSTRAINT retired_kind_check;
ALTER TABLE pgphase.retired ADD CONSTRAINT retired_kind_check
  CHECK (kind IN ('table', 'column', 'index', 'not_null', 'old_value'));
)sql"},
    {5, R"sql(
ALTER TABLE pgphase.chunk ADD COLUMN stripes integer NOT NULL DEFAULT 1;  -- its pages are walked so often; stripe: the walk at hand
ALTER TABLE pgphase.chunk ADD COLUMN worker_pid integer;                  -- the backend that works on it
ALTER TABLE pgphase.chunk ADD COLUMN worker_started timestamptz;
ALTER TABLE pgphase.chunk ADD COLUMN touched_at timestamptz;              -- claimed, or its last batch
ALTER TABLE pgphase.chunk SET (fillfactor = 50);                          -- a batch is a HOT update of its row
ALTER TABLE pgphase.backfill ADD COLUMN chosen json;                      -- how it scans, and why
ALTER TABLE pgphase.backfill ADD COLUMN scan text NOT NULL DEFAULT 'physical';  -- or index: decided once, for all passes
ALTER TABLE pgphase.backfill ADD COLUMN slowed_by text;                   -- NULL: nothing
CREATE TABLE pgphase.speed (                                              -- what `set` has changed in flight
  plan        text PRIMARY KEY REFERENCES pgphase.plan ON DELETE CASCADE,
  settings    json NOT NULL,
  by_role     text NOT NULL DEFAULT session_user,
  by_person   text NOT NULL,
  set_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE pgphase.bad_row (                                            -- passed over, up to max_bad_rows
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  plan        text NOT NULL,
  phase       text NOT NULL,
  step        text NOT NULL,
  relation    oid NOT NULL,
  address     tid NOT NULL,
  key         text NOT NULL,                                              -- its primary key, or empty
  error       text NOT NULL,
  sqlstate    text NOT NULL,
  found_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (plan, phase, step, relation, address),
  FOREIGN KEY (plan, phase, step) REFERENCES pgphase.backfill ON DELETE CASCADE
);
CREATE TABLE pgphase.probe (id integer PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 10);  -- how fast is the server?
INSERT INTO pgphase.probe VALUES (1, 0);
)sql"},
    {6, R"sql(
ALTER TABLE pgphase.step ADD COLUMN kept boolean NOT NULL DEFAULT false;  -- undone, but for what hidden things need of it
)sql"},
};

std::string grants_to_read(const std::string& role) {
  return fmt::format("GRANT USAGE ON SCHEMA pgphase TO {0}; GRANT SELECT ON ALL TABLES IN SCHEMA pgphase TO {0};",
                     role);
}

std::string grants_to_ask(const std::string& role) {
  return fmt::format(
      "GRANT INSERT, UPDATE ON pgphase.request TO {0}; GRANT INSERT ON pgphase.event TO {0}; and, to "
      "lift a hold too: GRANT UPDATE ON pgphase.plan TO {0};",
      role);
}

Error may_not_read(const Session& session, const std::string& role) {
  const auto name = quote_ident(role);
  return make_error(Errc::refused, fmt::format("the role {} may not read the ledger in {}", role, session.target()),
                    fmt::format("Nothing was changed. Connect as the role that runs `pgphase up`, or let it grant what "
                                "reading needs: {} What approve, pause and resume need besides: {}",
                                grants_to_read(name), grants_to_ask(name)));
}

Error newer_ledger(const Session& session, int found) {
  return make_error(Errc::refused,
                    fmt::format("the ledger in {} has version {}; this pgphase {} knows versions up to {}",
                                session.target(), found, PGPHASE_VERSION, newest_ledger_version()),
                    "Nothing was changed. Use the newer pgphase that wrote it.");
}

Error cannot_create(const Session& session, Error error) {
  if (error.code != Errc::sql) return error;
  error.code = Errc::refused;
  error.message = fmt::format("the ledger cannot be made in {}: {}", session.target(), error.message);
  error.statement.clear();
  error.next = "Nothing was changed. The role needs the right to create the schema pgphase (CREATE on the database).";
  return error;
}

}  // namespace

int newest_ledger_version() {
  return std::end(k_scripts)[-1].version;
}

Result<int> ledger_version(Session& session) {
  // Read from the catalogue and not by to_regclass(): that one answers from the session's cache, which does not see
  // what another run created while this one waited for the advisory lock. The rights are asked for every table at once:
  // one that is missing half-way through reading would name one table, and be taken for a failed step.
  PGPHASE_TRY(
      ledger,
      session.query("SELECT has_schema_privilege(n.oid, 'USAGE') "
                    "       AND NOT EXISTS (SELECT FROM pg_class t WHERE t.relnamespace = n.oid AND t.relkind = 'r' "
                    "                       AND NOT has_table_privilege(t.oid, 'SELECT')), current_user "
                    "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                    " WHERE n.nspname = 'pgphase' AND c.relname = 'ledger_version'"));
  if (ledger.empty()) return 0;
  if (!ledger[0].boolean(0)) return may_not_read(session, ledger[0].text(1));
  PGPHASE_TRY(version, session.query("SELECT coalesce(max(version), 0) FROM pgphase.ledger_version"));
  const int found = static_cast<int>(version[0].integer(0));
  if (found > newest_ledger_version()) return newer_ledger(session, found);
  return found;
}

Result<void> may_ask(Session& session) {
  PGPHASE_TRY(rights, session.query("SELECT has_table_privilege('pgphase.request', 'INSERT') AND "
                                    "has_table_privilege('pgphase.request', 'UPDATE') "
                                    "       AND has_table_privilege('pgphase.event', 'INSERT'), current_user"));
  if (rights[0].boolean(0)) return {};
  const auto role = rights[0].text(1);
  return make_error(
      Errc::refused,
      fmt::format("the role {} may read the ledger in {}, and not write requests to it", role, session.target()),
      fmt::format("Nothing was changed. Connect as the role that runs `pgphase up`, or let it say: {}",
                  grants_to_ask(quote_ident(role))));
}

Result<void> ensure_ledger(Session& session) {
  PGPHASE_TRY(before, ledger_version(session));
  if (before == newest_ledger_version()) return {};
  auto transaction = Transaction::begin(session, "ledger.create");
  if (!transaction) return transaction.error();
  // Two runs that start together on a fresh database must not both create it.
  PGPHASE_CHECK(session.query(fmt::format("SELECT pg_advisory_xact_lock({}, {})", k_lock_space, k_lock_ledger)));
  PGPHASE_TRY(now, ledger_version(session));
  if (now == 0) {
    if (auto made = session.query("CREATE SCHEMA IF NOT EXISTS pgphase"); !made)
      return cannot_create(session, made.error());
  }
  for (const auto& [version, sql] : k_scripts) {
    if (version <= now) continue;
    if (auto created = session.script(sql); !created) return cannot_create(session, created.error());
    PGPHASE_CHECK(session.query("INSERT INTO pgphase.ledger_version (version, program) VALUES ($1, $2)",
                                {std::to_string(version), PGPHASE_VERSION}));
  }
  return transaction->commit();
}

}  // namespace pgphase
