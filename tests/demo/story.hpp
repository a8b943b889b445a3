// The demo's story, from an empty server to the reckoning. One thread: the one that started the server.
#pragma once

#include <cstdint>

#include "phases/postgres/server.hpp"
#include "tests/demo/report.hpp"

namespace pgphase::demo {

// Throws std::exception when something does not go as told, Interrupted on a signal. Leaves no process but the server.
Outcome tell_story(const LocalServer& server, std::uint64_t seed);

}  // namespace pgphase::demo
