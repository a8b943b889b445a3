// What the four operations have in common: one locked attempt that keeps the step's ledger rows, finds the table, and
// tells errors in words. Internal to phases/retire. Blocking; same threading as the Session.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "phases/retire/retire.hpp"

namespace pgphase {

struct StepChange {
  std::string label;  // of its failpoints
  std::string doing;  // for people: "creating table tasks"
  Direction direction = Direction::forward;
  std::vector<RelationLock> locks;
  std::string if_name_taken;  // what to do next when PostgreSQL says that the name is taken; may be empty
  bool long_running = false;  // makes nobody wait: long deadline instead of the hold limit
  bool more = false;          // the step has not ended with it
  std::function<Result<void>(Session&)> prepare;        // before any lock, in the same transaction; may be empty
  std::function<Result<std::string>(Session&)> change;  // with the locks held; returns what was done, in words
};

inline constexpr const char* k_stamp_or_rename =
    "If it is the very thing that this plan means, record the plan with `pgphase stamp PLAN`; otherwise give the new "
    "one "
    "another name.";

Result<RetireOutcome> attempt_step(Session& session, const StepSite& site, const StepChange& step);

// What this step's undo has retired and nothing has restored or purged since.
Result<std::optional<RetiredRecord>> retired_by(Session& session, const StepKey& key, std::string_view kind);

// The JSON of a retired thing with the SQL that had made it.
std::string with_origin(const std::string& definition, const std::string& sql);

// Refused when the plan was edited since: what comes back would not be what it says now.
Result<void> must_be_of_this_origin(const RetiredRecord& retired, const std::string& doing, const std::string& sql);

// A table's oid as text, for a parameter; nothing when there is no table of that name (a view is none).
Result<std::optional<std::string>> table_oid(Session& session, const TableName& table);

// The same with the ACCESS EXCLUSIVE lock certainly held, also when the table appeared after the attempt had looked
// which relations to lock. An Error when it went away instead.
Result<std::string> locked_table_oid(Session& session, const TableName& table);

// "cannot undo …: a; b" out of the sentences of obstacles.hpp.
Error refused_by(const std::string& doing, const std::vector<std::string>& obstacles,
                 Direction direction = Direction::back);

}  // namespace pgphase
