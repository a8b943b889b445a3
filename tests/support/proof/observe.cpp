#include "tests/support/proof/observe.hpp"

#include <chrono>
#include <functional>
#include <optional>

#include "phases/catalogue/known.hpp"
#include "plans/sql/quote.hpp"
#include "tests/support/database.hpp"
#include "tests/support/process.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing::proof {

using namespace std::chrono_literals;

// Autovacuum would read rows of its own accord, and be taken for the statement.
const std::string_view k_base =
    "CREATE TABLE r (id int PRIMARY KEY, code text NOT NULL UNIQUE, pad text) WITH (autovacuum_enabled = off);"
    "CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(20), c text, n int NOT NULL DEFAULT 1, pad text) WITH "
    "(autovacuum_enabled = off);"
    "INSERT INTO r SELECT i, 'c' || i, repeat('x', 300) FROM generate_series(1, 1000) i;"
    "INSERT INTO t SELECT i, i, 'b' || i, 'c' || i, 1, repeat('x', 300) FROM generate_series(1, 1000) i;"
    "CREATE INDEX t_a ON t (a);"
    "ANALYZE t, r";

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(";;"), text.size());
    if (const auto part = text.substr(0, end); part.find_first_not_of(" \n") != part.npos) out.emplace_back(part);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

namespace {

constexpr auto k_patience = 20s;

LockMode mode_of(const std::string& name) {
  for (const auto mode :
       {LockMode::access_share, LockMode::row_share, LockMode::row_exclusive, LockMode::share_update_exclusive,
        LockMode::share, LockMode::share_row_exclusive, LockMode::exclusive, LockMode::access_exclusive}) {
    std::string written;  // "ACCESS EXCLUSIVE" is AccessExclusiveLock
    bool first = true;
    for (const char c : std::string(to_string(mode))) {
      if (c == ' ') {
        first = true;
        continue;
      }
      written += first ? c : static_cast<char>(std::tolower(c));
      first = false;
    }
    if (written + "Lock" == name) return mode;
  }
  return LockMode::none;
}

struct Before {
  std::string oid;
  std::string file;
  TableName name;
  double pages = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::string column_names;  // for a SELECT
  bool existed = true;       // before the statements before it, too
};

bool has_rows(char kind) {
  return kind == 'r' || kind == 'm';
}

// A second tablespace, for the forms that move tables: one for the server, made by whoever comes first. It lies inside
// the server's own folder, so that a standby of another test has one of its own.
void make_tablespace(TestDatabase& db) {
  db.exec("SET allow_in_place_tablespaces = on");
  try {
    db.exec("CREATE TABLESPACE proof_space LOCATION ''");
  } catch (const PgError&) {
    // It is there, or is being made by another process at this moment.
    if (!eventually(
            [&] { return db.value("SELECT count(*) FROM pg_tablespace WHERE spcname = 'proof_space'") == "1"; })) {
      throw;
    }
  }
}

// A database in the form's state, and what is there.
class Stage {
 public:
  Stage(const Form& form, const State& state) {
    if (const std::string all = std::string(form.statement) + std::string(state.setup);
        all.find("proof_space") != std::string::npos) {
      make_tablespace(db_);
    }
    db_.exec(std::string(k_base));
    for (const auto& part : parts_of(state.setup)) db_.exec(part);
    std::set<std::string> first;
    for (const auto& row : db_.query("SELECT oid FROM pg_class WHERE oid >= 16384")) first.insert(*row[0]);
    note_questions();
    known_ = read_catalogue();
    for (const auto& part : parts_of(form.before)) db_.exec(part);
    look(first);
  }

  TestDatabase& db() { return db_; }
  const Known& known() const { return known_; }
  const std::vector<Before>& before() const { return before_; }
  const std::map<TableName, Seen>& relations() const { return relations_; }

  PgClient& observer() {
    if (!observer_) observer_.emplace(db_.url());
    return *observer_;
  }

