#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "indexes";

constexpr auto k_rules = std::to_array<Rule>({
    {"create-index", k_family, Gravity::slow, "SHARE on the table is held for as long as the build takes", "CREATE INDEX CONCURRENTLY",
     "create_index"},
    {"drop-unique-index", k_family, Gravity::breaks,
     "ON CONFLICT and queries that went by it no longer have it, and equal rows can come in",
     "drop it when no code needs it any more", "drop_index"},
    {"create-index-only", k_family, Gravity::brief,
     "of a partitioned table: an empty index that those of its partitions are attached to",
     "build each partition's index concurrently, then ALTER INDEX … ATTACH PARTITION"},
    {"create-index-concurrently", k_family, Gravity::brief,
     "reads and writes go on; it waits for every transaction that uses the table, and leaves an invalid index when it "
     "fails",
     "a step of its own, without a short timeout", "create_index"},
    {"drop-index", k_family, Gravity::brief, "the table is locked, its readers too", "DROP INDEX CONCURRENTLY",
     "drop_index"},
    {"drop-index-concurrently", k_family, Gravity::brief,
     "reads and writes go on; it waits for every transaction that uses the table", "", "drop_index"},
    {"reindex-index", k_family, Gravity::slow,
     "writers wait until the index is built again, and so do queries that could use it",
     "a new index, built concurrently, in its place", "create_index"},
    {"reindex-table", k_family, Gravity::slow, "writers wait until every index is built again, and so do readers",
     "new indexes, built concurrently, in their place", "create_index"},
    {"reindex-concurrently", k_family, Gravity::brief,
     "reads and writes go on; it waits for every transaction that uses the table",
     "by hand: it cannot run inside a transaction"},
    {"reindex-everything", k_family, Gravity::slow,
     "one table after the other is locked until its indexes are built again", "one index at a time"},
    {"rename-index", k_family, Gravity::brief, "reads and writes go on", ""},
    {"rename-index-as-table", k_family, Gravity::brief, "readers and writers of its table wait for a moment",
     "ALTER INDEX … RENAME"},
    {"attach-index", k_family, Gravity::brief, "reads of the partition wait for a moment", ""},
    {"cluster-on", k_family, Gravity::brief, "reads and writes go on: nothing is ordered before CLUSTER runs", ""},
});

}  // namespace

std::span<const Rule> index_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
