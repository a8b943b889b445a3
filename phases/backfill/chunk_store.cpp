#include "phases/backfill/chunk_store.hpp"

#include <fmt/format.h>

namespace pgphase {
namespace {

constexpr std::int64_t k_sweep_chunk_pages = 65536;  // a sweep passes over most pages without a change

constexpr std::int64_t k_whole_leaf = std::int64_t{1} << 32;  // no relation has more pages

constexpr const char* k_this_step = "plan = $1 AND phase = $2 AND step = $3";

std::optional<Stage> stage_named(std::string_view name) {
  for (const auto stage : {Stage::prepare, Stage::scan, Stage::sweep, Stage::cleanup, Stage::done}) {
    if (name == to_string(stage)) return stage;
  }
  return std::nullopt;
}

Result<void> run(Session& session, const std::string& sql, const Params& params) {
  if (auto done = session.query(sql, params); !done) return done.error();
  return {};
}

}  // namespace

const char* to_string(Stage stage) {
  switch (stage) {
    case Stage::prepare:
      return "prepare";
    case Stage::scan:
      return "scan";
    case Stage::sweep:
      return "sweep";
    case Stage::cleanup:
      return "cleanup";
    case Stage::done:
      return "done";
  }
  return "?";
}

Chunk Chunk::moved_to(std::int64_t page) const {
  Chunk next = *this;
  next.position = page;
  if (page < end_page) return next;
  if (stripe + 1 < stripes) {
    next.stripe = stripe + 1;
    next.position = first_page;
  } else {
    next.done = true;
  }
  return next;
}

Params ChunkStore::with_key(Params more) const {
  Params all{key_.plan.value, to_string(key_.phase), key_.step};
  for (auto& param : more) all.push_back(std::move(param));
  return all;
}

Result<std::optional<BackfillRow>> ChunkStore::load(Session& session) const {
  PGPHASE_TRY(rows, session.query(fmt::format("SELECT stage, todo, coalesce(marker, ''), sweep_pass, scan "
                                              "FROM pgphase.backfill WHERE {}",
                                              k_this_step),
                                  with_key()));
  if (rows.empty()) return std::optional<BackfillRow>();
  const auto stage = stage_named(rows[0].text(0));
  const auto todo = todo_named(rows[0].text(1));
  const auto scan = scan_named(rows[0].text(4));
  if (!stage || !todo || !scan) {
    return make_error(Errc::refused,
                      fmt::format("the ledger holds a backfill of kind \"{}\" at stage \"{}\", which this "
                                  "pgphase does not know",
                                  rows[0].text(1), rows[0].text(0)),
                      "Nothing was changed. Use the pgphase that began it.");
  }
  return std::optional(BackfillRow{*stage, *todo, rows[0].text(2), static_cast<int>(rows[0].integer(3)), *scan});
}

Result<bool> ChunkStore::any_left(Session& session, int pass) const {
  PGPHASE_TRY(left, session.query(fmt::format("SELECT EXISTS (SELECT FROM pgphase.chunk WHERE {} AND pass = $4::int "
                                              "AND NOT done)",
                                              k_this_step),
                                  with_key({std::to_string(pass)})));
  return left[0].boolean(0);
}

Result<std::optional<Chunk>> ChunkStore::claim(Session& session, const Fence& fence, int pass, int stripes) const {
  // What was claimed under an earlier lease is free: the fence keeps its worker from writing. Start times of other roles'
  // sessions are hidden from some; a process id alone then has to do.
  PGPHASE_TRY(
      rows,
      session.query(
          fmt::format(
              "WITH claimed AS (UPDATE pgphase.chunk SET worker_pid = pg_backend_pid(), worker_started = $5::timestamptz, "
              "         touched_at = clock_timestamp(), token = $7::bigint, "
              "         stripes = CASE WHEN stripe = 0 AND position = first_page THEN $6::int ELSE stripes END "
              "   WHERE id = (SELECT id FROM pgphase.chunk WHERE {1} AND pass = $4::int AND NOT done "
              "                  AND (worker_pid IS NULL OR worker_pid = pg_backend_pid() OR token <> $7::bigint "
              "                       OR touched_at < clock_timestamp() - interval '{2} s' "
              "                       OR NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = worker_pid "
              "                                      AND coalesce(a.backend_start = worker_started, true))) "
              "                ORDER BY worker_pid IS NOT DISTINCT FROM pg_backend_pid() DESC, id "
              "                LIMIT 1 FOR UPDATE SKIP LOCKED) "
              "  RETURNING *) "
              "SELECT c.id, c.relation, c.first_page, c.end_page, c.position, c.stripe, c.stripes, "
              "       CASE WHEN l.oid IS NOT NULL THEN format('%I.%I', n.nspname, r.relname) END, "
              "       pg_relation_filenode(c.relation) IS DISTINCT FROM c.filenode "
              "  FROM claimed c LEFT JOIN pg_class r ON r.oid = c.relation "
              "  LEFT JOIN pg_namespace n ON n.oid = r.relnamespace LEFT JOIN {0} l ON l.oid = c.relation",
              leaves_of(table_), k_this_step, k_claim_stale.count()),
          with_key({std::to_string(pass), session.backend().started, std::to_string(stripes), std::to_string(fence.token)})));
  if (rows.empty()) return std::optional<Chunk>();
  const auto& row = rows[0];
  Chunk chunk;
  chunk.id = row.integer(0);
  chunk.relation = row.integer(1);
  chunk.first_page = row.integer(2);
  chunk.end_page = row.integer(3);
  chunk.position = row.integer(4);
  chunk.stripe = static_cast<int>(row.integer(5));
  chunk.stripes = static_cast<int>(row.integer(6));
  chunk.leaf = row.text(7);
  chunk.rewritten = row.boolean(8);
  return std::optional(std::move(chunk));
}

Result<std::int64_t> ChunkStore::rows_of_pass(Session& session, int pass) const {
  PGPHASE_TRY(
      sum, session.query(
               fmt::format("SELECT coalesce(sum(rows), 0) FROM pgphase.chunk WHERE {} AND pass = $4::int", k_this_step),
               with_key({std::to_string(pass)})));
  return sum[0].integer(0);
}

Result<void> ChunkStore::begin(Session& session, const BackfillRow& row, std::int64_t rows_estimate) const {
  PGPHASE_CHECK(run(session,
                    "INSERT INTO pgphase.backfill (plan, phase, step, todo, marker, stage, rows_estimate, scan) "
                    "VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7::bigint, $8)",
                    with_key({to_string(row.todo), row.marker, to_string(row.stage), std::to_string(rows_estimate),
                              to_string(row.scan)})));
  return {};
}

Result<void> ChunkStore::enter(Session& session, Stage stage) const {
  return run(session, fmt::format("UPDATE pgphase.backfill SET stage = $4 WHERE {}", k_this_step),
             with_key({to_string(stage)}));
}

Result<void> ChunkStore::forget_marker(Session& session) const {
  return run(session, fmt::format("UPDATE pgphase.backfill SET marker = NULL WHERE {}", k_this_step), with_key());
}

Result<void> ChunkStore::start_pass(Session& session, int pass, int workers) const {
  // The scan's chunks stay: progress is told from them. A sweep's rows go into one sum.
  PGPHASE_CHECK(run(
      session,
      fmt::format(
          "WITH gone AS (DELETE FROM pgphase.chunk WHERE {0} AND pass > 0 RETURNING rows) "
          "UPDATE pgphase.backfill SET stage = $4, sweep_pass = $5::int, "
          "       swept_rows = swept_rows + coalesce((SELECT sum(rows) FROM gone), 0), "
          "       scan_done_at = CASE WHEN $5::int > 0 THEN coalesce(scan_done_at, clock_timestamp()) END WHERE {0}",
          k_this_step),
      with_key({to_string(pass == 0 ? Stage::scan : Stage::sweep), std::to_string(pass)})));
  PGPHASE_CHECK(add_chunks(session, pass, workers, std::nullopt));
  return pass == 0 ? count_pages(session) : Result<void>();
}

Result<void> ChunkStore::add_chunks(Session& session, int pass, int workers,
                                    std::optional<std::int64_t> only_leaf) const {
  const auto leaves = leaves_of(table_);
  auto pages = scan_ == Scan::index ? k_whole_leaf : k_sweep_chunk_pages;
  if (pass == 0 && scan_ != Scan::index) {
    PGPHASE_TRY(sizes, session.query(fmt::format(
                           "SELECT (SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers'), "
                           "       coalesce(sum(pg_relation_size(l.oid)) / current_setting('block_size')::bigint, 0) FROM {} l",
                           leaves)));
    pages = chunk_pages(sizes[0].integer(0), sizes[0].integer(1), workers);
  }
  return run(
      session,
      fmt::format(
          "INSERT INTO pgphase.chunk (plan, phase, step, pass, relation, filenode, first_page, end_page, position) "
          "SELECT $1, $2, $3, $4::int, l.oid, pg_relation_filenode(l.oid), b, least(b + $5::bigint, s.pages), b "
          "  FROM {} l, LATERAL (SELECT pg_relation_size(l.oid) / current_setting('block_size')::bigint AS pages) s, "
          "       generate_series(0::bigint, s.pages - 1, $5::bigint) b {} ORDER BY l.oid, b",
          leaves, only_leaf ? fmt::format("WHERE l.oid = {}", *only_leaf) : ""),
      with_key({std::to_string(pass), std::to_string(pages)}));
}

Result<void> ChunkStore::count_pages(Session& session) const {
  return run(session,
             fmt::format("UPDATE pgphase.backfill SET pages_total = (SELECT coalesce(sum(end_page - first_page), 0) "
                         "FROM pgphase.chunk "
                         "WHERE {0} AND pass = 0) WHERE {0}",
                         k_this_step),
             with_key());
}

std::string ChunkStore::question(const Chunk& chunk) {
  return fmt::format(
      "c.position = {} AND c.stripe = {} AND c.stripes = {} AND NOT c.done AND c.worker_pid = pg_backend_pid(), "
      "pg_relation_filenode(c.relation) IS NOT DISTINCT FROM c.filenode, pg_stat_get_xact_tuples_updated(c.relation), "
      "pg_stat_get_xact_tuples_hot_updated(c.relation) FROM pgphase.chunk c WHERE c.id = {} FOR UPDATE",
      chunk.position, chunk.stripe, chunk.stripes, chunk.id);
}

Claim ChunkStore::answer(const Rows& rows, HotCount& before) {
  if (rows.empty() || !rows[0].boolean(1)) return Claim::moved;
  before = {rows[0].integer(3), rows[0].integer(4)};
  return rows[0].boolean(2) ? Claim::held : Claim::rewritten;
}

Result<HotCount> ChunkStore::move(Session& session, const Chunk& to, std::int64_t rows, const Fence& fence) const {
  PGPHASE_TRY(
      moved,
      session.query(
          "UPDATE pgphase.chunk SET stripe = $2::int, position = $3::bigint, rows = rows + $4::bigint, "
          "token = $5::bigint, done = $6::boolean, touched_at = clock_timestamp() WHERE id = $1::bigint "
          "RETURNING pg_stat_get_xact_tuples_updated(relation), pg_stat_get_xact_tuples_hot_updated(relation)",
          {std::to_string(to.id), std::to_string(to.stripe), std::to_string(to.position), std::to_string(rows),
           std::to_string(fence.token), to.done ? "true" : "false"}));
  if (moved.empty()) return make_error(Errc::bug, "a chunk that is locked is gone");
  return HotCount{moved[0].integer(0), moved[0].integer(1)};
}

Result<bool> ChunkStore::replace_leaf(Session& session, std::int64_t relation, int pass, int workers) const {
  // Several workers find it out, and one of them begins anew.
  PGPHASE_CHECK(run(session, fmt::format("SELECT FROM pgphase.backfill WHERE {} FOR UPDATE", k_this_step), with_key()));
  PGPHASE_TRY(old, session.query(fmt::format("SELECT EXISTS (SELECT FROM pgphase.chunk WHERE {} AND pass = $4::int AND "
                                             "relation = $5::oid AND filenode IS DISTINCT FROM "
                                             "pg_relation_filenode(relation))",
                                             k_this_step),
                                 with_key({std::to_string(pass), std::to_string(relation)})));
  if (!old[0].boolean(0)) return false;
  PGPHASE_CHECK(run(
      session,
      fmt::format(
          "WITH gone AS (DELETE FROM pgphase.chunk WHERE {0} AND pass = $4::int AND relation = $5::oid RETURNING rows) "
          "UPDATE pgphase.backfill SET swept_rows = swept_rows + coalesce((SELECT sum(rows) FROM gone), 0) WHERE {0}",
          k_this_step),
      with_key({std::to_string(pass), std::to_string(relation)})));
  // Its rows have other addresses now.
  PGPHASE_CHECK(run(session, fmt::format("DELETE FROM pgphase.bad_row WHERE {} AND relation = $4::oid", k_this_step),
                    with_key({std::to_string(relation)})));
  PGPHASE_CHECK(add_chunks(session, pass, workers, relation));
  if (pass == 0) PGPHASE_CHECK(count_pages(session));
  return true;
}

Result<void> ChunkStore::tell_rows(Session& session) const {
  return run(session,
             "UPDATE pgphase.step SET rows = (SELECT swept_rows FROM pgphase.backfill WHERE plan = $1 AND phase = $2 AND step = $3) "
             "+ (SELECT coalesce(sum(rows), 0) FROM pgphase.chunk WHERE plan = $1 AND phase = $2 AND step = $3) "
             "WHERE plan = $1 AND phase = $2 AND name = $3",
             with_key());
}

Result<void> ChunkStore::finish_leaf(Session& session, std::int64_t relation, int pass) const {
  return run(session,
             fmt::format("UPDATE pgphase.chunk SET done = true, position = end_page "
                         "WHERE {} AND pass = $4::int AND relation = $5::oid AND NOT done",
                         k_this_step),
             with_key({std::to_string(pass), std::to_string(relation)}));
}

}  // namespace pgphase
