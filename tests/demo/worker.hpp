// One worker of the application: an endless row of requests on one connection. Its thread alone calls run() and owns
// the log; waits() may be called from another thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/demo/application.hpp"
#include "tests/demo/waits.hpp"
#include "tests/demo/write_log.hpp"
#include "tests/support/database.hpp"

namespace pgphase::demo {

// What the story tells all workers.
struct Stage {
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> chapter{0};
  std::atomic<Epoch> epoch{Epoch::before_the_column};
};

class Worker {
 public:
  // Of `count` workers the one with this number; it works on the loaded tasks whose id leaves that remainder, and on
  // those that it has made itself.
  Worker(std::string url, const Stage& stage, int number, int count, std::uint64_t seed);

  void run();

  void deploy(Version version) { version_ = version; }
  std::vector<Waits> waits() const;  // by chapter

  // When run() has returned.
  const WriteLog& log() const { return log_; }
  std::int64_t wrong_reads() const { return wrong_reads_; }
  const std::string& first_failure() const { return first_failure_; }
  const std::string& first_wrong_read() const { return first_wrong_read_; }

 private:
  using Rows = std::vector<testing::PgClient::Row>;

  void request();
  void read_task();
  void read_list();
  void insert_task();
  void rename_task();
  void finish_or_reopen_task();
  void prioritise_task();
  void delete_task();
  void rename_two_tasks();

  Rows run(const std::string& sql);
  void changed_one(const Rows& returned, TaskId id);
  void acknowledged(TaskId id, Task task);
  void connect();
  void wrong(const std::string& what);
  void record(std::chrono::steady_clock::time_point begin, std::size_t chapter, bool succeeded);

  bool knows_priority() const { return version_ == Version::new_one; }
  int random(int from, int to);
  TaskId some_task();
  std::string new_title(TaskId id);

  const std::string url_;
  const Stage& stage_;
  const int number_, count_;
  std::mt19937_64 random_;
  std::atomic<Version> version_{Version::old_one};
  std::unique_ptr<testing::PgClient> client_;

  WriteLog log_;
  std::vector<TaskId> own_;  // made by this worker, and not deleted
  std::int64_t editions_ = 0;
  std::int64_t wrong_reads_ = 0;
  std::string first_failure_, first_wrong_read_;

  mutable std::mutex mutex_;
  std::vector<Waits> waits_;
};

}  // namespace pgphase::demo
