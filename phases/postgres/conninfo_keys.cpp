#include "phases/postgres/conninfo_keys.hpp"

#include "plans/toml/reader.hpp"

#include <vector>

namespace pgphase::conninfo {
namespace {

using enum KeyUse;

constexpr const char* k_own_limits = "pgphase has limits of its own, see [locks] and [backfill] in pgphase.toml";

// libpq 18's keys but `replication`: a replication connection runs no migration.
constexpr Key k_keys[] = {
    {"user", pass},
    {"password", pass},
    {"dbname", pass},
    {"host", host},
    {"hostaddr", pass},
    {"port", port},
    {"passfile", pass},
    {"service", pass},
    {"servicefile", pass},
    {"connect_timeout", pass},
    {"client_encoding", pass},
    {"options", pass},
    {"application_name", pass},
    {"fallback_application_name", pass},
    {"keepalives", pass},
    {"keepalives_idle", pass},
    {"keepalives_interval", pass},
    {"keepalives_count", pass},
    {"tcp_user_timeout", pass},
    {"sslmode", sslmode},
    {"sslnegotiation", pass},
    {"sslcompression", pass},
    {"sslcert", pass},
    {"sslkey", pass},
    {"sslpassword", pass},
    {"sslcertmode", pass},
    {"sslrootcert", pass},
    {"sslcrl", pass},
    {"sslcrldir", pass},
    {"sslsni", pass},
    {"ssl_min_protocol_version", pass},
    {"ssl_max_protocol_version", pass},
    {"min_protocol_version", pass},
    {"max_protocol_version", pass},
    {"channel_binding", pass},
    {"require_auth", pass},
    {"requirepeer", pass},
    {"gssencmode", pass},
    {"gssdelegation", pass},
    {"gsslib", pass},
    {"krbsrvname", pass},
    {"target_session_attrs", pass},
    {"load_balance_hosts", pass},
    // SQLAlchemy and asyncpg
    {"ssl", ssl},
    {"database", database},
    {"timeout", timeout},
    {"direct_tls", direct_tls},
    {"server_settings", server_settings},
    {"search_path", server_setting},
    {"timezone", server_setting},
    {"jit", server_setting},
    {"statement_timeout", server_setting},
    {"lock_timeout", server_setting},
    {"idle_in_transaction_session_timeout", server_setting},
    {"command_timeout", drop_and_warn, k_own_limits},
    {"statement_cache_size", drop},
    {"prepared_statement_cache_size", drop},
    {"prepared_statement_name_func", drop},
    {"max_cached_statement_lifetime", drop},
    {"max_cacheable_statement_size", drop},
    {"async_fallback", drop},
    // Prisma
    {"schema", drop_and_warn, "a plan names the schema of its tables itself"},
    {"pgbouncer", drop_and_warn, "pgphase needs a direct connection, not one through a pooler in transaction mode"},
    {"connection_limit", drop_and_warn, "pgphase opens the few connections that it needs"},
    {"pool_timeout", drop_and_warn, "pgphase has no pool"},
};

}  // namespace

std::span<const Key> all_keys() {
  return k_keys;
}

Key find_key(std::string_view name) {
  for (const Key& key : k_keys) {
    if (key.name == name) return key;
  }
  return {name, unknown};
}

std::string nearest_key(std::string_view name) {
  std::vector<std::string> names;
  for (const Key& key : k_keys) names.emplace_back(key.name);
  return nearest(name, names);
}

}  // namespace pgphase::conninfo
