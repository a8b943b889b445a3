#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "constraints";
constexpr std::string_view k_two_steps = "NOT VALID first, then VALIDATE CONSTRAINT in a transaction of its own";
constexpr std::string_view k_by_index = "build a unique index concurrently, then ADD CONSTRAINT … USING INDEX";

constexpr auto k_rules = std::to_array<Rule>({
    {"add-check", k_family, Gravity::slow, "every row is read while everybody waits", k_two_steps, "add_check"},
    {"add-check-not-valid", k_family, Gravity::brief, "binds every row that is written from then on, old ones too", ""},
    {"add-foreign-key", k_family, Gravity::slow, "every row is looked up while the writers of both tables wait",
     k_two_steps, "add_foreign_key"},
    {"add-foreign-key-not-valid", k_family, Gravity::brief, "both tables are locked against writers for a moment", "",
     "", "before 18 a foreign key of a partitioned table cannot be NOT VALID"},
    {"add-unique", k_family, Gravity::slow, "the index is built while everybody waits", k_by_index, "add_unique"},
    {"add-primary-key", k_family, Gravity::slow,
     "the index is built, and the columns are looked through for NULLs, while everybody waits",
     "require the columns first, build a unique index concurrently, then ADD PRIMARY KEY USING INDEX",
     "add_primary_key"},
    {"add-unique-using-index", k_family, Gravity::brief, "the index is taken as it is", ""},
    {"add-primary-key-using-index", k_family, Gravity::slow,
     "columns that may be NULL are looked through while everybody waits", "require the columns first", "set_not_null"},
    {"add-exclude", k_family, Gravity::slow, "the index is built while everybody waits, and there is no other way",
     "a new table with the constraint that takes the old one's place"},
    {"validate-constraint", k_family, Gravity::brief, "every row is read, while reads and writes go on",
     "a transaction of its own, that holds no stronger lock"},
    {"drop-constraint", k_family, Gravity::brief, "of a foreign key the table that it refers to is locked as well", ""},
    {"drop-key", k_family, Gravity::breaks,
     "ON CONFLICT and queries that went by its index no longer have it, and equal rows can come in",
     "drop it when no code needs it any more"},
    {"drop-constraint-unknown", k_family, Gravity::breaks,
     "if it is a key, ON CONFLICT and queries that went by its index no longer have it, and equal rows can come in",
     "drop it when no code needs it any more"},
    {"alter-constraint", k_family, Gravity::brief, "of a foreign key the table that it refers to is locked as well",
     ""},
    {"rename-constraint", k_family, Gravity::brief,
     "what looks for errors by the constraint's name no longer finds them", ""},
    {"add-domain-check", k_family, Gravity::slow,
     "every table with a column of the domain is read while its writers wait",
     "a check of each table instead; or NOT VALID, and VALIDATE CONSTRAINT at a quiet hour"},
    {"add-domain-check-not-valid", k_family, Gravity::brief, "binds every value that is written from then on", ""},
    {"validate-domain-check", k_family, Gravity::slow,
     "every table with a column of the domain is read while its writers wait",
     "a check of each table instead; or a quiet hour"},
    {"domain-not-null", k_family, Gravity::slow,
     "every table with a column of the domain is read while its writers wait",
     "require the column of each table instead", "set_not_null"},
    {"alter-domain", k_family, Gravity::brief, "no table is locked", ""},
});

}  // namespace

std::span<const Rule> constraint_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
