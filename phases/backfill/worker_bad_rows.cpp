// PostgreSQL refuses a batch for the data of its rows: which one it is, and how the others are set without it.
#include <fmt/format.h>

#include <charconv>

#include "phases/backfill/errors.hpp"
#include "phases/backfill/worker.hpp"

namespace pgphase {
namespace {

using Kind = WorkTick::Kind;

constexpr int k_most_told = 10;  // of the rows that are passed over; all are in the ledger

std::int64_t page_of(const std::string& address) {
  std::int64_t page = -1;
  std::from_chars(address.data() + 1, address.data() + address.size(), page);  // "(12,3)"
  return page;
}

}  // namespace

std::vector<std::string> Worker::passed_over_in(const Batch& batch) const {
  std::vector<std::string> out;
  for (const auto& address : passed_over_) {
    const auto page = page_of(address);
    if (page >= batch.pages.begin && page < batch.pages.end) out.push_back(address);
  }
  return out;
}

Result<WorkTick> Worker::refused(Session& session, const Batch& batch, const Error& why) {
  const auto sql = work_->sql.passing_over(passed_over_in(batch));
  PGPHASE_TRY(bad, find_bad_row(session, work_->fence, sql, limits(session), batch, why));
  if (bad.passes_now) return try_again(bad, batch.chunk);
  if (bad.address.empty()) {
    // Rows at odds with each other, of which the first that is set keeps the others out.
    if (settings_.max_bad_rows == 0) return stopped_at_row(bad, batch.chunk.leaf, work_->key, 0);
    if (!bad.among.empty()) return set_each_alone(session, batch, bad);
    stop_before_ = bad.pages.begin + bad.pages.size() / 2;
    return WorkTick{};
  }
  PGPHASE_CHECK(pass_over(session, batch.chunk, bad));
  return WorkTick{};  // the same window, without it
}

Result<WorkTick> Worker::try_again(const BadRow& bad, const Chunk& chunk) {
  if (++conflicts_ >= k_most_conflicts) return stopped_at_row(bad, chunk.leaf, work_->key, 0);
  WorkTick again;
  again.kind = Kind::wait;
  again.pause = k_first_pause * conflicts_;
  again.blocked_by = bad.error;
  return again;
}

Result<WorkTick> Worker::set_each_alone(Session& session, const Batch& batch, const BadRow& bad) {
  WorkTick out;
  bool changed = false;
  for (const auto& address : bad.among) {
    const PassedOver row{0, batch.chunk.relation, batch.chunk.leaf, address, {}, {}};
    const auto sql = work_->sql.passing_over(passed_over_in(batch));
    PGPHASE_TRY(alone, work_->bad_rows.set_alone(session, work_->fence, sql, limits(session), row));
    if (alone.kind == Alone::Kind::set) ++out.rows;
    changed = changed || alone.kind == Alone::Kind::set;
    if (alone.kind != Alone::Kind::refused) continue;
    BadRow one;
    one.address = address;
    one.error = alone.error;
    PGPHASE_TRY(key, primary_key_of(session, batch.chunk.leaf, address));
    one.key = key;
    PGPHASE_CHECK(pass_over(session, batch.chunk, one));
    changed = true;
  }
  if (!changed) return try_again(bad, batch.chunk);
  return out;
}

Result<void> Worker::pass_over(Session& session, const Chunk& chunk, const BadRow& bad) {
  const auto most = settings_.max_bad_rows;
  if (most == 0) return stopped_at_row(bad, chunk.leaf, work_->key, 0);
  PGPHASE_TRY(room, work_->bad_rows.record(session, work_->fence, chunk, bad, most));
  if (!room) return stopped_at_row(bad, chunk.leaf, work_->key, most);
  passed_over_.push_back(bad.address);
  if (++told_bad_rows_ <= k_most_told) {
    notes_.push_back(fmt::format("{} cannot be set and is passed over: {}{}", place_of(bad, chunk.leaf),
                                 bad.error.message,
                                 told_bad_rows_ == k_most_told ? "; further ones are told in pgphase.bad_row" : ""));
  }
  return {};
}

}  // namespace pgphase
