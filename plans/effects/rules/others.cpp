#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "others";
constexpr std::string_view k_by_hand = "by hand: it cannot run inside a transaction";

constexpr auto k_rules = std::to_array<Rule>({
    {"vacuum", k_family, Gravity::brief, "reads and writes go on", ""},
    {"vacuum-full", k_family, Gravity::slow, "the table is rewritten while everybody waits",
     "VACUUM, or a maintenance window"},
    {"analyze", k_family, Gravity::brief, "reads and writes go on", ""},
    {"cluster", k_family, Gravity::slow, "the table is rewritten while everybody waits", "a maintenance window"},
    {"create-database", k_family, Gravity::brief, "it is another database's affair", k_by_hand},
    {"drop-database", k_family, Gravity::loses, "every table of the database is lost", k_by_hand},
    {"alter-system", k_family, Gravity::brief, "the settings of the whole server change", k_by_hand},
    {"tablespace", k_family, Gravity::brief, "storage of the whole server changes", k_by_hand},
    {"shared-object", k_family, Gravity::brief, "roles and databases are the whole server's", ""},
    {"subscription", k_family, Gravity::brief, "no table is locked; with a slot it cannot run inside a transaction",
     k_by_hand},
    {"session", k_family, Gravity::brief, "it concerns the session or the transaction only",
     "leave settings to pgphase"},
    {"opaque", k_family, Gravity::opaque, "it runs code: what that does is not in the text",
     "write the statements themselves, or say unchecked = \"why\" in the step"},
});

}  // namespace

std::span<const Rule> other_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
