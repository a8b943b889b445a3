// PostgreSQL's own client programs, which copy a database more faithfully than anybody else could. A password never
// gets onto a command line. Blocking; one thread.
#pragma once

#include <string>
#include <vector>

#include "phases/postgres/conninfo.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

struct ClientPrograms {
  std::string pg_dump, psql;  // paths
};

// Those beside the server programs of this machine. Errc::refused when there are none that know a server of `major`.
Result<ClientPrograms> find_clients(int major);

struct ClientCall {
  std::string program;
  std::vector<std::string> arguments;
  ConnInfo connection;
  std::string input;  // for its standard input; empty: none, or what the other end of a pipe sends
};

// `from`'s output into `into`. Errc::refused with what the programs said; at most six hours.
Result<void> pipe(const ClientCall& from, const ClientCall& into);

}  // namespace pgphase
