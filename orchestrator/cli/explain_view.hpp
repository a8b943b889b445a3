// What `explain` prints: phases, gates, and of each step what it does, its SQL, locks, scans and its way back. Made
// from the same PhasedPlan that `up` executes. Pure; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "phases/foresight/foresight.hpp"
#include "phases/ledger/records.hpp"
#include "plans/effects/known.hpp"

namespace pgphase {

struct ExplainedPlan {
  const PhasedPlan* plan = nullptr;
  const PlanRecord* record = nullptr;  // when it is in the ledger: then `plan` is the ledger's split
  // By the place of the step in its phase: what the database has for it, of steps that are still to be done. Without a
  // database: none.
  std::map<std::pair<Phase, std::size_t>, Foresight> foreseen = {};
};

struct ExplainInput {
  std::vector<ExplainedPlan> plans;
  std::string target;                        // empty: no database was asked
  int server_version = 0;                    // 150004; 0 without a database
  std::map<TableName, std::int64_t> tables;  // bytes, of those that exist
  std::vector<std::string> long_holders;     // transactions that a strong lock would wait for, a sentence each
  const LedgerView* ledger = nullptr;        // nullptr without a database
  Known known = {};                          // its catalogue; empty without a database
};

enum class SqlShown { first_line, all };

std::string explain_text(const ExplainInput& input, SqlShown sql);  // ends with a newline
boost::json::object explain_json(const ExplainInput& input);

// The grammar and the sizes that the answer rests on.
std::string assumptions(const ExplainInput& input);

}  // namespace pgphase
