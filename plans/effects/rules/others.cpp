#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "others";
constexpr std::string_view k_by_hand = "by hand: it cannot run inside a transaction";

constexpr auto k_rules = std::to_array<Rule>({
    {"vacuum", k_family, "reads and writes go on", ""},
    {"vacuum-full", k_family, "the table is rewritten while everybody waits", "VACUUM, or a maintenance window"},
    {"analyze", k_family, "reads and writes go on", ""},
    {"cluster", k_family, "the table is rewritten while everybody waits", "a maintenance window"},
    {"create-database", k_family, "it is another database's affair", k_by_hand},
    {"drop-database", k_family, "every table of the database is lost", k_by_hand},
    {"alter-system", k_family, "the settings of the whole server change", k_by_hand},
    {"tablespace", k_family, "storage of the whole server changes", k_by_hand},
    {"shared-object", k_family, "roles and databases are the whole server's", ""},
    {"subscription", k_family, "no table is locked; with a slot it cannot run inside a transaction", k_by_hand},
    {"session", k_family, "it concerns the session or the transaction only", "leave settings to pgphase"},
    {"opaque", k_family, "it runs code: what that does is not in the text",
     "write the statements themselves, or say unchecked = \"why\" in the step"},
});

}  // namespace

std::span<const Rule> other_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
