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
  bool sets_key = false;              // a set column is in a unique index that foreign keys may use
  std::vector<TargetColumn> columns;  // in the order of BackfillBody::set
  std::int64_t rows_estimate = 0;     // as the planner estimates it
};

// An Error of code refused, with the reason, for what cannot be scanned by pages or set at all.
Result<Target> inspect_target(Session& session, const BackfillBody& body);

}  // namespace pgphase
