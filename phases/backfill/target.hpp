// The table that a backfill sets, as the server knows it, and the reasons for which it cannot be set. Reads only.
// Blocking; same threading as the Session.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct TargetColumn {
  std::string name;
  std::string type;        // as SQL writes it, with its modifiers: "character varying(20)"
  std::string plain_type;  // without them: a cast to it never cuts anything off
};

struct Target {
  TableName table;
  std::int64_t oid = 0;
  bool partitioned = false;
  bool is_partition = false;
  bool sets_indexed = false;          // a set column is in an index, or in its expressions or its predicate
  bool sets_key = false;              // a set column is in a unique index that foreign keys may use
  std::vector<TargetColumn> columns;  // in the order of BackfillBody::set
};

// An Error of code refused, with the reason, for what cannot be scanned by pages or set at all.
Result<Target> inspect_target(Session& session, const BackfillBody& body);

// The same reasons, before any step has run: a sentence each. Of a column that is not there yet nothing is said.
Result<std::vector<std::string>> obstacles_to_backfilling(Session& session, const BackfillBody& body);

// About how many rows the table has: as the planner knows it, or from a sample of pages where ANALYZE has never run.
Result<std::int64_t> estimate_rows(Session& session, const Target& target);

// The leaves of a table: itself, or its partitions that hold rows. SQL of a set of oids.
std::string leaves_of(std::int64_t table_oid);

}  // namespace pgphase