  // What code asks for that was written before the statement.
  std::vector<std::pair<TableName, std::string>> questions() const {
    auto out = questions_;
    for (const auto& one : before_) {
      if (!one.existed || one.column_names.empty()) continue;
      out.emplace_back(one.name, "SELECT " + one.column_names + " FROM " + qualified(one.name) + " LIMIT 0");
    }
    return out;
  }

  // What it has read itself is counted when it goes.
  void renew_observer() { observer_.reset(); }

  const Before* by_oid(const std::string& oid) const {
    for (const auto& one : before_) {
      if (one.oid == oid) return &one;
    }
    return nullptr;
  }

  // Notes what a backend holds, and what it waits for.
  struct Held {
    bool waits = false;
    bool for_transactions = false;
    bool for_a_row = false;
    TableName waited_for;
  };
  Held locks_of(int pid, std::map<TableName, Seen>* into) {
    Held out;
    for (const auto& row : observer().query(
             "SELECT locktype, coalesce(relation::text, ''), mode, granted FROM pg_locks WHERE pid = " +
             std::to_string(pid) +
             " AND (database IS NULL OR database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR "
             "NOT granted)")) {
      const bool granted = row[3] == "t";
      const auto* relation = row[0] == "relation" ? by_oid(*row[1]) : nullptr;
      if (!granted) {
        out.waits = true;
        if (*row[0] == "virtualxid") out.for_transactions = true;
        if (*row[0] == "transactionid" || *row[0] == "tuple") out.for_a_row = true;
        if (relation) out.waited_for = relation->name;
      }
      if (!relation || !relation->existed || !into) continue;
      auto& seen = (*into)[relation->name];
      seen.lock = std::max(seen.lock, mode_of(*row[2]));
    }
    return out;
  }

 private:
  Known read_catalogue() {
    SessionOptions options;
    options.conninfo = db_.url();
    auto session = Session::open(options).value();
    auto known = known_of(*session).value();
    std::set<TableName> tables;
    for (const auto& [name, relation] : known.relations) tables.insert(name);
    note_empty(*session, tables, known).value();
    return known;
  }

  // By their names: functions, types, the values of enums, and relations of which no row can be asked for.
  void note_questions() {
    for (const auto& row : observer().query(
             "SELECT 'the function ' || oid::regprocedure, 'SELECT ' || quote_literal(oid::regprocedure) || "
             "'::regprocedure' FROM pg_proc WHERE oid >= 16384 UNION ALL "
             "SELECT 'the type ' || t.oid::regtype, 'SELECT NULL::' || t.oid::regtype FROM pg_type t LEFT JOIN "
             "pg_class c "
             "ON c.oid = t.typrelid WHERE t.oid >= 16384 AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') UNION "
             "ALL "
             "SELECT 'the value ' || enumlabel, 'SELECT ' || quote_literal(enumlabel) || '::' || enumtypid::regtype "
             "FROM "
             "pg_enum WHERE oid >= 16384 UNION ALL "
             "SELECT relname, 'SELECT ' || quote_literal(oid::regclass) || '::regclass' FROM pg_class WHERE oid >= "
             "16384 "
             "AND relkind IN ('S', 'f')")) {
      try {
        observer().query(*row[1]);
      } catch (const PgError&) {
        continue;  // a domain that must not be NULL
      }
      questions_.emplace_back(TableName{"public", *row[0]}, *row[1]);
    }
  }

