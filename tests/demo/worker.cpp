#include "tests/demo/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace pgphase::demo {
namespace {

using std::chrono::steady_clock;

constexpr int k_longest_think_ms = 6;
constexpr int k_own_tasks_percent = 30;  // so that new rows are also read, changed and deleted
constexpr int k_default_priority = 3;

std::string literal(bool value) {
  return value ? "true" : "false";
}

}  // namespace

Worker::Worker(std::string url, const Stage& stage, int number, int count, std::uint64_t seed)
    : url_(std::move(url)),
      stage_(stage),
      number_(number),
      count_(count),
      random_(seed + static_cast<std::uint64_t>(number)) {}

void Worker::run() {
  connect();
  while (!stage_.stop && client_) {
    try {
      request();
    } catch (const testing::PgError&) {
      connect();  // ends the transaction that has failed, and finds the server again where the connection was lost
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random(1, k_longest_think_ms)));
  }
  client_.reset();
}

std::vector<Waits> Worker::waits() const {
  const std::lock_guard lock(mutex_);
  return waits_;
}

void Worker::request() {
  const int dice = random(1, 100);
  if (dice <= 35) return read_task();
  if (dice <= 45) return read_list();
  if (dice <= 57) return insert_task();
  if (dice <= 75) return rename_task();
  if (dice <= 87) return finish_or_reopen_task();
  if (dice <= 91) return delete_task();
  if (dice <= 95) return rename_two_tasks();
  return knows_priority() ? prioritise_task() : rename_task();
}

void Worker::read_task() {
  const TaskId id = some_task();
  const bool all = knows_priority();
  const auto rows =
      run(fmt::format("SELECT id, title, user_id, completed{} FROM tasks WHERE id = {}", all ? ", priority" : "", id));
  if (rows.size() != 1) return wrong(fmt::format("task {} was not found", id));
  const auto mistake = mistake_in(log_.get(id), StoredTask::from(rows[0]), all ? Look::all_columns : Look::old_columns);
  if (!mistake.empty()) wrong(mistake);
}

void Worker::read_list() {
  const auto user = log_.get(some_task()).user_id;
  const auto order = knows_priority() ? "priority, id" : "id";
  const auto rows = run(fmt::format(
      "SELECT id, title FROM tasks WHERE user_id = '{}' AND NOT completed ORDER BY {} LIMIT 20", user, order));
  for (const auto& row : rows) {
    if (!row.at(1)) wrong(fmt::format("a task of {} has no title", user));
  }
}

void Worker::insert_task() {
  Task task = loaded_task(some_task());
  task.title = fmt::format("Made by worker {}, number {}", number_, ++editions_);
  task.completed = false;
  task.seen = {};
  task.seen.add(false);
  const auto epoch = stage_.epoch.load();
  std::string columns, values;
  if (knows_priority()) {
    task.priority = random(1, 9);
    columns = ", priority";
    values = fmt::format(", {}", *task.priority);
  } else if (epoch == Epoch::filling || epoch == Epoch::filled) {
    task.priority = k_default_priority;
  }
  const auto rows = run(fmt::format("INSERT INTO tasks (title, user_id{}) VALUES ('{}', '{}'{}) RETURNING id", columns,
                                    task.title, task.user_id, values));
  const TaskId id = std::stoll(rows.at(0).at(0).value());
  acknowledged(id, std::move(task));
  own_.push_back(id);
}

void Worker::rename_task() {
  const TaskId id = some_task();
  Task task = log_.get(id);
  task.title = new_title(id);
  changed_one(
      run(fmt::format("UPDATE tasks SET title = '{}', updated_at = now() WHERE id = {} RETURNING id", task.title, id)),
      id);
  acknowledged(id, std::move(task));
}

void Worker::finish_or_reopen_task() {
  const TaskId id = some_task();
  Task task = log_.get(id);
  task.completed = !task.completed;
  const auto epoch = stage_.epoch.load();
  changed_one(run(fmt::format("UPDATE tasks SET completed = {}, updated_at = now() WHERE id = {} RETURNING id",
                              literal(task.completed), id)),
              id);
  // Before the column there was nothing that could read the value, and after the fill nothing will.
  if (stage_.epoch == Epoch::before_the_column) task.seen = {};
  if (epoch != Epoch::filled) task.seen.add(task.completed);
  acknowledged(id, std::move(task));
}

