#include "phases/backfill/stripes.hpp"

#include <algorithm>

#include "phases/backfill/pacing.hpp"

namespace pgphase {
namespace {

constexpr std::int64_t k_least_chunk = 256, k_most_chunk = 8192;
constexpr std::int64_t k_windows_of_a_stripe = 8;
constexpr std::int64_t k_least_updates = 100;  // fewer tell nothing

}  // namespace

int Stripes::next() const {
  if (wanted_) return *wanted_;
  return hot_is_possible_ && walk_once_ == 0 ? k_usual : 1;
}

bool Stripes::walked(int stripes, const HotCount& later_stripes) {
  if (stripes == 1) {
    walk_once_ = std::max(0, walk_once_ - 1);
    return false;
  }
  if (later_stripes.updated < k_least_updates) return false;
  const bool poor = later_stripes.share() < k_poor_share;
  if (!poor) {
    told_ = false;
    return false;
  }
  walk_once_ = k_chunks_between_tries;
  const bool first = !told_;
  told_ = true;
  return first;
}

std::int64_t chunk_pages(std::int64_t buffers, std::int64_t table, int workers) {
  const auto each = std::max(1, workers);
  const auto in_memory = buffers / (8 * each);
  const auto shared_out = table / (4 * each);  // a small table has work for all of them
  return std::clamp(std::min(in_memory, shared_out), k_least_chunk, k_most_chunk);
}

std::int64_t widest_window(std::int64_t chunk, int stripes) {
  if (stripes <= 1) return Pacing::k_most_pages;
  return std::max<std::int64_t>(1, chunk / k_windows_of_a_stripe);
}

}  // namespace pgphase
