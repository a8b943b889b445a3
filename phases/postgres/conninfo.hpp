// A connection string as people write it, made into what libpq takes. Pure text: nothing here opens a connection,
// reads a file or looks at the environment, so it is safe from any thread.
//
// Read: libpq's URIs and key=value strings, and the URLs that Python projects keep in their `.env`
// (postgresql+asyncpg://…?ssl=require), Prisma's included. docs/settings.md lists what becomes of each key.
// No error and no text for people made here ever holds a password.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plans/base/result.hpp"

namespace pgphase {

inline constexpr std::chrono::seconds k_default_connect_timeout{10};

struct ConnInfo {
  // libpq's keys, each at most once: host and port first (they may be lists: h1,h2), the others as they were given.
  std::vector<std::pair<std::string, std::string>> pairs;
  // One sentence each: what the string asks for that pgphase does not do, or does differently.
  std::vector<std::string> warnings;

  // The value, or an empty view when the key is not there.
  std::string_view get(std::string_view key) const;
  bool has(std::string_view key) const;
  // A copy in which `key` has this value.
  ConnInfo with(std::string_view key, std::string_view value) const;

  // For PQconnectdb, password included: never print it. Adds TCP keepalives, `connect_timeout`, and for several hosts
  // `target_session_attrs=read-write` (a standby is of no use to a migration), each unless the string has it.
  std::string to_libpq() const;
  // "app on db.example.org:5432 as alice", for people.
  std::string display() const;
  // "db.example.org:5432", "h1:5432,h2:5433", "[::1]:5432", or "/var/run/postgresql:5432" for a socket.
  std::string host_port_without_password() const;
};

// Errc::usage when the text is not a connection string, has an unknown key, contradicts itself, or names a host
// through which a migration cannot work (Neon's pooled one).
Result<ConnInfo> parse_conninfo(std::string_view text);

}  // namespace pgphase
