#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "rows";

constexpr auto k_rules = std::to_array<Rule>({
    {"select", k_family, Gravity::brief, "reads", ""},
    {"select-for-update", k_family, Gravity::slow, "the rows are locked until the transaction ends", ""},
    {"explain", k_family, Gravity::brief, "nothing is carried out", ""},
    {"insert", k_family, Gravity::brief, "reads and writes go on", ""},
    {"insert-select", k_family, Gravity::slow, "all rows are written in one transaction, under one snapshot",
     "fill the table in the backfill phase"},
    {"update-every-row", k_family, Gravity::slow, "every row is locked until the last one is written",
     "a [[backfill]] step with `set`, which commits batch by batch"},
    {"update-some-rows", k_family, Gravity::slow, "the rows are locked until the last one is written",
     "a [[backfill]] step with `set` and `where`, unless they are few"},
    {"delete-every-row", k_family, Gravity::loses, "every row is lost, and locked until the last one is gone",
     "delete the rows in batches"},
    {"delete-some-rows", k_family, Gravity::loses, "the rows are lost, and locked until the last one is gone",
     "delete the rows in batches, unless they are few"},
    {"merge", k_family, Gravity::slow, "the rows are locked until the last one is written",
     "a [[backfill]] step, unless they are few", "", "15 has it first", 15},
    {"copy-from", k_family, Gravity::brief, "all rows are written in one transaction", ""},
    {"copy-program", k_family, Gravity::opaque, "it runs a program on the server: what that does is not in the text", ""},
    {"copy-to", k_family, Gravity::brief, "reads for as long as it takes, under one snapshot", ""},
});

}  // namespace

std::span<const Rule> row_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