  void look(const std::set<std::string>& first) {
    for (const auto& row : observer().query(
             "SELECT c.oid, n.nspname, c.relname, c.relkind, coalesce(pg_relation_filenode(c.oid), 0), x.nspname, "
             "h.relname, CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) / 8192 ELSE 0 END, "
             "(SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), "
             "(SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a WHERE a.attrelid = c.oid AND "
             "a.attnum > "
             "0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm')) "
             "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = "
             "c.oid "
             "LEFT JOIN pg_class h ON h.oid = i.indrelid LEFT JOIN pg_namespace x ON x.oid = h.relnamespace "
             "WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'S', 'f', 'i', 'I') AND n.nspname NOT LIKE "
             "'pg\\_%'")) {
      Before one;
      one.oid = *row[0];
      one.name = {*row[1], *row[2]};
      one.file = *row[4];
      one.pages = std::stod(*row[7]);
      one.columns = std::stoll(*row[8]);
      one.column_names = row[9].value_or("");
      one.existed = first.contains(one.oid);
      const char kind = row[3]->front();
      if (has_rows(kind)) one.rows = std::stoll(observer().value("SELECT count(*) FROM ONLY " + qualified(one.name)));
      if (one.existed) {
        auto& seen = relations_[one.name];
        seen.kind = kind;
        if (row[6]) seen.table = {*row[5], *row[6]};
      }
      before_.push_back(one);
    }
    for (const auto& row : observer().query(
             "WITH RECURSIVE up AS (SELECT inhrelid AS below, inhparent AS above FROM pg_inherits UNION SELECT "
             "up.below, "
             "i.inhparent FROM up JOIN pg_inherits i ON i.inhrelid = up.above) SELECT below, above FROM up")) {
      const auto* below = by_oid(*row[0]);
      const auto* above = by_oid(*row[1]);
      if (below && above && below->existed) relations_[below->name].above.insert(above->name);
    }
  }

