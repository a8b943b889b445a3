#include "tests/bench/measure.hpp"

#include <fmt/format.h>

#include "tests/support/interrupt.hpp"

namespace pgphase::bench {
namespace {

constexpr auto k_statistics_limit = seconds(20);

std::int64_t heap_size(Session& session) {
  return session.number("SELECT pg_table_size('accounts')");
}

std::int64_t index_size(Session& session) {
  return session.number("SELECT pg_indexes_size('accounts')");
}

std::int64_t counter(Session& session, const std::string& name) {
  return session.number(fmt::format("SELECT {} FROM pg_stat_all_tables WHERE relid = 'accounts'::regclass", name));
}

}  // namespace

Measure::Measure(Table& table) : table_(table) {
  Session& session = table.session();
  heap_ = heap_size(session);
  indexes_ = index_size(session);
  updated_ = counter(session, "n_tup_upd");
  hot_ = counter(session, "n_tup_hot_upd");
  lsn_ = session.value("SELECT pg_current_wal_insert_lsn()");
}

Sample Measure::end(double took) {
  Session& session = table_.session();
  Sample out;
  out.seconds = took;
  out.rows = table_.shape().rows;
  out.wal_bytes =
      session.number(fmt::format("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{}')::bigint", lsn_));
  out.heap_growth_bytes = heap_size(session) - heap_;
  out.index_growth_bytes = index_size(session) - indexes_;
  // A session tells what it has counted once a second at most, and at its end.
  const auto deadline = std::chrono::steady_clock::now() + k_statistics_limit;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto updated = counter(session, "n_tup_upd") - updated_;
    if (updated >= out.rows) {
      out.hot_share = static_cast<double>(counter(session, "n_tup_hot_upd") - hot_) / static_cast<double>(updated);
      break;
    }
    testing::nap(milliseconds(100));
  }
  return out;
}

}  // namespace pgphase::bench
