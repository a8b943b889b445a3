#include "phases/branch/foreign_servers.hpp"

#include "phases/branch/branch_session.hpp"

namespace pgphase {

Result<void> cut_off(const ConnInfo& branch) {
  PGPHASE_TRY(session, branch_session(branch));
  PGPHASE_TRY(mappings, session->query("SELECT format('DROP USER MAPPING FOR %s SERVER %I', CASE umuser WHEN 0 THEN "
                                       "'PUBLIC' ELSE quote_ident(usename) END, srvname) FROM pg_user_mappings"));
  for (const auto& mapping : mappings) {
    auto dropped = session->query(mapping.text(0));
    if (dropped) continue;
    auto error = dropped.error();
    error.code = Errc::refused;
    error.message = "the branch cannot be cut off from its foreign servers: " + error.message;
    error.next = "The branch is removed. Rehearse as a role that may drop its user mappings.";
    return error;
  }
  return {};
}

}  // namespace pgphase
