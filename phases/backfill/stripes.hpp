// Why a scan walks its pages several times: a full page has no room for a row's new version, which then goes to another
// page and into every index. When a few rows of the page have moved and that has been committed, the next visit prunes
// what they left, and the next few rows fit in there as HOT updates, which touch no index. So a chunk is walked once a
// stripe, each time for every k-th line of its pages. docs/design/backfill.md has the measurements.
//
// Decisions only: no clock, no database. One object a worker.
#pragma once

#include <cstdint>
#include <optional>

namespace pgphase {

// What a worker sees in its own transactions: how many of the rows that it updated stayed on their page.
struct HotCount {
  std::int64_t updated = 0, hot = 0;
  HotCount& operator+=(const HotCount& more) {
    updated += more.updated;
    hot += more.hot;
    return *this;
  }
  double share() const { return updated > 0 ? static_cast<double>(hot) / static_cast<double>(updated) : 0; }
};

class Stripes {
 public:
  // As many as the plan says, or by what is seen. `hot_is_possible`: no set column is in an index; otherwise every new
  // version needs index entries wherever it goes, and one walk is the cheapest.
  Stripes(std::optional<int> wanted, bool hot_is_possible) : wanted_(wanted), hot_is_possible_(hot_is_possible) {}

  // For the next chunk.
  int next() const;

  // A chunk was walked in `stripes`, with this outcome over all but its first stripe, which finds full pages. Returns
  // true when that tells for the first time that something keeps dead rows from being pruned.
  bool walked(int stripes, const HotCount& later_stripes);

  // More walks move fewer rows off their page, and cost more visits. Measured: of rows of 110 to 200 bytes 6 is the best, 8
  // costs up to a tenth more.
  static constexpr int k_usual = 6;
  // A share below it means that the dead rows of the stripe before were still there: some snapshot needs them.
  static constexpr double k_poor_share = 0.3;
  // So many chunks are walked once before stripes are tried again: the snapshot may be gone.
  static constexpr int k_chunks_between_tries = 4;

 private:
  std::optional<int> wanted_;
  bool hot_is_possible_;
  int walk_once_ = 0;  // chunks still to be walked once
  bool told_ = false;
};

// Pages of a chunk: small enough that its pages are still in memory when the next stripe visits them, with all workers
// at it; large enough that other workers' snapshots have ended by then. `buffers` and `table` are in pages.
std::int64_t chunk_pages(std::int64_t buffers, std::int64_t table, int workers);

// The widest window of a chunk that is walked in stripes. A stripe has to be several transactions: a window that is
// visited again right after its commit would find rows that the other workers' snapshots still see.
std::int64_t widest_window(std::int64_t chunk, int stripes);

}  // namespace pgphase
