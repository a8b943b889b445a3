// Asks a command for the password, as `password_command` in pgphase.toml says: run at every connect, because tokens
// expire. Blocks the calling thread until the command ends or its deadline passes: call it from a session's worker
// thread, never from the loop. Safe from several threads at once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "plans/base/result.hpp"

namespace pgphase {

inline constexpr std::chrono::seconds k_password_command_deadline{30};

// The first line that the command writes to stdout. No shell: argv[0] is looked up in PATH. What it writes to stderr
// is discarded, so that no secret gets into a log that way. Errc::unreachable when it cannot be started, fails, prints
// nothing, or takes longer than the deadline (it is then killed, with its process group). The error names argv[0],
// never an argument or any output.
Result<std::string> run_password_command(const std::vector<std::string>& argv,
                                         std::chrono::milliseconds deadline = k_password_command_deadline);

}  // namespace pgphase
