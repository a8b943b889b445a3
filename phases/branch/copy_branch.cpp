#include <fmt/format.h>

#include "phases/branch/branch_session.hpp"
#include "phases/branch/clients.hpp"
#include "phases/branch/foreign_servers.hpp"
#include "phases/branch/private_server.hpp"
#include "phases/branch/sample.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Owners and grants name roles. They hold no secret, and nobody can log in as one.
Result<void> copy_roles(Session& from, Session& to) {
  PGPHASE_TRY(roles,
              from.query("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1"));
  for (const auto& role : roles) {
    PGPHASE_CHECK(to.query(fmt::format("CREATE ROLE {} NOLOGIN", quote_ident(role.text(0)))));
  }
  return {};
}

// All that is copied is of one moment. Takes no lock; the snapshot lives as long as the session's transaction.
Result<std::string> one_moment(Session& from) {
  PGPHASE_CHECK(
      from.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                  "SET LOCAL idle_in_transaction_session_timeout = 0"));
  PGPHASE_TRY(rows, from.query("SELECT pg_export_snapshot()"));
  return rows[0].text(0);
}

class Copying {
 public:
  Copying(const ConnInfo& source, const ConnInfo& branch, ClientPrograms clients, std::string moment)
      : source_(source), branch_(branch), clients_(std::move(clients)), moment_(std::move(moment)) {}

  // ACCESS SHARE on every table, for as long as pg_dump runs; it gives up after 10 s of waiting for one.
  Result<void> dump(const std::string& what) const {
    return pipe({clients_.pg_dump,
                 {"--no-password", "--no-subscriptions", "--lock-wait-timeout=10s", "--snapshot=" + moment_, what},
                 source_,
                 {}},
                load());
  }

  // What the script prints is a script again.
  Result<void> transfer(const std::string& script) const {
    return pipe({clients_.psql,
                 {"--no-psqlrc", "--no-password", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1",
                  "--file=-"},
                 source_,
                 fmt::format("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\nSET TRANSACTION SNAPSHOT {};\n"
                             "SET LOCAL lock_timeout = '10s';\n{}",
                             quote_literal(moment_), script)},
                load());
  }

 private:
  ClientCall load() const {
    return {clients_.psql, {"--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"}, branch_, {}};
  }

  const ConnInfo& source_;
  const ConnInfo& branch_;
  ClientPrograms clients_;
  std::string moment_;
};

// The rows come between the tables and what checks them: foreign keys hold again once the sample has what it refers to.
Result<void> copy_sample(const Copying& copying, Session& from, Session& to, int most_rows) {
  PGPHASE_CHECK(copying.dump("--section=pre-data"));
  PGPHASE_TRY(sample, Sample::of(from, most_rows));
  PGPHASE_CHECK(copying.transfer(sample.first()));
  for (;;) {
    PGPHASE_TRY(more, sample.referred_to(to));
    if (more.empty()) break;
    PGPHASE_CHECK(copying.transfer(more));
  }
  return copying.dump("--section=post-data");
}

}  // namespace

Result<std::unique_ptr<Branch>> branch_by_copy(const ConnInfo& source, std::optional<int> most_rows) {
  PGPHASE_TRY(from, branch_session(source));
  const int major = from->server_version() / 10000;
  PGPHASE_TRY(clients, find_clients(major));
  PGPHASE_TRY(like, from->query("SELECT format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(encoding), "
                                "datcollate, datctype) FROM pg_database WHERE datname = current_database()"));
  auto made = PrivateServerBranch::start(major, like[0].text(0));
  if (!made) return made.error();
  PGPHASE_TRY(to, branch_session((*made)->connection()));
  PGPHASE_CHECK(copy_roles(*from, *to));
  PGPHASE_TRY(moment, one_moment(*from));
  const Copying copying(source, (*made)->connection(), clients, moment);
  if (most_rows) {
    PGPHASE_CHECK(copy_sample(copying, *from, *to, *most_rows));
  } else {
    PGPHASE_CHECK(copying.dump("--format=plain"));
  }
  PGPHASE_CHECK(cut_off((*made)->connection()));
  PGPHASE_CHECK(to->query("ANALYZE"));
  (*made)->describe(most_rows ? fmt::format("a sample of {} (at most {} rows of a table, and those that they refer to)",
                                            source.display(), human_count(*most_rows))
                              : "a copy of " + source.display());
  return std::unique_ptr<Branch>(std::move(*made));
}

}  // namespace pgphase
