// A disposable database to try plans on: made, used, deleted. Three ways to make one, one interface.
//
// The source is only read. What is left of a branch after a kill is found and removed by remove_dead_branches().
// Blocking; one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/conninfo.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

class Branch {
 public:
  virtual ~Branch() = default;  // removes it, if remove() was not called
  Branch(const Branch&) = delete;
  Branch& operator=(const Branch&) = delete;

  virtual const ConnInfo& connection() const = 0;  // may hold a password
  virtual std::string description() const = 0;     // "a copy of app on db:5432, made there as pgphase_rehearsal_…"
  // Deletes the database. An Error says what is left and how to remove it. Harmless to repeat.
  virtual Result<void> remove() = 0;

 protected:
  Branch() = default;
};

// CREATE DATABASE … TEMPLATE on the source's own server: exact, and quick for small databases. Nobody can connect to
// the source meanwhile. Errc::refused when others are connected to it, when it holds more than `most_bytes`, or the
// role may not create databases.
Result<std::unique_ptr<Branch>> branch_by_template(const ConnInfo& source, std::optional<std::int64_t> most_bytes = {});

// Schema, roles' names and rows into a private server on this machine, with pg_dump and psql of at least the source's
// version; all of one moment. `most_rows`: so many of each table at most, and those that they refer to. Subscriptions
// stay behind: dropping one would drop the publisher's slot. Errc::refused when the programs are not installed.
Result<std::unique_ptr<Branch>> branch_by_copy(const ConnInfo& source, std::optional<int> most_rows = {});

// An empty database on a private server.
Result<std::unique_ptr<Branch>> empty_branch();

// A database that somebody has said is disposable: used as it is, and not removed.
std::unique_ptr<Branch> disposable_database(ConnInfo connection);

// Removes branches whose process is gone: databases on the source's server (their names come back), and private servers
// (their folders). Waits up to 2.5 s for what a kill a moment ago has not ended yet. Without a source: servers only.
Result<std::vector<std::string>> remove_dead_branches(const std::optional<ConnInfo>& source);

}  // namespace pgphase
