// What `purge` prints before anything is dropped. Pure; any thread.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "orchestrator/engine/purge_run.hpp"

namespace pgphase {

std::string purge_text(const std::vector<PurgeCandidate>& candidates, ServerTime now);  // lines, the last without '\n'
boost::json::array purge_json(const std::vector<PurgeCandidate>& candidates);

// What goes with one plan, a line each.
std::vector<std::string> remains_lines(const Remains& remains);

}  // namespace pgphase