  TestDatabase db_;
  std::optional<PgClient> observer_;
  Known known_;
  std::vector<Before> before_;
  std::vector<std::pair<TableName, std::string>> questions_;
  std::map<TableName, Seen> relations_;
};

std::string oids(const Stage& stage) {
  std::string out;
  for (const auto& one : stage.before()) out += (out.empty() ? "" : ",") + one.oid;
  return "ARRAY[" + out + "]::oid[]";
}

// What code that was written before asks for, in the transaction of `client`.
void ask_as_before(Stage& stage, PgClient& client, bool in_transaction, Observation& out) {
  for (const auto& [about, query] : stage.questions()) {
    if (in_transaction) client.exec("SAVEPOINT before_asking");
    try {
      client.exec(query);
    } catch (const PgError&) {
      out.unknown_to_old_code.insert(about);
      if (in_transaction) client.exec("ROLLBACK TO before_asking");
    }
  }
}

// What it leaves behind in the transaction is taken back.
std::string answer_to(std::string_view question, PgClient& client) {
  std::string out;
  if (question.empty()) return out;
  client.exec("SAVEPOINT before_asking");
  try {
    for (const auto& row : client.query(std::string(question))) {
      for (const auto& value : row) out += (out.empty() ? "" : " ") + value.value_or("NULL");
    }
    if (out.empty()) out = "no row";
  } catch (const PgError& error) {
    out = "SQLSTATE " + error.sqlstate();
  }
  client.exec("ROLLBACK TO before_asking");
  return out;
}

// What became of files, rows and columns, as `client` sees it.
void note_files(Stage& stage, PgClient& client, Observation& out) {
  std::map<std::string, std::pair<std::string, std::string>> now;  // oid → file, columns
  for (const auto& row :
       client.query("SELECT c.oid, coalesce(pg_relation_filenode(c.oid), 0), (SELECT count(*) FROM pg_attribute a "
                    "WHERE a.attrelid "
                    "= c.oid AND a.attnum > 0 AND NOT a.attisdropped) FROM pg_class c WHERE c.oid = ANY (" +
                    oids(stage) + ")")) {
    now[*row[0]] = {*row[1], *row[2]};
  }
  std::set<TableName> emptied;
  for (const auto& one : stage.before()) {
    const auto found = now.find(one.oid);
    auto* seen = one.existed ? &out.relations[one.name] : nullptr;
    const char kind = seen ? seen->kind : 'i';
    if (found == now.end()) {
      out.rows_lost = out.rows_lost || one.rows > 0;
      continue;
    }
    if (!seen || !(has_rows(kind) || kind == 'p')) continue;
    if (std::stoll(found->second.second) < one.columns) out.rows_lost = true;
    if (!has_rows(kind)) continue;
    const auto name = client.value("SELECT " + one.oid + "::regclass::text");
    const auto rows = std::stoll(client.value("SELECT count(*) FROM ONLY " + name));
    if (rows < one.rows) out.rows_lost = true;
    const bool moved = found->second.first != one.file;
    if (moved && rows == 0 && one.rows > 0) emptied.insert(one.name);
    seen->rewritten = moved && !emptied.contains(one.name);
  }
  std::set<std::string> files;
  for (const auto& one : stage.before()) files.insert(one.file);
  // Indexes: new ones, and those with another file while their table has kept its own.
  for (const auto& row : client.query(
           "SELECT i.indexrelid, i.indrelid, pg_relation_filenode(i.indexrelid) FROM pg_index i JOIN pg_class c "
           "ON c.oid = i.indexrelid WHERE c.relkind = 'i' AND i.indrelid = ANY (" +
           oids(stage) + ")")) {
    const auto* table = stage.by_oid(*row[1]);
    if (!table || !table->existed || emptied.contains(table->name)) continue;
    auto& seen = out.relations[table->name];
    // An index that was kept may have become another one over the same file.
    if (!seen.rewritten && !files.contains(*row[2])) seen.index_built = true;
  }
}

struct Reads {
  std::int64_t blocks = 0;
  std::int64_t rows = 0;  // that a scan of the table returned
  std::int64_t written = 0;
  std::int64_t changed = 0;
};

void note_reads(Stage& stage, const std::map<std::string, Reads>& reads, Observation& out) {
  for (const auto& one : stage.before()) {
    if (!one.existed || !has_rows(out.relations[one.name].kind)) continue;
    const auto found = reads.find(one.oid);
    if (found == reads.end()) continue;
    auto& seen = out.relations[one.name];
    seen.measurable = one.pages >= 5;
    // Who writes rows fetches pages for it, so that there the rows that a scan returned have to tell.
    const bool by_pages = found->second.written == 0 && static_cast<double>(found->second.blocks) >= one.pages * 0.95;
    const bool by_rows =
        one.rows > 0 && static_cast<double>(found->second.rows) >= static_cast<double>(one.rows) * 0.95;
    seen.scanned = seen.measurable && (by_pages || by_rows);
    seen.changed = found->second.changed > 0;
    seen.changed_most = found->second.changed * 2 > one.rows;
    out.values_lost = out.values_lost || seen.changed;
  }
}

struct Want {
  const char* what;
  LockMode lock;
};
constexpr Want k_wants[] = {{"SELECT", LockMode::access_share},
                            {"INSERT", LockMode::row_exclusive},
                            {"UPDATE", LockMode::row_exclusive},
                            {"SELECT FOR UPDATE", LockMode::row_share}};

std::string probe_sql(const std::string& what, const std::string& table, const std::string& column) {
  if (what == "SELECT") return "SELECT 1 FROM ONLY " + table + " LIMIT 1";
  if (what == "INSERT") return "INSERT INTO " + table + " DEFAULT VALUES";
  if (what == "UPDATE") return "UPDATE ONLY " + table + " SET " + column + " = " + column;
  return "SELECT 1 FROM ONLY " + table + " FOR UPDATE";
}

// Runs until it is through, or waits. True: it waits.
bool comes_to_wait(Stage& stage, const AsyncStatement& statement, Stage::Held& held) {
  bool waits = false;
  eventually(
      [&] {
        if (statement.done()) return true;
        held = stage.locks_of(statement.pid(), nullptr);
        // Waiting for a moment may be a lock that the server passes on by itself: it must last.
        waits = held.waits && !statement.wait(20ms) && stage.locks_of(statement.pid(), nullptr).waits;
        return waits;
      },
      k_patience);
  return waits;
}

void probe(Stage& stage, Observation& out) {
  for (const auto& [name, seen] : out.relations) {
    if (seen.lock < LockMode::row_share && seen.kind != 'r') continue;
    if (!has_rows(seen.kind) && seen.kind != 'p') continue;
    const auto column = stage.observer().value(
        "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = " + quote_literal(qualified(name)) +
        "::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname <> 'pad', attnum LIMIT 1");
    for (const auto& want : k_wants) {
      if (seen.kind == 'm' && want.lock != LockMode::access_share) continue;
      const AsyncStatement other(stage.db().url(),
                                 "BEGIN;" + probe_sql(want.what, qualified(name), column) + "; ROLLBACK");
      Stage::Held held;
      const bool waited = comes_to_wait(stage, other, held);
      out.probes.push_back({name, want.what, want.lock, waited, waited && held.for_a_row, held.waited_for});
    }
  }
}

Behind behind(Stage& stage, const Form& form, LockMode lock) {
  auto application = stage.db().client();
  application.exec("BEGIN");
  for (const auto& [name, seen] : stage.relations()) {
    if (seen.kind != 'r' && seen.kind != 'p') continue;
    application.exec("LOCK TABLE ONLY " + qualified(name) + " IN " + to_string(lock) + " MODE");
  }
  if (lock == LockMode::row_exclusive) application.exec("UPDATE t SET pad = pad WHERE id = 1000");
  const AsyncStatement statement(stage.db().url(), "BEGIN;" + std::string(form.statement) + "; ROLLBACK");
  Stage::Held held;
  Behind out;
  out.looked = true;
  out.waited = comes_to_wait(stage, statement, held) && !held.for_a_row;
  out.waited_for = held.waited_for;
  return out;
}

void in_transaction(Stage& stage, const Form& form, Observation& out) {
  {
    auto application = stage.db().client();
    application.exec("BEGIN");
    out.answer_before = answer_to(form.question, application);
  }
  auto client = stage.db().client();
  client.exec("BEGIN");
  try {
    client.exec(std::string(form.statement));
  } catch (const PgError& error) {
    out.sqlstate = error.sqlstate().empty() ? "?????" : error.sqlstate();
    out.error = error.what();
    out.refuses_transaction = out.sqlstate == "25001";
    out.fails = !out.refuses_transaction;
    return;
  }
  out.carried_out = true;
  stage.locks_of(client.pid(), &out.relations);
  std::map<std::string, Reads> reads;
  for (const auto& row :
       client.query("SELECT o, pg_stat_get_xact_blocks_fetched(o), pg_stat_get_xact_tuples_updated(o) + "
                    "pg_stat_get_xact_tuples_deleted(o), pg_stat_get_xact_tuples_returned(o), "
                    "pg_stat_get_xact_tuples_inserted(o) FROM unnest(" +
                    oids(stage) + ") o")) {
    const auto changed = std::stoll(*row[2]);
    reads[*row[0]] = {std::stoll(*row[1]), std::stoll(*row[3]), std::stoll(*row[4]) + changed, changed};
  }
  note_reads(stage, reads, out);
  note_files(stage, client, out);
  ask_as_before(stage, client, true, out);
  out.answer_after = answer_to(form.question, client);
  probe(stage, out);
  client.exec("ROLLBACK");
  out.readers = behind(stage, form, LockMode::access_share);
  out.writers = behind(stage, form, LockMode::row_exclusive);
}

// --- what cannot run in a transaction
// ---------------------------------------------------------------------------------

std::map<std::string, Reads> total_reads(Stage& stage) {
  std::map<std::string, Reads> out;
  for (const auto& row : stage.observer().query("SELECT o, pg_stat_get_blocks_fetched(o), "
                                                "pg_stat_get_tuples_updated(o) + pg_stat_get_tuples_deleted(o), "
                                                "pg_stat_get_tuples_returned(o), pg_stat_get_tuples_inserted(o) FROM "
                                                "unnest(" +
                                                oids(stage) + ") o")) {
    const auto changed = std::stoll(*row[2]);
    out[*row[0]] = {std::stoll(*row[1]), std::stoll(*row[3]), std::stoll(*row[4]) + changed, changed};
  }
  return out;
}

// The counters come late, and in their order: when those of the last table are there, so are the ones before.
void wait_for_counters(Stage& stage, const std::string& scans) {
  eventually([&] { return stage.observer().value("SELECT pg_stat_get_numscans('marker'::regclass)") != scans; },
             k_patience);
}

void outside(const Form& form, const State& state, const std::set<TableName>& reach, Observation& out) {
  {
    Stage stage(form, state);
    {
      // Before the others, so that what it reads is counted with them.
      auto application = stage.db().client();
      application.exec("BEGIN");
      out.answer_before = answer_to(form.question, application);
    }
    stage.db().exec("CREATE TABLE marker ()");
    stage.db().disconnect();
    stage.renew_observer();
    // What a session has counted comes with its end.
    eventually(
        [&] {
          return stage.observer().value(
                     "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                     "pid <> pg_backend_pid() AND backend_type = 'client backend'") == "0";
        },
        k_patience);
    const auto scans = stage.observer().value("SELECT pg_stat_get_numscans('marker'::regclass)");
    {
      auto settle = stage.db().client();
      settle.exec("SELECT count(*) FROM marker");
    }
    wait_for_counters(stage, scans);
    const auto before = total_reads(stage);
    const auto scans_before = stage.observer().value("SELECT pg_stat_get_numscans('marker'::regclass)");
    try {
      auto client = stage.db().client();
      client.exec(std::string(form.statement));
      client.exec("SELECT count(*) FROM marker");
    } catch (const PgError& error) {
      out.sqlstate = error.sqlstate().empty() ? "?????" : error.sqlstate();
      out.error = error.what();
      out.fails = true;
      return;
    }
    wait_for_counters(stage, scans_before);
    auto reads = total_reads(stage);
    for (auto& [oid, one] : reads) {
      const auto found = before.find(oid);
      if (found == before.end()) continue;
      one.blocks -= found->second.blocks;
      one.rows -= found->second.rows;
      one.written -= found->second.written;
      one.changed -= found->second.changed;
    }
    out.sqlstate.clear();
    out.carried_out = true;
    note_reads(stage, reads, out);
    note_files(stage, stage.observer(), out);
    ask_as_before(stage, stage.observer(), false, out);
    stage.observer().exec("BEGIN");
    out.answer_after = answer_to(form.question, stage.observer());
    stage.observer().exec("ROLLBACK");
  }
  // Each table is put in its way: what it asks for is seen there, and what it holds meanwhile everywhere.
  for (const TableName& table : reach) {
    for (const auto lock : {LockMode::access_share, LockMode::row_exclusive, LockMode::share_update_exclusive,
                            LockMode::access_exclusive}) {
      Stage stage(form, state);
      const auto found = stage.relations().find(table);
      if (found == stage.relations().end() || (found->second.kind != 'r' && found->second.kind != 'p')) continue;
      auto application = stage.db().client();
      application.exec("BEGIN ISOLATION LEVEL REPEATABLE READ");
      application.exec("LOCK TABLE ONLY " + qualified(table) + " IN " + to_string(lock) + " MODE");
      application.exec("SELECT 1 FROM pg_class LIMIT 1");
      const AsyncStatement statement(stage.db().url(), std::string(form.statement));
      Stage::Held held;
      if (!comes_to_wait(stage, statement, held)) continue;
      held = stage.locks_of(statement.pid(), &out.relations);
      out.waits_for_transactions = out.waits_for_transactions || held.for_transactions;
      if (!held.for_transactions || !out.probes.empty()) continue;
      Observation moment = out;
      for (auto& [name, seen] : moment.relations) seen.lock = LockMode::none;
      stage.locks_of(statement.pid(), &moment.relations);
      if (lock != LockMode::access_exclusive) probe(stage, moment);
      out.probes = moment.probes;
    }
  }
}

}  // namespace

Observation observe(const Form& form, const State& state, const std::set<TableName>& reach) {
  Observation out;
  {
    Stage stage(form, state);
    out.known = stage.known();
    out.relations = stage.relations();
    in_transaction(stage, form, out);
  }
  if (out.refuses_transaction && form.outside) outside(form, state, reach, out);
  return out;
}

}  // namespace pgphase::testing::proof
