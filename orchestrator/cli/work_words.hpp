// What a statement has to work through, for `explain`: the tables that it locks, the rows that it reads or writes again
// and the indexes that it builds, by its effects, with the size of their tables where a database was asked. Pure; any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plans/effects/known.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct Work {
  enum class Kind { reads, builds_index, rewrites, sets_rows } kind = Kind::reads;
  TableName table;
  bool certain = true;                 // false: the text alone does not decide it
  std::optional<std::int64_t> bytes;   // of the table, indexes and TOAST included
  std::optional<std::chrono::seconds> estimate;
};
const char* to_string(Work::Kind kind);  // "reads"

// Bytes of a table, indexes included, that a second gets through, unhindered: the order of magnitude, rounded down from
// what docs/benchmarks.md and a table of 1.2 GB on the machine there have shown. Disks and neighbours decide the rest.
std::int64_t bytes_a_second(Work::Kind kind);

struct WorkOfStatement {
  std::vector<Work> work;
  // Where its text does not say which tables it locks, and the catalogue does: the table of an index.
  std::vector<RelationLock> locks;
};

// By phase, place of the step and place of its statement. `known`: before the plan; where it is a database's catalogue, a
// table without a size is one that is not there yet.
using WorkOfPlan = std::map<Phase, std::vector<std::vector<WorkOfStatement>>>;
WorkOfPlan work_of(const PhasedPlan& plan, const std::map<TableName, std::int64_t>& sizes, const Known& known);

// "reads every row of tasks (1.2 GiB, some 6 s)"
std::string words_of(const Work& work);

}  // namespace pgphase
