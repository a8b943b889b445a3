// What a statement does to a live database, before it is run: the lock on each relation that it touches, named or not,
// what is scanned, rewritten and built under it, whether it may run in a transaction, and what it destroys. The facts
// are those that PostgreSQL 14 to 18 were observed to do (docs/design/effects.md); what the text alone cannot tell is
// said to be unknown, with what would have to be asked, and never taken for harmless.
//
// Values only; pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/effects/action.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

// The worse answer is the greater one, so that std::max joins two.
enum class Answer { no, unknown, yes };
const char* to_string(Answer answer);

enum class RelationKind { table, index, view, materialized_view, sequence, foreign_table };

// What happens to one relation that exists before the statement.
struct RelationEffects {
  TableName relation;     // an empty name: the text does not say which
  std::string described;  // then: which it is, or which they are, e.g. "the table of index i"
  RelationKind kind = RelationKind::table;
  LockMode lock = LockMode::none;
  bool lock_unsure = false;         // it may be locked less, or not at all: it depends on what is not known
  bool with_partitions = false;     // likewise each partition, where it is partitioned
  bool children_locked = false;     // of each of them the lock alone
  bool with_children = false;       // likewise each partition, and each table that inherits from it
  Answer scan = Answer::no;         // its rows are read, all of them, under the lock
  Answer rewrite = Answer::no;      // its rows are written again, all of them, and its indexes built again
  Answer index_build = Answer::no;  // an index of it is built, or built again, while its rows stay as they are
  bool changes_rows = false;        // rows that it changes are locked until the transaction ends
  bool own = false;                 // an earlier statement of the same plan made it: nobody else knows it
};

// Who waits while the lock is held.
struct Waiting {
  bool reads, writes, row_locks;
};
constexpr Waiting who_waits(LockMode lock) {
  return {lock == LockMode::access_exclusive, lock >= LockMode::share, lock >= LockMode::exclusive};
}

// What no undo brings back by itself.
enum class Loss { none, definition, values, rows };

// What it does to the session that runs it.
enum class SessionStep {
  none,
  begins_transaction,
  ends_transaction,
  takes_back_transaction,
  limits_lock_waits,
  limits_waits_of_transaction,  // SET LOCAL
  lifts_lock_limit,
};

struct Rule;  // plans/effects/rule.hpp
struct AppliedRule {
  const Rule* rule = nullptr;
  TableName relation;  // that it is about; empty where it is about none
  std::string object;  // the column, constraint or index; may be empty
};

struct StatementEffects {
  std::string tag;  // of the parse tree: "AlterTableStmt"
  std::vector<RelationEffects> relations;
  std::vector<AppliedRule> rules;
  Answer in_transaction = Answer::yes;  // may it run inside a transaction block
  bool waits_for_transactions = false;  // until every transaction that uses the table has ended
  int since = 0;                        // the first server that knows it; 0: all of 14 to 18
  Answer fails = Answer::no;            // the server refuses it whatever the rows' values are
  std::string fails_because;
  Loss loss = Loss::none;
  std::vector<std::string> blanked = {};  // columns of which every row gets a value that reads none: what was there is gone
  SessionStep session = SessionStep::none;
  std::vector<std::string> asks;  // what is unknown, as what would have to be asked
  bool opaque = false;            // it runs code: nothing follows from the text

  // What plans, explain and the preflight go by.
  std::vector<Action> actions;
  StatementKind kind = StatementKind::transactional;
  TableName index;
  std::string note;
};

// `effects` of what is seen by its own transaction only: nobody waits for it.
bool touches_nobody(const StatementEffects& effects);

}  // namespace pgphase
