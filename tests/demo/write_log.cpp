#include "tests/demo/write_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/interrupt.hpp"

namespace pgphase::demo {
namespace {

using testing::check_interrupted;

constexpr TaskId k_users = 50'000;
constexpr int k_finished_priority = 9;
constexpr int k_open_priority = 3;
constexpr TaskId k_rows_at_once = 20'000;

std::string shown(const std::optional<int>& priority) {
  return priority ? std::to_string(*priority) : "NULL";
}

bool priority_is_right(const Task& expected, const std::optional<int>& priority) {
  if (!priority) return false;
  if (expected.priority) return priority == expected.priority;
  return (expected.seen.no && *priority == k_open_priority) || (expected.seen.yes && *priority == k_finished_priority);
}

}  // namespace

std::string load_sql() {
  return fmt::format(
      "INSERT INTO tasks (title, user_id, completed) "
      "SELECT 'Task ' || n, 'user-' || n % {}, n % 4 = 0 FROM generate_series(1, {}) AS n",
      k_users, k_loaded_tasks);
}

Task loaded_task(TaskId id) {
  Task out;
  out.title = fmt::format("Task {}", id);
  out.user_id = fmt::format("user-{}", id % k_users);
  out.completed = id % 4 == 0;
  out.seen.add(out.completed);
  return out;
}

StoredTask StoredTask::from(const testing::PgClient::Row& row) {
  StoredTask out;
  out.id = std::stoll(row.at(0).value());
  out.title = row.at(1).value();
  out.user_id = row.at(2).value();
  out.completed = row.at(3) == "t";
  if (row.size() > 4 && row[4]) out.priority = std::stoi(*row[4]);
  return out;
}

std::string mistake_in(const Task& expected, const StoredTask& stored, Look look) {
  if (expected.deleted) return fmt::format("task {} is back, although its deletion was acknowledged", stored.id);
  if (stored.title != expected.title) {
    return fmt::format("task {} has the title '{}' instead of '{}'", stored.id, stored.title, expected.title);
  }
  if (stored.user_id != expected.user_id) {
    return fmt::format("task {} belongs to {} instead of {}", stored.id, stored.user_id, expected.user_id);
  }
  if (stored.completed != expected.completed) {
    return fmt::format("task {} has completed = {} instead of {}", stored.id, stored.completed, expected.completed);
  }
  if (look == Look::all_columns && !priority_is_right(expected, stored.priority)) {
    return fmt::format("task {} has the priority {}, but {}", stored.id, shown(stored.priority),
                       expected.priority ? fmt::format("{} was written", *expected.priority)
                                         : fmt::format("the fill saw completed ={}{}", expected.seen.no ? " false" : "",
                                                       expected.seen.yes ? " true" : ""));
  }
  return "";
}

Task WriteLog::get(TaskId id) const {
  const auto found = touched_.find(id);
  return found != touched_.end() ? found->second : loaded_task(id);
}

Comparison compare_table(testing::PgClient& client, const std::vector<const WriteLog*>& logs) {
  std::unordered_map<TaskId, const Task*> touched;
  TaskId last = k_loaded_tasks;
  for (const WriteLog* log : logs) {
    for (const auto& [id, task] : log->touched()) {
      touched.emplace(id, &task);
      last = std::max(last, id);
    }
  }
  last = std::max(last, static_cast<TaskId>(std::stoll(client.value("SELECT max(id) FROM tasks"))));

  Comparison out;
  const auto wrong = [&out](const std::string& what) {
    if (++out.wrong == 1) out.first = what;
  };
  for (TaskId from = 1; from <= last; from += k_rows_at_once) {
    check_interrupted();
    const auto rows = client.query(
        fmt::format("SELECT id, title, user_id, completed, priority FROM tasks WHERE id >= {} AND id < {} ORDER BY id",
                    from, from + k_rows_at_once));
    auto row = rows.begin();
    for (TaskId id = from; id < from + k_rows_at_once && id <= last; ++id) {
      const auto known = touched.find(id);
      const bool was_acknowledged = id <= k_loaded_tasks || known != touched.end();
      const bool is_there = row != rows.end() && std::stoll(row->at(0).value()) == id;
      if (!is_there) {
        // A number that the sequence gave away and no row has is as good as a deleted one.
        const bool may_be_missing = known != touched.end() ? known->second->deleted : !was_acknowledged;
        if (!may_be_missing) wrong(fmt::format("task {} is gone", id));
        continue;
      }
      ++out.rows;
      const auto stored = StoredTask::from(*row++);
      if (!was_acknowledged) {
        wrong(fmt::format("task {} is there, but nobody was told so", id));
        continue;
      }
      const auto mistake =
          mistake_in(known != touched.end() ? *known->second : loaded_task(id), stored, Look::all_columns);
      if (!mistake.empty()) wrong(mistake);
    }
  }
  return out;
}

}  // namespace pgphase::demo
