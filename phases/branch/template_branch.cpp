#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "phases/branch/branch.hpp"
#include "phases/branch/branch_session.hpp"
#include "phases/branch/foreign_servers.hpp"
#include "phases/ledger/lease.hpp"
#include "phases/postgres/server.hpp"
#include "phases/postgres/session.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// A branch is known by its name; whoever works on it holds an advisory lock on that name in the maintenance database
// (advisory locks are a database's own).
constexpr std::string_view k_prefix = "pgphase_rehearsal_";
constexpr const char* k_maintenance_database = "postgres";
constexpr const char* k_object_in_use = "55006";
// The mark of a branch, there from the first moment on: a name alone anybody may give. A limit that is never reached.
constexpr int k_mark = 1'804'289'383;

// With as much of the source's name as fits, for whoever lists the databases.
std::string new_name(std::string_view source) {
  constexpr std::size_t k_enough = 28;
  auto end = std::min(source.size(), k_enough);
  const auto within_a_letter = [&] {
    return end < source.size() && (static_cast<unsigned char>(source[end]) & 0xc0U) == 0x80U;
  };
  while (end > 0 && within_a_letter()) --end;
  std::random_device random;
  return fmt::format("{}{}_{:08x}", k_prefix, source.substr(0, end), random());
}

Result<std::unique_ptr<Session>> maintenance_session(const ConnInfo& source) {
  auto session = branch_session(source.with("dbname", k_maintenance_database));
  // A copy whose client was killed ends within a second, rather than when it is done.
  if (session) PGPHASE_CHECK((*session)->query("SET client_connection_check_interval = '1s'"));
  return session;
}

Result<bool> try_lock_name(Session& session, const std::string& name) {
  PGPHASE_TRY(locked, session.query("SELECT pg_try_advisory_lock($1::int, hashtext($2))",
                                    {std::to_string(k_lock_space), name}));
  return locked[0].boolean(0);
}

Result<void> drop(Session& session, const std::string& name) {
  // Takes ACCESS EXCLUSIVE on nothing but the branch itself; FORCE ends sessions that a killed run left on it.
  auto dropped = session.query(fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_ident(name)));
  if (dropped) return {};
  auto error = dropped.error();
  error.message = fmt::format("the branch {} could not be dropped: {}", name, error.message);
  error.next = fmt::format("It takes up space until `pgphase rehearse --clean` or DROP DATABASE {} removes it.", name);
  return error;
}

Error not_possible(const Error& error, const ConnInfo& source) {
  if (error.sqlstate == k_object_in_use) {
    return make_error(Errc::refused,
                      fmt::format("{} cannot be a template now: others are connected to it", source.display()),
                      "Nothing was made. `--branch copy` copies it into a private server while it is in use.");
  }
  if (error.sqlstate == sqlstate::insufficient_privilege) {
    return make_error(Errc::refused,
                      fmt::format("this role may not make a branch of {}: {}", source.display(), error.message),
                      "Nothing was made. Give it CREATEDB and the ownership of the database, or take `--branch copy`.");
  }
  return error;
}

class TemplateBranch final : public Branch {
 public:
  TemplateBranch(std::unique_ptr<Session> session, const ConnInfo& source, std::string name)
      : session_(std::move(session)),
        name_(std::move(name)),
        connection_(source.with("dbname", name_)),
        description_(fmt::format("a copy of {}, made on the same server as {}", source.display(), name_)) {}
  ~TemplateBranch() override {
    if (auto removed = remove(); !removed) fmt::print(stderr, "{}\n", removed.error().text());
  }

  const ConnInfo& connection() const override { return connection_; }
  std::string description() const override { return description_; }
  Result<void> remove() override {
    if (removed_) return {};
    if (session_->lost()) {
      PGPHASE_TRY(again, maintenance_session(connection_));
      session_ = std::move(again);
    }
    PGPHASE_CHECK(drop(*session_, name_));
    removed_ = true;
    return {};
  }

