// A plan after the split: three lists of steps, each with its statements and its way back. This is what `explain`
// prints, what `up` executes, and what the ledger keeps (as JSON, plans/split/phased_plan_json.hpp), so that a started
// plan goes on and rolls back whatever checkout is at hand.
//
// Values only; safe to share between threads once made.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "plans/base/names.hpp"

namespace pgphase {

// PostgreSQL's table lock modes, weakest first.
enum class LockMode {
  none,
  access_share,
  row_share,
  row_exclusive,
  share_update_exclusive,
  share,
  share_row_exclusive,
  exclusive,
  access_exclusive,
};
const char* to_string(LockMode mode);  // as SQL writes it: "ACCESS EXCLUSIVE"

// True when holding the mode makes an application's INSERT, UPDATE or DELETE wait: such a lock is taken with the
// short lock timeout, in a transaction of its own (docs/design/locks.md).
constexpr bool blocks_writers(LockMode mode) {
  return mode >= LockMode::share;
}

struct RelationLock {
  TableName table;
  LockMode mode = LockMode::none;
};

// Carrying a step out, or undoing it.
enum class Direction { forward, back };

// How one statement has to be executed.
enum class StatementKind {
  transactional,              // in a transaction of its own, with its ledger row; strong locks are taken first
  validate,                   // transactional, but scans under a weak lock: long deadline, no short lock timeout
  create_index_concurrently,  // outside a transaction; the catalogue says whether it happened
  drop_index_concurrently,    // likewise; the index's definition is kept in the ledger first
  rebuild_index,              // undo of drop_index_concurrently: build it again from the kept definition
  maintenance,                // VACUUM, ANALYZE: outside a transaction, harmless to repeat
  require,                    // a SELECT of one number: how much stands in the way of what follows; goes on at 0
  nothing,                    // in an undo: what it stands opposite to needs none
};

struct Statement {
  StatementKind kind = StatementKind::transactional;
  std::string sql;                  // empty for rebuild_index: the definition is in the ledger
  std::vector<RelationLock> locks;  // on relations that exist before the plan; strongest mode of each
  std::string note;         // what `explain` says: "scans the table", "rewrites the table", "no scan, no rewrite"
  TableName index;          // the index built or dropped, for the index kinds
  bool locks_known = true;  // false: the parser could not tell; `explain` says so
  std::string unmet = {};   // of require, when it is not 0: a sentence without its full stop; "%n" becomes the number
};

struct SqlBody {
  std::vector<Statement> forward;
  // In the order of execution. When it has as many entries as `forward`, entry i undoes forward[n-1-i], so that a
  // step that stopped half way undoes only what it did; otherwise all of it runs once any forward statement has.
  std::vector<Statement> undo;
  // What `forward`, one statement, does to this table, which the same plan makes, stays with it: an undo leaves it, and who
  // carries the step out again finds it done, unless the table is another one by then.
  std::optional<TableName> stays_with = {};
};

struct CreateTableBody {
  TableName table;
  std::string sql;
};

struct AddColumnBody {
  TableName table;
  std::string column;
  std::string sql;
  std::string default_sql;  // empty: no default
  bool nullable = true;     // false: restoring it after a retirement has to set NOT NULL again

