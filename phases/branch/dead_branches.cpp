// What killed rehearsals have left behind, found and removed.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "phases/branch/branch.hpp"
#include "phases/branch/template_database.hpp"
#include "phases/postgres/server.hpp"

namespace pgphase {
namespace {

// A killed client's session holds its lock until the server has seen the closed connection: at once where it is idle,
// within the second of maintenance_session where it is still copying. Whoever is there after this lives.
constexpr std::chrono::milliseconds k_until_the_dead_are_gone{2'500};
constexpr std::chrono::milliseconds k_look_again{50};

Result<std::vector<std::string>> branches_on(Session& session) {
  PGPHASE_TRY(found,
              session.query("SELECT datname FROM pg_database WHERE datname ~ $1 AND datconnlimit = $2::int "
                            "ORDER BY 1",
                            {fmt::format("^{}.*_[0-9a-f]{{8}}$", k_branch_prefix), std::to_string(k_branch_mark)}));
  std::vector<std::string> names;
  for (const auto& row : found) names.push_back(row.text(0));
  return names;
}

// A branch that is being copied is no database yet that anybody could see. Its name may need quotes.
Result<bool> somebody_copies(Session& session) {
  PGPHASE_TRY(found, session.query("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND pid <> "
                                   "pg_backend_pid() AND query ~ $1)",
                                   {fmt::format("^CREATE DATABASE \"?{}", k_branch_prefix)}));
  return found[0].boolean(0);
}

// True while some are at work, or may be: what dies at this moment cannot be told from what lives.
Result<bool> remove_databases(Session& session, std::vector<std::string>& removed) {
  PGPHASE_TRY(at_work, somebody_copies(session));  // before the look: what it has made by then is seen
  PGPHASE_TRY(names, branches_on(session));
  for (const auto& name : names) {
    PGPHASE_TRY(free, try_lock_branch(session, name));
    if (free) {
      PGPHASE_CHECK(drop_branch(session, name));
      removed.push_back(name);
    } else {
      at_work = true;
    }
  }
  return at_work;
}

}  // namespace

Result<std::vector<std::string>> remove_dead_branches(const std::optional<ConnInfo>& source) {
  const auto until = std::chrono::steady_clock::now() + k_until_the_dead_are_gone;
  std::vector<std::string> removed;
  std::unique_ptr<Session> session;
  if (source) {
    PGPHASE_TRY(opened, maintenance_session(*source));
    session = std::move(opened);
  }
  for (;;) {
    const auto swept = sweep_dead_servers();
    removed.insert(removed.end(), swept.removed.begin(), swept.removed.end());
    bool at_work = swept.some_in_use;
    if (session) {
      PGPHASE_TRY(databases, remove_databases(*session, removed));
      at_work = at_work || databases;
    }
    if (!at_work || std::chrono::steady_clock::now() >= until) return removed;
    std::this_thread::sleep_for(k_look_again);
  }
}

}  // namespace pgphase
