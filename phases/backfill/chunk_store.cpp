#include "phases/backfill/chunk_store.hpp"

#include <fmt/format.h>

namespace pgphase {
namespace {

constexpr std::int64_t k_scan_chunk_pages = 2048;    // what a worker takes at a time
constexpr std::int64_t k_sweep_chunk_pages = 65536;  // a sweep passes over most pages without a change

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

Params ChunkStore::with_key(Params more) const {
  Params all{key_.plan.value, to_string(key_.phase), key_.step};
  for (auto& param : more) all.push_back(std::move(param));
  return all;
}

Result<std::optional<BackfillRow>> ChunkStore::load(Session& session) const {
  PGPHASE_TRY(rows, session.query(fmt::format("SELECT stage, todo, coalesce(marker, ''), sweep_pass "
                                              "FROM pgphase.backfill WHERE {}",
                                              k_this_step),
                                  with_key()));
  if (rows.empty()) return std::optional<BackfillRow>();
  const auto stage = stage_named(rows[0].text(0));
  const auto todo = todo_named(rows[0].text(1));
  if (!stage || !todo) {
    return make_error(Errc::refused,
                      fmt::format("the ledger holds a backfill of kind \"{}\" at stage \"{}\", which this "
                                  "pgphase does not know",
                                  rows[0].text(1), rows[0].text(0)),
                      "Nothing was changed. Use the pgphase that began it.");
  }
  return std::optional(BackfillRow{*stage, *todo, rows[0].text(2), static_cast<int>(rows[0].integer(3))});
}

Result<std::optional<Chunk>> ChunkStore::next(Session& session, int pass) const {
  PGPHASE_TRY(rows, session.query(fmt::format("SELECT c.id, c.relation, c.position, c.end_page, CASE WHEN l.oid IS NOT "
                                              "NULL THEN format('%I.%I', n.nspname, r.relname) END, "
                                              "       pg_relation_filenode(c.relation) IS DISTINCT FROM c.filenode "
                                              "  FROM pgphase.chunk c LEFT JOIN pg_class r ON r.oid = c.relation LEFT "
                                              "JOIN pg_namespace n ON n.oid = r.relnamespace "
                                              "  LEFT JOIN {} l ON l.oid = c.relation "
                                              " WHERE {} AND pass = $4::int AND NOT done ORDER BY c.id LIMIT 1",
                                              leaves_of(table_), k_this_step),
                                  with_key({std::to_string(pass)})));
  if (rows.empty()) return std::optional<Chunk>();
  const auto& row = rows[0];
  return std::optional(
      Chunk{row.integer(0), row.integer(1), row.integer(2), row.integer(3), row.text(4), row.boolean(5)});
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
                    "INSERT INTO pgphase.backfill (plan, phase, step, todo, marker, stage, rows_estimate) "
                    "VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7::bigint)",
                    with_key({to_string(row.todo), row.marker, to_string(row.stage), std::to_string(rows_estimate)})));
  return {};
}

Result<void> ChunkStore::enter(Session& session, Stage stage) const {
  return run(session, fmt::format("UPDATE pgphase.backfill SET stage = $4 WHERE {}", k_this_step),
             with_key({to_string(stage)}));
}

Result<void> ChunkStore::forget_marker(Session& session) const {
  return run(session, fmt::format("UPDATE pgphase.backfill SET marker = NULL WHERE {}", k_this_step), with_key());
}

Result<void> ChunkStore::start_pass(Session& session, int pass) const {
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
  PGPHASE_CHECK(add_chunks(session, pass, std::nullopt));
  return pass == 0 ? count_pages(session) : Result<void>();
}

Result<void> ChunkStore::add_chunks(Session& session, int pass, std::optional<std::int64_t> only_leaf) const {
  return run(
      session,
      fmt::format(
          "INSERT INTO pgphase.chunk (plan, phase, step, pass, relation, filenode, first_page, end_page, position) "
          "SELECT $1, $2, $3, $4::int, l.oid, pg_relation_filenode(l.oid), b, least(b + $5::bigint, s.pages), b "
          "  FROM {} l, LATERAL (SELECT pg_relation_size(l.oid) / current_setting('block_size')::bigint AS pages) s, "
          "       generate_series(0::bigint, s.pages - 1, $5::bigint) b {} ORDER BY l.oid, b",
          leaves_of(table_), only_leaf ? fmt::format("WHERE l.oid = {}", *only_leaf) : ""),
      with_key({std::to_string(pass), std::to_string(pass == 0 ? k_scan_chunk_pages : k_sweep_chunk_pages)}));
}

Result<void> ChunkStore::count_pages(Session& session) const {
  return run(session,
             fmt::format("UPDATE pgphase.backfill SET pages_total = (SELECT coalesce(sum(end_page - first_page), 0) "
                         "FROM pgphase.chunk "
                         "WHERE {0} AND pass = 0) WHERE {0}",
                         k_this_step),
             with_key());
}

Result<Claim> ChunkStore::claim(Session& session, const Chunk& chunk) const {
  PGPHASE_TRY(
      rows,
      session.query(
          "SELECT position = $2::bigint AND NOT done, pg_relation_filenode(relation) IS NOT DISTINCT FROM filenode "
          "FROM pgphase.chunk WHERE id = $1::bigint FOR UPDATE",
          {std::to_string(chunk.id), std::to_string(chunk.position)}));
  if (rows.empty() || !rows[0].boolean(0)) return Claim::moved;
  return rows[0].boolean(1) ? Claim::held : Claim::rewritten;
}

Result<void> ChunkStore::move(Session& session, const Chunk& chunk, std::int64_t position, std::int64_t rows,
                              const Fence& fence) const {
  return run(session,
             "UPDATE pgphase.chunk SET position = $2::bigint, rows = rows + $3::bigint, token = $4::bigint, "
             "done = $2::bigint >= end_page WHERE id = $1::bigint",
             {std::to_string(chunk.id), std::to_string(position), std::to_string(rows), std::to_string(fence.token)});
}

Result<void> ChunkStore::replace_leaf(Session& session, std::int64_t relation, int pass) const {
  PGPHASE_CHECK(run(
      session,
      fmt::format(
          "WITH gone AS (DELETE FROM pgphase.chunk WHERE {0} AND pass = $4::int AND relation = $5::oid RETURNING rows) "
          "UPDATE pgphase.backfill SET swept_rows = swept_rows + coalesce((SELECT sum(rows) FROM gone), 0) WHERE {0}",
          k_this_step),
      with_key({std::to_string(pass), std::to_string(relation)})));
  PGPHASE_CHECK(add_chunks(session, pass, relation));
  return pass == 0 ? count_pages(session) : Result<void>();
}

Result<void> ChunkStore::finish_leaf(Session& session, std::int64_t relation, int pass) const {
  return run(session,
             fmt::format("UPDATE pgphase.chunk SET done = true, position = end_page "
                         "WHERE {} AND pass = $4::int AND relation = $5::oid AND NOT done",
                         k_this_step),
             with_key({std::to_string(pass), std::to_string(relation)}));
}

}  // namespace pgphase
