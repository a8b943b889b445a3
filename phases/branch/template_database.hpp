// Databases made as branches on their source's own server: how they are known, locked and dropped. Internal to
// phases/branch. Blocking; same threading as the Session.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "phases/postgres/conninfo.hpp"
#include "phases/postgres/session.hpp"

namespace pgphase {

// A branch is known by its name; whoever works on it holds an advisory lock on that name in the maintenance database
// (advisory locks are a database's own).
inline constexpr std::string_view k_branch_prefix = "pgphase_rehearsal_";
// Its mark, there from the first moment on: a name alone anybody may give. A limit that is never reached.
inline constexpr int k_branch_mark = 1'804'289'383;

// To the maintenance database of the source's server.
Result<std::unique_ptr<Session>> maintenance_session(const ConnInfo& source);

// For as long as the session lives. False: somebody works on it.
Result<bool> try_lock_branch(Session& session, const std::string& name);

Result<void> drop_branch(Session& session, const std::string& name);

}  // namespace pgphase
