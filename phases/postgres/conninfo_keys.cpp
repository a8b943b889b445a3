#include "phases/postgres/conninfo_keys.hpp"

#include <algorithm>
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

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

Key find_key(std::string_view name) {
  for (const Key& key : k_keys) {
    if (key.name == name) return key;
  }
  return {name, unknown};
}

std::string_view nearest_key(std::string_view name) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const Key& key : k_keys) {
    const std::size_t distance = edit_distance(name, key.name);
    if (distance >= least) continue;
    least = distance;
    best = key.name;
  }
  return best;
}

}  // namespace pgphase::conninfo
