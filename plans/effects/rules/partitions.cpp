#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "partitions";

constexpr auto k_rules = std::to_array<Rule>({
    {"create-partition", k_family, Gravity::slow,
     "readers and writers of the parent wait, and a default partition is read meanwhile",
     "create a table like the parent, with a check that proves its bounds, then ATTACH PARTITION"},
    {"attach-partition", k_family, Gravity::slow,
     "the partition is read while its readers and writers wait, and the default partition too, unless checks prove the "
     "bounds",
     "a check of the partition that proves its bounds, and its indexes, before it is attached"},
    {"detach-partition", k_family, Gravity::breaks, "queries of the parent no longer see its rows from then on",
     "DETACH PARTITION … CONCURRENTLY, by hand, where there is no default partition"},
    {"detach-partition-concurrently", k_family, Gravity::breaks,
     "queries of the parent no longer see its rows from then on; it waits for every transaction that uses the table",
     "by hand: it cannot run inside a transaction"},
    {"detach-partition-finalize", k_family, Gravity::brief, "ends a DETACH PARTITION … CONCURRENTLY that was cut short",
     ""},
});

}  // namespace

std::span<const Rule> partition_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
