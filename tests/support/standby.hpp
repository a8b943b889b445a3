// A streaming standby of a LocalServer, copied file by file while it runs, as a backup without pg_basebackup is: not
// every server that tests run on has its clients. Blocking; belongs to the thread that made it. Throws
// std::runtime_error, which fails the test.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/server.hpp"

namespace pgphase::testing {

class Standby {
 public:
  // Returns when it answers queries. `name` is its application_name at the primary.
  Standby(const RunningServer& primary, const std::string& name);
  ~Standby();  // stops it and removes its folder
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;

  std::string url() const { return info_.url(); }

 private:
  void stop();
  void copy(const RunningServer& primary, const std::string& name);
  void run_and_wait(std::vector<std::string> argv);
  void write(const std::string& name, const std::string& text) const;  // a file of the data folder
  ChildOptions child(std::vector<std::string> argv, int log) const;

  RunningServer info_;
  ServerFolder folder_;
  std::optional<User> user_;
};

}  // namespace pgphase::testing