void Worker::prioritise_task() {
  const TaskId id = some_task();
  Task task = log_.get(id);
  task.priority = random(1, 9);
  changed_one(run(fmt::format("UPDATE tasks SET priority = {}, updated_at = now() WHERE id = {} RETURNING id",
                              *task.priority, id)),
              id);
  acknowledged(id, std::move(task));
}

void Worker::delete_task() {
  const TaskId id = some_task();
  Task task = log_.get(id);
  task.deleted = true;
  changed_one(run(fmt::format("DELETE FROM tasks WHERE id = {} RETURNING id", id)), id);
  acknowledged(id, std::move(task));
  own_.erase(std::remove(own_.begin(), own_.end(), id), own_.end());
}

// In whatever order: no other worker has these rows, so only the row locks of a migration can make a deadlock of it.
void Worker::rename_two_tasks() {
  const TaskId first = some_task();
  const TaskId second = some_task();
  run("BEGIN");
  std::vector<std::pair<TaskId, Task>> changed;
  for (const TaskId id : {first, second}) {
    Task task = log_.get(id);
    task.title = new_title(id);
    changed_one(run(fmt::format("UPDATE tasks SET title = '{}' WHERE id = {} RETURNING id", task.title, id)), id);
    changed.emplace_back(id, std::move(task));
  }
  run("COMMIT");
  for (auto& [id, task] : changed) acknowledged(id, std::move(task));
}

Worker::Rows Worker::run(const std::string& sql) {
  const auto begin = steady_clock::now();
  const auto chapter = stage_.chapter.load();
  try {
    auto rows = client_->query(sql);
    record(begin, chapter, true);
    return rows;
  } catch (const testing::PgError& error) {
    record(begin, chapter, false);
    if (first_failure_.empty()) first_failure_ = fmt::format("{} ({})", error.what(), error.sqlstate());
    throw;
  }
}

// An UPDATE or DELETE that finds no row has not failed, but the row is lost.
void Worker::changed_one(const Rows& returned, TaskId id) {
  if (returned.size() != 1) wrong(fmt::format("task {} was not there to be changed", id));
}

void Worker::acknowledged(TaskId id, Task task) {
  log_.put(id, std::move(task));
  const std::lock_guard lock(mutex_);
  ++waits_.back().writes;
}

void Worker::connect() {
  client_.reset();
  try {
    client_ = std::make_unique<testing::PgClient>(url_);
  } catch (const testing::PgError& error) {
    record(steady_clock::now(), stage_.chapter, false);
    if (first_failure_.empty()) first_failure_ = error.what();
  }
}

void Worker::wrong(const std::string& what) {
  if (++wrong_reads_ == 1) first_wrong_read_ = what;
}

void Worker::record(steady_clock::time_point begin, std::size_t chapter, bool succeeded) {
  const Milliseconds took = steady_clock::now() - begin;
  const auto last = std::max(chapter, stage_.chapter.load());
  const std::lock_guard lock(mutex_);
  waits_.resize(std::max(waits_.size(), last + 1));
  for (auto i = chapter; i <= last; ++i) waits_[i].longest = std::max(waits_[i].longest, took);
  waits_[last].finished_ms.push_back(static_cast<float>(took.count()));
  if (!succeeded) ++waits_[last].failed;
}

int Worker::random(int from, int to) {
  return std::uniform_int_distribution<int>(from, to)(random_);
}

TaskId Worker::some_task() {
  if (!own_.empty() && random(1, 100) <= k_own_tasks_percent) {
    return own_[std::uniform_int_distribution<std::size_t>(0, own_.size() - 1)(random_)];
  }
  while (true) {
    const TaskId row = std::uniform_int_distribution<TaskId>(0, k_loaded_tasks / count_ - 1)(random_);
    const TaskId id = row * count_ + number_ + 1;
    if (id <= k_loaded_tasks && !log_.get(id).deleted) return id;
  }
}

std::string Worker::new_title(TaskId id) {
  return fmt::format("Task {}, edition {} of worker {}", id, ++editions_, number_);
}

}  // namespace pgphase::demo
