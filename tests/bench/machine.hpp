// Where a bench ran: without it a figure says nothing.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/session.hpp"

namespace pgphase::bench {

struct Machine {
  std::string began_at;  // UTC, ISO 8601
  std::string processor;
  int cores = 0;
  std::int64_t memory_bytes = 0;
  std::string kernel;
  double load = 0;  // of the last minute, before the bench began: what else was going on
  std::string postgres;
  std::vector<std::pair<std::string, std::string>> settings;  // of the server, those that count
  std::string pgphase;
  std::string commit;  // empty: not known
};

Machine this_machine();                               // all but what the server knows
void ask_server(Machine& machine, Session& session);  // and that

std::vector<std::string> in_words(const Machine& machine);  // a line each
boost::json::object as_json(const Machine& machine);

}  // namespace pgphase::bench
