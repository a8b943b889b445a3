#include "phases/branch/template_database.hpp"

#include <fmt/format.h>

#include "phases/branch/branch_session.hpp"
#include "phases/ledger/lease.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_maintenance_database = "postgres";

}  // namespace

Result<std::unique_ptr<Session>> maintenance_session(const ConnInfo& source) {
  auto session = branch_session(source.with("dbname", k_maintenance_database));
  // A copy whose client was killed ends within a second, rather than when it is done.
  if (session) PGPHASE_CHECK((*session)->query("SET client_connection_check_interval = '1s'"));
  return session;
}

Result<bool> try_lock_branch(Session& session, const std::string& name) {
  PGPHASE_TRY(locked, session.query("SELECT pg_try_advisory_lock($1::int, hashtext($2))",
                                    {std::to_string(k_lock_space), name}));
  return locked[0].boolean(0);
}

Result<void> drop_branch(Session& session, const std::string& name) {
  // Takes ACCESS EXCLUSIVE on nothing but the branch itself; FORCE ends sessions that a killed run left on it.
  auto dropped = session.query(fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_ident(name)));
  if (dropped) return {};
  auto error = dropped.error();
  error.message = fmt::format("the branch {} could not be dropped: {}", name, error.message);
  error.next = fmt::format("It takes up space until `pgphase rehearse --clean` or DROP DATABASE {} removes it.", name);
  return error;
}

}  // namespace pgphase
