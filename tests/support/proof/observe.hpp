// Carries a form out on the test's server, and looks at what it does: the locks that it holds, the files that it writes
// anew, the rows that it reads, and who has to wait meanwhile.
//
// Call from one thread at a time. Throws PgError when the state itself cannot be made.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "plans/effects/known.hpp"
#include "plans/phased_plan.hpp"
#include "tests/support/proof/form.hpp"

namespace pgphase::testing::proof {

struct Seen {
  char kind = 'r';            // pg_class.relkind
  TableName table;            // of an index
  std::set<TableName> above;  // each table that it is a partition or a child of, up to the topmost
  LockMode lock = LockMode::none;
  bool measurable = false;  // it has pages enough for a scan to be told from a look
  bool scanned = false;
  bool rewritten = false;
  bool index_built = false;
  bool changed = false;       // rows of it were written again or deleted
  bool changed_most = false;  // more than half of them
};

// What an application would do, and what it had to wait for.
struct Probe {
  TableName table;
  std::string what;  // "SELECT"
  LockMode wants = LockMode::none;
  bool waited = false;
  bool for_a_row = false;
  TableName waited_for;  // the relation, unless it is a row
};

// Behind an application that has read, or written, every table and not committed.
struct Behind {
  bool looked = false;
  bool waited = false;
  TableName waited_for;
};

struct Observation {
  std::string sqlstate, error;  // empty: it went through
  bool fails = false;           // for another reason than that it must not be in a transaction
  bool refuses_transaction = false;
  bool carried_out = false;  // false: only the refusal was looked at
  bool waits_for_transactions = false;
  bool rows_lost = false, values_lost = false;
  std::set<TableName> unknown_to_old_code;  // a SELECT of the columns that were there fails afterwards
  std::string answer_before, answer_after;  // to the form's question: rows, or an error
  std::map<TableName, Seen> relations;      // that existed before
  std::vector<Probe> probes;
  Behind readers, writers;
  Known known;  // what the catalogue said before
};

// `reach`: tables that the statement might lock; where it cannot run in a transaction each is put in its way.
Observation observe(const Form& form, const State& state, const std::set<TableName>& reach);

}  // namespace pgphase::testing::proof
