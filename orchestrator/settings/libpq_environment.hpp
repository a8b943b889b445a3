// What libpq takes from the environment where a connection string is silent, put into the string: what is shown, asked
// to be confirmed and connected to is then one and the same. Pure; any thread.
#pragma once

#include <string>

#include "orchestrator/settings/dotenv.hpp"
#include "phases/postgres/conninfo.hpp"

namespace pgphase {

// PGHOST, PGHOSTADDR, PGPORT, PGUSER and PGDATABASE where the string has none; without any of them the database is
// called like the user, and the user like `system_user`. A service (the string's, or PGSERVICE) goes before all of
// these, and only libpq reads its file: then nothing else is put in.
ConnInfo with_libpq_environment(ConnInfo connection, const Environment& environment, const std::string& system_user);

}  // namespace pgphase
