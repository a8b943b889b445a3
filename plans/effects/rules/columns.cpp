#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "columns";
constexpr std::string_view k_apart =
    "add the column bare, set its default in a step of its own, fill the rows in the backfill phase, and require a "
    "value in the constraint phase";

constexpr auto k_rules = std::to_array<Rule>({
    {"add-column", k_family, Gravity::brief, "the table is locked for as long as the catalogue is written", "",
     "add_column"},
    {"add-column-default", k_family, Gravity::brief,
     "a default that is the same for every row is kept in the catalogue: no row is written", "", "add_column"},
    {"add-column-volatile-default", k_family, Gravity::slow,
     "a default that gives each row another value rewrites the table", k_apart, "add_column"},
    {"add-column-unknown-default", k_family, Gravity::slow,
     "a default that calls a function which nobody knows may rewrite the table", k_apart, "add_column"},
    {"add-column-domain", k_family, Gravity::slow,
     "a column of a domain with a constraint rewrites the table, with or without a default",
     "add the column with the domain's own type, and the condition as a check of the table: NOT VALID first, then "
     "VALIDATE CONSTRAINT",
     "add_check"},
    {"add-column-not-null", k_family, Gravity::breaks,
     "a column that must not be NULL and has no default fails as soon as there is a row", k_apart, "add_column"},
    {"add-column-serial", k_family, Gravity::slow,
     "a serial column gives every row its own number, and rewrites the table for it",
     "create the sequence, add a bigint column without a default, set the default to nextval(), fill the rows in the "
     "backfill phase, and require a value in the constraint phase",
     "add_column"},
    {"add-column-identity", k_family, Gravity::slow,
     "an identity column gives every row its own number, and rewrites the table for it",
     "add a bigint column, fill it in the backfill phase, require a value, and make it an identity with ALTER COLUMN … "
     "ADD GENERATED",
     "", "17: of a partitioned table, too"},
    {"add-column-generated", k_family, Gravity::slow,
     "a stored generated column is computed for every row: the table is rewritten",
     "add a plain column that a trigger fills, and fill the rows in the backfill phase", "",
     "18: VIRTUAL columns, which rewrite nothing; the grammar of 15 does not have them"},
    {"add-column-check", k_family, Gravity::slow,
     "a check beside a new column is looked at for every row while everybody waits",
     "add the column, then the check NOT VALID, then VALIDATE CONSTRAINT", "add_check"},
    {"add-column-unique", k_family, Gravity::slow, "a key beside a new column builds its index while everybody waits",
     "add the column; then build a unique index concurrently, and ADD CONSTRAINT … USING INDEX", "add_unique"},
    {"add-column-foreign-key", k_family, Gravity::brief,
     "a foreign key beside a column without a default reads nothing, but locks the table that it points to", ""},
    {"add-column-foreign-key-default", k_family, Gravity::slow,
     "a foreign key beside a column with a default is looked at for every row while everybody waits",
     "add the column, then the foreign key NOT VALID, then VALIDATE CONSTRAINT", "add_foreign_key"},
    {"drop-column", k_family, Gravity::loses, "the column's values are lost, and what hangs on it goes too",
     "let it go out of sight with its values, and purge it when nobody has missed it", "drop_column"},
    {"change-type-rewrite", k_family, Gravity::slow,
     "the table and its indexes are written again while everybody waits",
     "a new column that a trigger keeps in step, filled in the backfill phase, that takes the old one's place in the "
     "constraint phase",
     "change_type"},
    {"change-type-unknown", k_family, Gravity::slow,
     "whether the table is written again depends on the type that the column has, and at times on the time zone",
     "a new column that a trigger keeps in step, unless the old type is known to be kept as it is", "change_type"},
    {"change-type-kept", k_family, Gravity::slow,
     "the rows stay as they are; the column's statistics go, and its checks are looked at again",
     "run ANALYZE afterwards; drop a check on the column first, and add it again NOT VALID"},
    {"set-default", k_family, Gravity::brief, "the table is locked for as long as the catalogue is written", ""},
    {"drop-default", k_family, Gravity::breaks,
     "code that leaves the column out writes NULL from then on, or fails where it is required",
     "drop it when no code leaves the column out any more"},
    {"drop-default-required", k_family, Gravity::breaks, "code that leaves the column out fails from then on",
     "drop it when no code leaves the column out any more"},
    {"drop-not-null", k_family, Gravity::brief, "readers may meet NULLs from then on", "", "drop_not_null",
     "18: the constraint goes too"},
    {"set-not-null", k_family, Gravity::slow, "every row is read while everybody waits",
     "a check (… IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT, then SET NOT NULL, which the check proves",
     "set_not_null", "18: a NOT NULL constraint can be NOT VALID itself"},
    {"set-not-null-proven", k_family, Gravity::brief,
     "nothing is read: a valid check proves it, or the column is NOT NULL already", ""},
    {"drop-expression", k_family, Gravity::spoils,
     "the column keeps its values, and nothing computes new ones: code that relies on that finds NULL, or what was before",
     "a default or a trigger that computes it first, and a waiver"},
    {"set-statistics", k_family, Gravity::brief, "reads and writes go on", ""},
    {"set-column-options", k_family, Gravity::brief, "reads and writes go on", ""},
    {"set-storage", k_family, Gravity::brief, "rows that are written later are stored so", ""},
    {"set-compression", k_family, Gravity::brief, "rows that are written later are stored so", ""},
    {"alter-identity", k_family, Gravity::brief, "the table is locked for as long as the catalogue is written",
     "let its sequence begin above the greatest value", "", "17: of a partitioned table each partition is locked, too"},
    {"add-identity", k_family, Gravity::spoils,
     "its sequence begins at 1, whatever numbers the column holds: inserts fail on the key, or write a number twice",
     "START WITH a number above the greatest, or setval() in the same transaction"},
    {"identity-always", k_family, Gravity::breaks, "code that writes the column itself fails from then on",
     "GENERATED BY DEFAULT"},
    {"drop-identity", k_family, Gravity::breaks, "the sequence goes, with where it stood", ""},
});

}  // namespace

std::span<const Rule> column_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
