// The ledger rows of one backfill: pgphase.backfill (what was decided, how far it is) and pgphase.chunk (ranges of heap
// pages, each with the next page to visit). Writers run inside the caller's fenced transaction. Blocking; same
// threading as the Session.
//
// A pass is one walk over all pages: pass 0 is the scan, later ones are sweeps, each with chunks of its own made from
// the sizes that the relations have then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "phases/backfill/batch_sql.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

enum class Stage {
  prepare,  // decided; the marker column, if there is one, may be missing
  scan,
  sweep,
  cleanup,  // nothing is left to be done, and the marker column is gone
  done,
};
const char* to_string(Stage stage);

struct BackfillRow {
  Stage stage = Stage::prepare;
  Todo todo = Todo::differs;
  std::string marker;  // empty: none
  int pass = 0;
};

struct Chunk {
  std::int64_t id = 0, relation = 0;
  std::int64_t position = 0, end_page = 0;
  std::string leaf;        // quoted; empty: not a part of the table any more
  bool rewritten = false;  // the relation has another file than when the chunk was made
};

// What the chunk's row says once it is locked.
enum class Claim {
  held,       // it stands where we think
  moved,      // somebody else has worked on it, or it is gone: read the ledger again
  rewritten,  // its pages are not the ones that were counted
};

class ChunkStore {
 public:
  ChunkStore(StepKey key, std::int64_t table_oid) : key_(std::move(key)), table_(table_oid) {}

  Result<std::optional<BackfillRow>> load(Session& session) const;
  Result<std::optional<Chunk>> next(Session& session, int pass) const;
  Result<std::int64_t> rows_of_pass(Session& session, int pass) const;

  // --- inside a fenced transaction ---
  Result<void> begin(Session& session, const BackfillRow& row, std::int64_t rows_estimate) const;
  Result<void> enter(Session& session, Stage stage) const;
  Result<void> forget_marker(Session& session) const;
  Result<void> start_pass(Session& session, int pass) const;  // and drops the chunks of the sweep before
  Result<Claim> claim(Session& session, const Chunk& chunk) const;
  Result<void> move(Session& session, const Chunk& chunk, std::int64_t position, std::int64_t rows,
                    const Fence& fence) const;
  Result<void> replace_leaf(Session& session, std::int64_t relation, int pass) const;  // new pages, from the first
  Result<void> finish_leaf(Session& session, std::int64_t relation, int pass) const;   // nothing left to visit there

 private:
  Params with_key(Params more = {}) const;
  Result<void> add_chunks(Session& session, int pass, std::optional<std::int64_t> only_leaf) const;
  Result<void> count_pages(Session& session) const;

  StepKey key_;
  std::int64_t table_;
};

}  // namespace pgphase