  std::string type() const;  // as `sql` says it; empty: it says something else
};

// A column that a plan makes, and what follows from the columns that are there already.
struct LinkedColumn {
  std::string name;
  std::string type;         // of a new one: SQL; empty: the type of `like`
  std::string like;         // of a new one without a type: the column that it replaces
  std::string expression;   // SQL over the other side's columns; of an old one empty where there is no way back
  std::string called = {};  // as the other side's expressions call it; empty: by its name
};

// Adds columns that sync triggers keep in step with those that they are made from (docs/design/sync.md).
struct LinkColumnsBody {
  TableName table;
  std::vector<LinkedColumn> sources;  // there before the plan
  std::vector<LinkedColumn> targets;  // made by this step, each NULL until its backfill
  bool null_is_absent = true;
  bool errors_become_null = false;
  bool one_is_the_other = false;  // nobody writes both sides of a row: a target that is given leads
};

struct Assignment {
  std::string column;
  std::string expression;  // SQL over the row
};

struct Renaming {
  std::string from, to;
};

// The new columns stand for themselves from now on, and what they take the place of goes out of sight with its values.
struct HandOverBody {
  TableName table;
  std::string link_step;                  // the additive step that keeps the columns in step; empty: there is none
  std::vector<std::string> retire;        // columns; those of the link follow its other side from there
  std::vector<Renaming> rename;           // after that
  std::vector<Assignment> defaults = {};  // of new columns: while a trigger fills them one would be taken for a value
};

// A column takes another type and keeps its name: the new column that follows it gets all that the old one has, and
// then the two change places.
struct RetypeBody {
  TableName table;
  std::string column;
  std::string type;         // SQL
  std::string link_step;    // the additive step that made the new column
  std::string fill, down;   // as the author wrote them; empty: an assignment
  std::string default_sql;  // of the new column; empty: the old one's
  enum class Part { twins, swap } part = Part::twins;
  bool converts_by_itself() const { return fill.empty() && down.empty(); }
};

// A table goes out of sight with its rows.
struct RetireTableBody {
  TableName table;
};

// A table gets another name: first it can be used under the new one too, then it has that alone.
struct RenameTableBody {
  TableName table;
  std::string to;
  enum class Part { view, rename } part = Part::view;
  TableName renamed() const { return {table.schema, to}; }
};

// Writers may leave a column out from now on. The undo fills what is missing, as far as it can, and requires a value
// again.
struct DropNotNullBody {
  TableName table;
  std::string column;
  std::string restore;                     // SQL over a row that lacks a value; empty: there is none to give
  bool unless_there_is_a_default = false;  // who leaves the column out gets that
};

// How a backfill knows which rows are still to be done (design: docs/design/backfill.md).
enum class Todo {
  where,       // the plan's own `where`
  fill_empty,  // col IS NULL AND (expr) IS NOT NULL: every column set was added by this plan without a default
  differs,     // record_image_ne(row(col), row(expr)): the expression does not read its target; refused when volatile
  marker,      // a marker column: the expression reads its target, so it must be applied exactly once
};

// Room in each row for the values that a backfill of the same phase overwrites, so that rolling it back can restore
// them. What it does to the table: phases/old_values.
struct KeepOldBody {
  TableName table;
  std::vector<std::string> columns;
};

// How a backfill is to go about it, as far as its author says so; what he leaves open is a setting (docs/settings.md).
struct BackfillSpeed {
  std::optional<int> workers;
  std::optional<std::chrono::milliseconds> batch_time;
  std::optional<std::string> scan;     // "auto", "physical" or "index"
  std::optional<std::string> stripes;  // "auto", or a number
  std::optional<std::int64_t> max_bad_rows;
  bool operator==(const BackfillSpeed&) const = default;
};

struct BackfillBody {
  TableName table;
  std::vector<Assignment> set;
  std::string where;  // which rows are meant; empty: all of them
  Todo todo = Todo::differs;
  std::vector<std::string> functions;  // names called in `set`: a volatile one, as the server knows, makes it a marker
  std::vector<Statement> undo;         // as written by the author; empty: nothing needs undoing, or irreversible
  std::string link_step = {};          // the additive step whose linked columns it fills, or empty
  std::string keep_step = {};          // the step before it that made room for the old values, or empty
  BackfillSpeed speed = {};
};

struct Step {
  std::string name;  // unique within its phase
  std::variant<SqlBody, CreateTableBody, AddColumnBody, LinkColumnsBody, HandOverBody, RetypeBody, DropNotNullBody,
               RetireTableBody, RenameTableBody, KeepOldBody, BackfillBody>
      body;
  std::optional<std::string> irreversible;  // why it cannot be undone
  std::string verify;                       // SQL that returns exactly one row with one true, or empty
  std::vector<TableName> touches;           // tables changed, for ordering plans
  std::map<std::string, std::string> allow = {};  // rules of docs/rules that it may break, and why
  int line = 0;                             // in the plan's file
};

struct Window {
  std::string text;                     // as written, e.g. "Mon-Fri 22:00-06:00 Europe/Berlin"
  unsigned days = 0x7f;                 // bit 0 = Monday; the day on which the window opens
  std::chrono::minutes from{0}, to{0};  // since midnight; to <= from: it ends on the next day
  std::string zone = "UTC";             // resolved by the server, never here
};

struct Gate {
  bool approve = false;
  std::optional<std::chrono::seconds> wait;  // since the phase before finished
  std::string check;                         // SQL: exactly one row with one true
  std::vector<std::string> command;          // argv; exit 0 opens it
  std::optional<Window> window;
  bool operator_needed() const { return approve; }
  bool always_open() const { return !approve && !wait && check.empty() && command.empty() && !window; }
};

struct PhaseSteps {
  std::vector<Step> steps;
  Gate gate;  // always open for a phase without steps
};

struct PhasedPlan {
  PlanId id;
  std::string description;
  std::vector<PlanId> requires_plans;
  std::array<PhaseSteps, 3> phases;  // indexed by Phase
  std::string text;                  // the file as it was read
  std::string text_sha256;           // hex
  std::string split_sha256;          // hex, of the JSON without the text

  const PhaseSteps& operator[](Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }
  PhaseSteps& operator[](Phase phase) { return phases[static_cast<std::size_t>(phase)]; }
};

}  // namespace pgphase
