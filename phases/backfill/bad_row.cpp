#include "phases/backfill/bad_row.hpp"

#include <fmt/format.h>

#include <optional>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class Search {
 public:
  Search(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits, const std::string& leaf,
         const Error& seen)
      : session_(session), fence_(fence), sql_(sql), limits_(limits), leaf_(leaf), seen_(seen) {}

  Result<BadRow> run(PageRange pages) {
    BadRow found{pages, {}, {}, seen_};
    while (found.pages.size() > 1) {
      const auto middle = found.pages.begin + found.pages.size() / 2;
      PGPHASE_TRY(first, attempt(sql_.update(leaf_, {found.pages.begin, middle})));
      if (first.refused) {
        found.pages.end = middle;
        continue;
      }
      PGPHASE_TRY(second, attempt(sql_.update(leaf_, {middle, found.pages.end})));
      if (!second.refused) return found;  // each half alone passes: two rows are at odds with each other
      found.pages.begin = middle;
    }
    PGPHASE_TRY(rows, session_.query(sql_.row_addresses(leaf_, found.pages)));
    for (const auto& row : rows) {
      PGPHASE_TRY(tried, attempt(sql_.update_row(leaf_, row.text(0))));
      if (!tried.refused) continue;
      found.address = row.text(0);
      found.error = tried.error;
      PGPHASE_TRY(key, primary_key(found.address));
      found.key = key;
      break;
    }
    return found;
  }

 private:
  struct Tried {
    bool refused = false;  // as the batch was
    Error error = {};
  };

  Result<Tried> attempt(const std::string& update) {
    auto transaction = begin_batch(session_, fence_, "backfill.bad_row", limits_);
    if (!transaction) return transaction.error();
    const auto done = session_.query(update);
    if (done) return Tried{};
    if (done.error().code != Errc::sql) return done.error();
    return Tried{done.error().sqlstate == seen_.sqlstate, done.error()};
  }

  Result<std::string> primary_key(const std::string& address) {
    PGPHASE_TRY(columns,
                session_.query(fmt::format(
                    "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k (attnum, at) "
                    "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
                    " WHERE i.indisprimary AND i.indrelid = {}::regclass ORDER BY k.at",
                    quote_literal(leaf_))));
    std::string parts;
    for (const auto& column : columns) {
      parts += fmt::format("{}{} || {}::text", parts.empty() ? "" : ", ", quote_literal(column.text(0) + " = "),
                           quote_ident(column.text(0)));
    }
    if (parts.empty()) return std::string();
    PGPHASE_TRY(key, session_.query(fmt::format("SELECT concat_ws(', ', {}) FROM ONLY {} WHERE ctid = '{}'", parts,
                                                leaf_, address)));
    return key.empty() ? std::string() : key[0].text(0);
  }

  Session& session_;
  const Fence& fence_;
  const BatchSql& sql_;
  const BatchLimits& limits_;
  const std::string& leaf_;
  const Error& seen_;
};

}  // namespace

Result<BadRow> find_bad_row(Session& session, const Fence& fence, const BatchSql& sql, const BatchLimits& limits,
                            const Batch& batch, const Error& seen) {
  return Search(session, fence, sql, limits, batch.chunk.leaf, seen).run(batch.pages);
}

std::string place_of(const BadRow& row, const std::string& leaf) {
  if (!row.address.empty()) {
    return fmt::format("row {} of {}{}", row.address, leaf, row.key.empty() ? "" : " (" + row.key + ")");
  }
  if (row.pages.size() == 1) return fmt::format("page {} of {}", row.pages.begin, leaf);
  return fmt::format("pages {} to {} of {}", row.pages.begin, row.pages.end - 1, leaf);
}

}  // namespace pgphase
