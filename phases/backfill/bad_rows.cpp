#include "phases/backfill/bad_rows.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr const char* k_this_step = "plan = $1 AND phase = $2 AND step = $3";

Result<void> run(Session& session, const std::string& sql, const Params& params) {
  if (auto done = session.query(sql, params); !done) return done.error();
  return {};
}

}  // namespace

Params BadRows::with_key(Params more) const {
  Params all{key_.plan.value, to_string(key_.phase), key_.step};
  for (auto& param : more) all.push_back(std::move(param));
  return all;
}

Result<std::int64_t> BadRows::count(Session& session) const {
  PGPHASE_TRY(rows,
              session.query(fmt::format("SELECT count(*) FROM pgphase.bad_row WHERE {}", k_this_step), with_key()));
  return rows[0].integer(0);
}

Result<std::int64_t> BadRows::newest(Session& session) const {
  PGPHASE_TRY(rows, session.query(fmt::format("SELECT coalesce(max(id), 0) FROM pgphase.bad_row WHERE {}", k_this_step),
                                  with_key()));
  return rows[0].integer(0);
}

Result<std::vector<std::string>> BadRows::addresses(Session& session, std::int64_t relation, PageRange pages) const {
  PGPHASE_TRY(rows,
              session.query(fmt::format("SELECT address::text FROM pgphase.bad_row WHERE {} AND relation = $4::oid "
                                        "AND address >= '({},0)' AND address < '({},0)' ORDER BY address",
                                        k_this_step, pages.begin, pages.end),
                            with_key({std::to_string(relation)})));
  std::vector<std::string> out;
  for (const auto& row : rows) out.push_back(row.text(0));
  return out;
}

Result<std::vector<PassedOver>> BadRows::next(Session& session, std::int64_t after, int most) const {
  PGPHASE_TRY(rows,
              session.query(fmt::format("SELECT b.id, b.relation, CASE WHEN l.oid IS NOT NULL THEN format('%I.%I', "
                                        "       n.nspname, r.relname) END, b.address::text, b.key, b.error "
                                        "  FROM pgphase.bad_row b LEFT JOIN pg_class r ON r.oid = b.relation "
                                        "  LEFT JOIN pg_namespace n ON n.oid = r.relnamespace "
                                        "  LEFT JOIN {} l ON l.oid = b.relation "
                                        " WHERE {} AND b.id > $4::bigint ORDER BY b.id LIMIT {}",
                                        leaves_of(table_), k_this_step, most),
                            with_key({std::to_string(after)})));
  std::vector<PassedOver> out;
  for (const auto& row : rows) {
    out.push_back({row.integer(0), row.integer(1), row.text(2), row.text(3), row.text(4), row.text(5)});
  }
  return out;
}

std::string BadRows::as_query() const {
  return fmt::format("SELECT relation, address FROM pgphase.bad_row WHERE plan = {} AND phase = {} AND step = {}",
                     quote_literal(key_.plan.value), quote_literal(to_string(key_.phase)), quote_literal(key_.step));
}

Result<bool> BadRows::record(Session& session, const Fence& fence, const Chunk& chunk, const BadRow& bad,
                             std::int64_t most) const {
  auto transaction = begin_fenced(session, fence, "backfill.pass_over");
  if (!transaction) return transaction.error();
  // One after another: two workers that count the same rows would both find room for one more.
  PGPHASE_CHECK(run(session, fmt::format("SELECT FROM pgphase.backfill WHERE {} FOR UPDATE", k_this_step), with_key()));
  PGPHASE_CHECK(
      run(session,
          "INSERT INTO pgphase.bad_row (plan, phase, step, relation, address, key, error, sqlstate) "
          "VALUES ($1, $2, $3, $4::oid, $5::tid, $6, $7, $8) ON CONFLICT (plan, phase, step, relation, address) "
          "DO UPDATE SET key = EXCLUDED.key, error = EXCLUDED.error, sqlstate = EXCLUDED.sqlstate",
          with_key({std::to_string(chunk.relation), bad.address, bad.key, bad.error.message, bad.error.sqlstate})));
  PGPHASE_TRY(recorded, count(session));
  if (recorded > most) {
    PGPHASE_CHECK(forget_moved(session, chunk));
    PGPHASE_TRY(still_there, count(session));
    if (still_there > most) return false;
  }
  PGPHASE_CHECK(transaction->commit());
  return true;
}

// Nothing of the author's is evaluated, and only the pages of these rows are read.
Result<void> BadRows::forget_moved(Session& session, const Chunk& chunk) const {
  return run(session,
             fmt::format("DELETE FROM pgphase.bad_row WHERE {0} AND relation = $4::oid AND address NOT IN ("
                         "SELECT t.ctid FROM ONLY {1} t WHERE t.ctid = ANY (ARRAY(SELECT address FROM pgphase.bad_row "
                         " WHERE {0} AND relation = $4::oid)))",
                         k_this_step, chunk.leaf),
             with_key({std::to_string(chunk.relation)}));
}

Result<Alone> BadRows::set_alone(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits,
                                 const PassedOver& row) const {
  using Clock = std::chrono::steady_clock;
  auto began = Clock::now();
  const auto failed = [&](const Error& error) -> Result<Alone> {
    BatchOutcome outcome;
    outcome.elapsed = Clock::now() - began;
    PGPHASE_TRY(means, outcome_of(error, outcome, limits));
    return Alone{means.kind == BatchOutcome::Kind::bad_data ? Alone::Kind::refused : Alone::Kind::held, error};
  };
  auto transaction = begin_batch(session, fence, "backfill.row_alone", limits);
  if (!transaction) return failed(transaction.error());
  Alone alone;
  if (!row.leaf.empty()) {
    began = Clock::now();
    const auto updated = session.query(sql.update(row.leaf, Part(std::vector{row.address})));
    if (!updated) return failed(updated.error());
    if ((*updated)[0].integer(1) > 0) {
      return Alone{Alone::Kind::refused, make_error(Errc::step_failed, "it counts as not done after it was set")};
    }
    if ((*updated)[0].integer(0) > 0) alone.kind = Alone::Kind::set;
  }
  began = Clock::now();
  if (alone.kind == Alone::Kind::set) {
    const auto counted =
        run(session, fmt::format("UPDATE pgphase.backfill SET swept_rows = swept_rows + 1 WHERE {}", k_this_step),
            with_key());
    if (!counted) return failed(counted.error());
  }
  began = Clock::now();
  const auto taken =
      run(session,
          fmt::format("DELETE FROM pgphase.bad_row WHERE {} AND relation = $4::oid AND address = $5::tid", k_this_step),
          with_key({std::to_string(row.relation), row.address}));
  if (!taken) return failed(taken.error());
  began = Clock::now();
  if (auto committed = transaction->commit(); !committed) return failed(committed.error());
  return alone;
}

}  // namespace pgphase
