// The ledger rows of one backfill: pgphase.backfill (what was decided, how far it is) and pgphase.chunk (ranges of heap
// pages, each with the next page to visit). Writers run inside the caller's fenced transaction. Blocking; same
// threading as the Session.
//
// A pass is one walk over all pages: pass 0 is the scan, later ones are sweeps, each with chunks of its own made from
// the sizes that the relations have then. PostgreSQL is the queue: workers of any process claim chunks, and one whose
// claimant is gone is claimed by the next. A claim only spares work that would be done twice; what keeps a row from being
// set twice is that each batch locks the chunk's row first and finds it as it was left.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "phases/backfill/scan.hpp"
#include "phases/backfill/stripes.hpp"
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
  Scan scan = Scan::physical;
};

struct Chunk {
  std::int64_t id = 0, relation = 0;
  std::int64_t first_page = 0, end_page = 0;
  std::int64_t position = 0;  // next page to visit, in this stripe
  int stripe = 0, stripes = 1;
  std::string leaf;        // quoted; empty: not a part of the table any more
  bool rewritten = false;  // the relation has another file than when the chunk was made
  bool done = false;

  std::int64_t size() const { return end_page - first_page; }
  // Where it stands once the pages before `page` have been visited.
  Chunk moved_to(std::int64_t page) const;
};

// What the chunk's row says once it is locked.
enum class Claim {
  held,       // it stands where we think
  moved,      // somebody else has worked on it, or it is gone: claim another
  rewritten,  // its pages are not the ones that were counted
};

// After so long without a batch a claim counts for nothing, although its session may still be there.
inline constexpr std::chrono::seconds k_claim_stale{30};

class ChunkStore {
 public:
  ChunkStore(StepKey key, std::int64_t table_oid, Scan scan = Scan::physical)
      : key_(std::move(key)), table_(table_oid), scan_(scan) {}

  Result<std::optional<BackfillRow>> load(Session& session) const;
  Result<bool> any_left(Session& session, int pass) const;  // chunks that nobody has finished
  Result<std::int64_t> rows_of_pass(Session& session, int pass) const;

  // --- inside a fenced transaction ---
  Result<void> begin(Session& session, const BackfillRow& row, std::int64_t rows_estimate) const;
  Result<void> enter(Session& session, Stage stage) const;
  Result<void> forget_marker(Session& session) const;
  // And drops the chunks of the sweep before. `workers`: for how many the table is shared out.
  Result<void> start_pass(Session& session, int pass, int workers) const;
  // The first chunk that nobody works on, which is this session's from now on: first of all what it has claimed
  // before. One that nobody has begun is walked in `stripes`.
  Result<std::optional<Chunk>> claim(Session& session, const Fence& fence, int pass, int stripes) const;
  // Records where the chunk stands, and `rows` more rows. Returns what this session has updated in the leaf so far.
  Result<HotCount> move(Session& session, const Chunk& to, std::int64_t rows, const Fence& fence) const;
  // New pages, from the first. False: somebody else has done that.
  Result<bool> replace_leaf(Session& session, std::int64_t relation, int pass, int workers) const;
  Result<void> tell_rows(Session& session) const;  // the step's record: all rows that were set so far
  Result<void> finish_leaf(Session& session, std::int64_t relation, int pass) const;   // nothing left to visit there

  // What a batch asks when it begins (begin_fenced_asking), and how to read the answer: `before` gets what this session
  // has updated in the leaf so far.
  static std::string question(const Chunk& chunk);
  static Claim answer(const Rows& rows, HotCount& before);

 private:
  Params with_key(Params more = {}) const;
  Result<void> add_chunks(Session& session, int pass, int workers, std::optional<std::int64_t> only_leaf) const;
  Result<void> count_pages(Session& session) const;

  StepKey key_;
  std::int64_t table_;
  Scan scan_;  // by an index: a chunk is a whole leaf
};

}  // namespace pgphase
