// What the benches share: their server, and the order in which ways take turns. Main thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "phases/postgres/server.hpp"
#include "tests/bench/benches.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/ways.hpp"

namespace pgphase::bench {

void tell(const std::string& line);  // on stderr

// A private server, durable as in production. Refuses where the disk has no room for `rows` rows.
LocalServer start_server(const CommonOptions& options, std::int64_t rows);

Machine describe(const LocalServer& server, const CommonOptions& options);

// Those of `all` that `ids` names, in the order of `all`; all where it names none. Throws std::invalid_argument for one
// that is not there.
std::vector<std::unique_ptr<Way>> chosen(std::vector<std::unique_ptr<Way>> all, const std::vector<std::string>& ids);

// Calls `run` for each way in each round. A round begins with another way than the one before, so that no way always
// follows the same neighbour. A way that throws NotBuilt is left out from then on; their ids are returned, with why.
std::map<std::string, std::string> take_turns(const std::vector<std::unique_ptr<Way>>& ways, int rounds,
                                              const std::function<void(Way& way, int round)>& run);

std::string rows_and_rounds(std::int64_t rows, int rounds);  // "1,500,000 rows, 3 rounds"
boost::json::object as_json(const Sample& sample);

}  // namespace pgphase::bench
