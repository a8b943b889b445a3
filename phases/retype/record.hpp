// What the ledger keeps of a column whose place another one has taken, beside what it keeps of every retired column.
// Internal to phases/retype. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/retire/old_column.hpp"
#include "phases/retype/belongings.hpp"
#include "phases/retype/hanging.hpp"

namespace pgphase {

struct Displaced {
  OldColumn old;
  std::vector<HangingConstraint> checks;
  std::vector<KeptForeignKey> incoming;
  std::vector<OwnedSequence> sequences;
  std::vector<std::string> indexes;  // those that were set aside with it; empty in records of an older pgphase
  std::string default_sql;
  std::string primary_key;   // its name, where the column is part of it
  bool needs_value = false;  // part of the primary key, or an identity: NOT NULL from the first moment on
};

RetiredRecord record_of(const Displaced& displaced, std::int64_t number, const StepKey& key);
Result<Displaced> displaced_of(const RetiredRecord& record);

}  // namespace pgphase
