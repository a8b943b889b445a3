// Whether the rows of a backfill are found page by page, or by an index that finds them: where few rows of a large
// table match. Decided once, before anything is written, by what the planner would do. docs/design/backfill.md says how
// each scan goes. Blocking where a Session is taken; the rest is pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "phases/backfill/batch_sql.hpp"
#include "phases/ledger/records.hpp"

namespace pgphase {

enum class Scan {
  automatic,  // by what is seen: never in the ledger
  physical,
  index,
};
const char* to_string(Scan scan);  // as pgphase.backfill.scan holds it
std::optional<Scan> scan_named(std::string_view name);

// How the planner would look for the rows of one leaf that match.
struct LeafPlan {
  std::string leaf;
  std::int64_t pages = 0;
  double rows = 0;                   // that match, as it estimates
  std::vector<std::string> indexes;  // that it would use; empty: it would read the whole leaf
};

// From the answer of EXPLAIN (FORMAT JSON): the indexes, and the rows.
LeafPlan leaf_plan(const std::string& explained);

// For a transaction that asks what an index would find.
inline constexpr std::string_view k_by_index_only = "SET LOCAL enable_seqscan = off;";

// Is an index worth it? `rows`: of the whole table. A leaf of few pages may be read as a whole.
bool worth_an_index(const std::vector<LeafPlan>& leaves, std::int64_t rows);
inline constexpr std::int64_t k_large_table = 10'000;  // pages
inline constexpr double k_small_part = 0.05;

struct ScanChoice {
  Scan scan = Scan::physical;
  std::int64_t rows = 0;  // that match, as the planner estimates; by an index only
  std::string why;        // worth telling, or empty
};

// An Error of code refused where an index is wanted and none finds the rows. Writes nothing.
Result<ScanChoice> choose_scan(Session& session, const StepKey& key, const Target& target, Todo todo,
                               const BatchSql& sql, Scan wanted);

}  // namespace pgphase
