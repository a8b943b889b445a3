#include "phases/catalogue/snapshot.hpp"

#include <fmt/format.h>

#include <tuple>

#include "phases/catalogue/family.hpp"
#include "phases/catalogue/row_sums.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

using Clock = std::chrono::steady_clock;
using Address = std::tuple<std::string, std::string, std::string>;  // class, oid, sub id: as in pg_depend

// Runs the queries under one deadline for all of them.
class Looking {
 public:
  Looking(Session& session, std::chrono::milliseconds time) : session_(session), until_(Clock::now() + time) {}

  Result<Rows> look(std::string_view sql) {
    // 0 would mean no limit.
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until_ - Clock::now());
    auto rows = session_.script(
        fmt::format("{};{}{}", set_local_ms("statement_timeout", std::max(left, k_least)), k_common, sql));
    if (rows) return rows;
    auto error = rows.error();
    error.statement = sql;
    return error;
  }

 private:
  static constexpr std::chrono::milliseconds k_least{1};
  Session& session_;
  Clock::time_point until_;
};

Result<std::map<CatalogueObject, Facts>> objects_of(Session& session, std::chrono::milliseconds time) {
  Looking looking(session, time);
  std::map<CatalogueObject, Facts> objects;
  std::map<Address, Facts*> at;
  for (const auto& family : families(session.server_version())) {
    PGPHASE_TRY(rows, looking.look(family.sql));
    for (const auto& row : rows) {
      auto& facts = objects[{row.text(3), row.text(4)}];
      at[{row.text(0), row.text(1), row.text(2)}] = &facts;
      for (std::size_t i = 0; i < family.facts.size(); ++i) {
        if (!row.is_null(5 + i)) facts.emplace(family.facts[i], row.text(5 + i));
      }
    }
  }
  for (const auto sql : notes(session.server_version())) {
    PGPHASE_TRY(rows, looking.look(sql));
    for (const auto& row : rows) {
      const auto found = at.find({row.text(0), row.text(1), row.text(2)});
      if (found != at.end()) found->second->emplace(row.text(3), row.text(4));
    }
  }
  return objects;
}

Result<Snapshot> look_once(Session& session, const SnapshotOptions& options) {
  // search_path: the definitions that the server prints must have every name qualified, whoever asks. jit: compiling
  // these queries takes longer than running them.
  auto transaction =
      Transaction::begin(session, "catalogue.snapshot",
                         "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                         "SET LOCAL search_path = ''; SET LOCAL lock_timeout = '2s'; SET LOCAL jit = off;");
  if (!transaction) return transaction.error();
  Snapshot snapshot;
  PGPHASE_TRY(objects, objects_of(session, options.time));
  snapshot.objects = std::move(objects);
  if (options.rows) {
    PGPHASE_CHECK(session.query("SET LOCAL statement_timeout = 0"));
    PGPHASE_TRY(sums, row_sums(session, options.values_left_out));
    snapshot.rows = std::move(sums);
    PGPHASE_TRY(positions, sequence_positions(session));
    snapshot.sequences = std::move(positions);
  }
  return snapshot;
}

// The server's functions that print definitions look at the catalogue as it is now: what was dropped since the
// transaction began is a failed cache lookup (XX000) or an undefined object (class 42).
bool something_was_dropped(const Error& error) {
  return error.code == Errc::sql && (error.sqlstate == "XX000" || error.sqlstate.starts_with("42")) &&
         error.sqlstate != sqlstate::insufficient_privilege;
}

}  // namespace

Result<Snapshot> take_snapshot(Session& session, const SnapshotOptions& options) {
  auto snapshot = look_once(session, options);
  if (!snapshot && something_was_dropped(snapshot.error())) snapshot = look_once(session, options);
  if (snapshot || snapshot.error().code != Errc::sql) return snapshot;
  auto error = snapshot.error();
  error.message = fmt::format("the catalogue of {} cannot be read: {}", session.target(), error.message);
  error.next = "Nothing was changed.";
  return error;
}

}  // namespace pgphase
