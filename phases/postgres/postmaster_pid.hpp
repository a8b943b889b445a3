// The file postmaster.pid, by which a PostgreSQL server tells who it is and whether it accepts connections.
//
// Pure; any thread. The server writes the file line by line while it starts, so every prefix of it is possible.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace pgphase {

struct PostmasterPid {
  pid_t pid = 0;
  std::string data_folder;
  long start_time = 0;        // seconds since 1970
  int port = 0;               // 0: not written yet
  std::string socket_folder;  // empty: not written yet, or no socket
  std::string status;         // "starting", "ready", "stopping", "standby"; empty: not written yet

  bool ready() const { return status == "ready"; }
};

// Nothing when the first three lines are not complete: who it is cannot be told then.
std::optional<PostmasterPid> parse_postmaster_pid(std::string_view text);

// The same from a file; nothing when it cannot be read.
std::optional<PostmasterPid> read_postmaster_pid(const std::string& data_folder);

}  // namespace pgphase
