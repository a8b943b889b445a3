// `pgphase sandbox`: one private server per project that keeps running between commands.
//
// The state folder (mode 0700, ours) is the caller's choice and the same for every command of a project; it holds
// server.json (how to connect, how to stop) and a lock for the time that a command works on it. The server's own
// folder is elsewhere, because it belongs to the server's user. Blocking, for use before the event loop exists.
#pragma once

#include <optional>
#include <string>

#include "phases/postgres/server.hpp"

namespace pgphase {

struct Sandbox {
  RunningServer server;
  enum class Started { now, earlier } started = Started::now;
};

// Starts the server, or finds the one that already runs: then the options are not looked at.
Result<Sandbox> start_sandbox(const std::string& state_folder, ServerOptions options = {});

// The server that runs; nothing when none does.
Result<std::optional<RunningServer>> find_sandbox(const std::string& state_folder);

// Stops it and removes everything. False: none was running (its remains, if any, are removed all the same).
Result<bool> stop_sandbox(const std::string& state_folder);

}  // namespace pgphase
