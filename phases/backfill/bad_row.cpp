#include "phases/backfill/bad_row.hpp"

#include <fmt/format.h>

#include <utility>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class Search {
 public:
  Search(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits, const Batch& batch,
         const Error& seen)
      : session_(session), fence_(fence), sql_(sql), limits_(limits), batch_(batch), leaf_(batch.chunk.leaf), seen_(seen) {}

  Result<BadRow> run() {
    BadRow found;
    found.pages = batch_.pages;
    found.error = seen_;
    found.among = batch_.rows;
    if (found.among.empty()) {
      PGPHASE_TRY(one_page, halve_pages(found));
      if (!one_page) return found;
      PGPHASE_TRY(rows, session_.query(sql_.row_addresses(leaf_, found.pages)));
      for (const auto& row : rows) found.among.push_back(row.text(0));
    }
    PGPHASE_TRY(one_row, halve_rows(found));
    if (!one_row) return found;
    PGPHASE_TRY(tried, attempt(Part(found.among)));
    if (!tried.refused) {
      found.passes_now = true;
      return found;
    }
    found.address = found.among.front();
    found.error = tried.error;
    PGPHASE_TRY(key, primary_key_of(session_, leaf_, found.address));
    found.key = key;
    return found;
  }

 private:
  struct Tried {
    bool refused = false;  // as the batch was
    Error error = {};
  };

  // False: each half alone passes. Either rows of both are at odds with each other, or none fails any more.
  Result<bool> halve_pages(BadRow& found) {
    while (found.pages.size() > 1) {
      const auto middle = found.pages.begin + found.pages.size() / 2;
      const PageRange first{found.pages.begin, middle}, second{middle, found.pages.end};
      PGPHASE_TRY(which, failing_half(within(first), within(second), within(found.pages)));
      found.passes_now = which == Half::none;
      if (which == Half::neither || which == Half::none) return false;
      found.pages = which == Half::first ? first : second;
    }
    return true;
  }

  Result<bool> halve_rows(BadRow& found) {
    auto& rows = found.among;
    while (rows.size() > 1) {
      const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
      std::vector<std::string> first(rows.begin(), middle), second(middle, rows.end());
      PGPHASE_TRY(which, failing_half(Part(first), Part(second), Part(rows)));
      found.passes_now = which == Half::none;
      if (which == Half::neither || which == Half::none) return false;
      rows = which == Half::first ? std::move(first) : std::move(second);
    }
    found.passes_now = rows.empty();
    return !rows.empty();
  }

  enum class Half { first, second, neither, none };  // neither: only both together; none: not even these

  Result<Half> failing_half(const Part& first, const Part& second, const Part& both) {
    PGPHASE_TRY(one, attempt(first));
    if (one.refused) return Half::first;
    PGPHASE_TRY(other, attempt(second));
    if (other.refused) return Half::second;
    PGPHASE_TRY(together, attempt(both));
    return together.refused ? Half::neither : Half::none;
  }

  Part within(PageRange pages) const { return {pages, {batch_.chunk.stripe, batch_.chunk.stripes}}; }

  Result<Tried> attempt(const Part& part) {
    auto transaction = begin_batch(session_, fence_, "backfill.bad_row", limits_);
    if (!transaction) return transaction.error();
    const auto done = session_.query(batch_.row_locks == RowLocks::wait ? sql_.update(leaf_, part)
                                                                        : sql_.update_unlocked(leaf_, part));
    if (done) {
      // What is deferred would fail at the commit, which there is none of.
      const auto checked = session_.script("SET CONSTRAINTS ALL IMMEDIATE");
      if (checked) return Tried{};
      if (checked.error().code != Errc::sql) return checked.error();
      return Tried{checked.error().sqlstate == seen_.sqlstate, checked.error()};
    }
    if (done.error().code != Errc::sql) return done.error();
    return Tried{done.error().sqlstate == seen_.sqlstate, done.error()};
  }

  Session& session_;
  const Fence& fence_;
  const BatchSql& sql_;
  const BatchLimits& limits_;
  const Batch& batch_;
  const std::string& leaf_;
  const Error& seen_;
};

}  // namespace

Result<BadRow> find_bad_row(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits,
                            const Batch& batch, const Error& seen) {
  return Search(session, fence, sql, limits, batch, seen).run();
}

Result<std::string> primary_key_of(Session& session, const std::string& leaf, const std::string& address) {
  PGPHASE_TRY(columns,
              session.query(fmt::format(
                  "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, at) "
                  "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
                  " WHERE i.indisprimary AND i.indrelid = {}::regclass ORDER BY k.at",
                  quote_literal(leaf))));
  std::string parts;
  for (const auto& column : columns) {
    parts += fmt::format("{}{} || {}::text", parts.empty() ? "" : ", ", quote_literal(column.text(0) + " = "),
                         quote_ident(column.text(0)));
  }
  if (parts.empty()) return std::string();
  PGPHASE_TRY(key, session.query(
                       fmt::format("SELECT concat_ws(', ', {}) FROM ONLY {} WHERE ctid = '{}'", parts, leaf, address)));
  return key.empty() ? std::string() : key[0].text(0);
}

std::string place_of(const BadRow& row, const std::string& leaf) {
  if (!row.address.empty()) return place_of(row.address, row.key, leaf);
  if (row.pages.size() == 1) return fmt::format("page {} of {}", row.pages.begin, leaf);
  return fmt::format("pages {} to {} of {}", row.pages.begin, row.pages.end - 1, leaf);
}

std::string place_of(const std::string& address, const std::string& key, const std::string& leaf) {
  return fmt::format("row {} of {}{}", address, leaf, key.empty() ? "" : " (" + key + ")");
}

}  // namespace pgphase