 private:
  std::unique_ptr<Session> session_;  // holds the lock on the name
  std::string name_;
  ConnInfo connection_;
  std::string description_;
  bool removed_ = false;
};

}  // namespace

Result<std::unique_ptr<Branch>> branch_by_template(const ConnInfo& source, std::optional<std::int64_t> most_bytes) {
  PGPHASE_TRY(session, maintenance_session(source));
  PGPHASE_TRY(size, session->query("SELECT pg_database_size($1::name)", {std::string(source.get("dbname"))}));
  if (most_bytes && size[0].integer(0) > *most_bytes) {
    return make_error(Errc::refused,
                      fmt::format("{} holds {}: nobody could connect to it while the server copies that",
                                  source.display(), human_bytes(size[0].integer(0))),
                      "Nothing was made. `--branch template` does it nevertheless.");
  }
  const auto name = new_name(source.get("dbname"));
  PGPHASE_TRY(locked, try_lock_name(*session, name));
  if (!locked) return make_error(Errc::bug, fmt::format("somebody else works on the new branch {}", name));
  auto made = session->query(fmt::format("CREATE DATABASE {} TEMPLATE {} CONNECTION LIMIT {}", quote_ident(name),
                                         quote_ident(std::string(source.get("dbname"))), k_mark));
  if (!made) return not_possible(made.error(), source);
  auto branch = std::make_unique<TemplateBranch>(std::move(session), source, name);
  PGPHASE_CHECK(cut_off(branch->connection()));
  return std::unique_ptr<Branch>(std::move(branch));
}

namespace {

// A killed client's session holds its lock until the server has seen the closed connection: at once where it is idle,
// within the second of maintenance_session where it is still copying. Whoever is there after this lives.
constexpr std::chrono::milliseconds k_until_the_dead_are_gone{2'500};
constexpr std::chrono::milliseconds k_look_again{50};

Result<std::vector<std::string>> branches_on(Session& session) {
  PGPHASE_TRY(found, session.query("SELECT datname FROM pg_database WHERE datname ~ $1 AND datconnlimit = $2::int "
                                   "ORDER BY 1",
                                   {fmt::format("^{}.*_[0-9a-f]{{8}}$", k_prefix), std::to_string(k_mark)}));
  std::vector<std::string> names;
  for (const auto& row : found) names.push_back(row.text(0));
  return names;
}

// A branch that is being copied is no database yet that anybody could see.
Result<bool> somebody_copies(Session& session) {
  PGPHASE_TRY(found, session.query("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND pid <> "
                                   "pg_backend_pid() AND starts_with(query, $1))",
                                   {fmt::format("CREATE DATABASE {}", k_prefix)}));
  return found[0].boolean(0);
}

// True while some are at work, or may be: what dies at this moment cannot be told from what lives.
Result<bool> remove_databases(Session& session, std::vector<std::string>& removed) {
  PGPHASE_TRY(at_work, somebody_copies(session));  // before the look: what it has made by then is seen
  PGPHASE_TRY(names, branches_on(session));
  for (const auto& name : names) {
    PGPHASE_TRY(free, try_lock_name(session, name));
    if (free) {
      PGPHASE_CHECK(drop(session, name));
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
  for (;;) {
    const auto swept = sweep_dead_servers();
    removed.insert(removed.end(), swept.removed.begin(), swept.removed.end());
    bool at_work = swept.some_in_use;
    if (source && !session) {
      PGPHASE_TRY(opened, maintenance_session(*source));
      session = std::move(opened);
    }
    if (session) {
      PGPHASE_TRY(databases, remove_databases(*session, removed));
      at_work = at_work || databases;
    }
    if (!at_work || std::chrono::steady_clock::now() >= until) return removed;
    std::this_thread::sleep_for(k_look_again);
  }
}

}  // namespace pgphase
