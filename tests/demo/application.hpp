// The application of the story: workers that read and write tasks all the time, each through a connection of its own.
//
// Its old version knows the columns of 001_initial only, its new one reads and writes `priority`, too. It retries
// nothing: a statement that fails is counted as failed. What it reads it compares with what it has written. Public
// functions: one thread (the story's); the workers run on their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/demo/waits.hpp"
#include "tests/demo/write_log.hpp"

namespace pgphase::demo {

enum class Version { old_one, new_one };

class Application {
 public:
  Application(const std::string& url, int workers, std::uint64_t seed);
  ~Application();  // stops it
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  // What happens from now on is counted under this name; the chapter before ends.
  void begin_chapter(const std::string& name);
  Chapter current_chapter() const;  // so far
  std::vector<Chapter> chapters() const;

  int workers() const;
  void deploy(int worker, Version version);  // takes effect with the worker's next request
  void enter(Epoch epoch);

  void stop();  // returns when the last statement has been answered

  // After stop().
  std::vector<const WriteLog*> logs() const;
  std::int64_t wrong_reads() const;
  std::vector<std::string> complaints() const;  // each worker's first failed statement and first wrong answer

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgphase::demo
