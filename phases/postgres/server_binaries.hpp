// Where this machine has a PostgreSQL server to start: `initdb` and `postgres` in one folder.
//
// Blocking; any thread.
#pragma once

#include <string>

#include "plans/base/result.hpp"

namespace pgphase {

inline constexpr int k_oldest_postgres = 14;
inline constexpr int k_newest_postgres = 18;

struct ServerBinaries {
  std::string folder;
  int major = 0;        // 15
  std::string version;  // "15.14"
};

// `folder` if given; else $PGPHASE_PGBIN; else the newest of /usr/lib/postgresql/*/bin; else the first in $PATH.
// `major` 0: any that pgphase supports; else only that one will do.
Result<ServerBinaries> find_server_binaries(const std::string& folder = {}, int major = 0);

// "postgres (PostgreSQL) 15.14 (Debian …)" -> "15.14"; "18beta1" stays; empty when it is something else.
std::string server_version_in(const std::string& printed);

}  // namespace pgphase
