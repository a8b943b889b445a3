// What the application knows about its rows: the log of acknowledged writes, and what the table must hold at the end.
//
// Each worker of the application writes rows of its own and keeps one WriteLog, so the order of its writes is known
// and every row can be checked to the letter. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/support/database.hpp"

namespace pgphase::demo {

using TaskId = std::int64_t;

constexpr TaskId k_loaded_tasks = 1'000'000;

// How far the migration is, as far as it decides which priority a row may have that no application gave one. An epoch
// begins before the command that it is about and ends after it, so that a statement never believes too much: while the
// column appears, a new row may get the default, or nothing yet and later what the fill finds.
enum class Epoch { before_the_column, column_appears, filling, filled };

// The values of `completed` that the fill, or the default in its stead, may have gone by.
struct SeenCompleted {
  bool no = false, yes = false;
  void add(bool completed) { (completed ? yes : no) = true; }
};

struct Task {
  std::string title, user_id;
  bool completed = false;
  bool deleted = false;
  std::optional<int> priority;  // what the application wrote, or the default that its insert got
  SeenCompleted seen;           // decides the priority, where nobody wrote one
};

struct StoredTask {
  TaskId id = 0;
  std::string title, user_id;
  bool completed = false;
  std::optional<int> priority;

  // A row of `id, title, user_id, completed` and, where `row` has five columns, `priority`.
  static StoredTask from(const testing::PgClient::Row& row);
};

std::string load_sql();       // fills the table with tasks 1 to k_loaded_tasks
Task loaded_task(TaskId id);  // one of these, as it was loaded

enum class Look { old_columns, all_columns };

// What is wrong with a stored row, in words; empty: nothing.
std::string mistake_in(const Task& expected, const StoredTask& stored, Look look);

class WriteLog {
 public:
  Task get(TaskId id) const;
  void put(TaskId id, Task task) { touched_[id] = std::move(task); }
  const std::unordered_map<TaskId, Task>& touched() const { return touched_; }

 private:
  std::unordered_map<TaskId, Task> touched_;
};

struct Comparison {
  std::int64_t rows = 0;
  std::int64_t wrong = 0;
  std::string first;  // of the wrong ones
};

// Every row of the table beside what the logs say: none missing, none too many, none other than acknowledged.
Comparison compare_table(testing::PgClient& client, const std::vector<const WriteLog*>& logs);

}  // namespace pgphase::demo
