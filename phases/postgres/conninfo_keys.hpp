// The keys that may stand in a connection string and what becomes of each: one table. Pure; any thread. Only
// conninfo.cpp uses it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pgphase::conninfo {

enum class KeyUse {
  pass,  // libpq's own: taken as it is
  host,  // libpq's, gathered into lists
  port,
  sslmode,          // checked against `ssl`
  ssl,              // asyncpg, JDBC, libpq's URIs: true, false or one of sslmode's words
  database,         // asyncpg's word for dbname
  timeout,          // asyncpg: seconds, with a fraction -> connect_timeout
  direct_tls,       // asyncpg -> sslnegotiation
  server_setting,   // asyncpg's DSN: any unknown key; here the ones that people use -> options
  server_settings,  // a JSON object of them -> options
  drop,             // of the Python driver's own caches: nothing to say
  drop_and_warn,    // what it asks for does not happen
  unknown,
};

struct Key {
  std::string_view name;
  KeyUse use;
  const char* why = "";  // drop_and_warn: what pgphase does instead
};

std::span<const Key> all_keys();

// `use` is unknown when there is no such key.
Key find_key(std::string_view name);

// The known key that is spelt most like this one; empty when none is near.
std::string nearest_key(std::string_view name);

}  // namespace pgphase::conninfo
