#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "tables";
constexpr std::string_view k_window = "a new table that takes the old one's place, or a maintenance window";

constexpr auto k_rules = std::to_array<Rule>({
    {"create-table", k_family, Gravity::brief, "nobody knows the new table yet", "", "create_table"},
    {"create-table-references", k_family, Gravity::brief,
     "writers of the table that a foreign key points to wait for a moment", ""},
    {"create-table-inherits", k_family, Gravity::brief,
     "the parent is locked against other changes of its definition only", ""},
    {"create-table-as", k_family, Gravity::brief,
     "what the query reads is read for as long as it takes, under one snapshot",
     "create the table, and fill it in the backfill phase", "create_table"},
    {"drop-table", k_family, Gravity::loses, "every row is lost, and each table that a foreign key points to is locked",
     "let it go out of sight with its rows, and purge it when nobody has missed it", "drop_table"},
    {"drop-cascade", k_family, Gravity::loses, "whatever depends on it goes too, and is locked",
     "drop what depends on it by name, one after the other"},
    {"drop-empty-schema", k_family, Gravity::brief, "only a schema goes in which there is nothing", ""},
    {"drop-schema", k_family, Gravity::loses, "everything in the schema goes",
     "drop what is in it by name, one after the other"},
    {"drop-owned", k_family, Gravity::loses, "everything that the role owns goes",
     "drop it by name, one after the other"},
    {"reassign-owned", k_family, Gravity::breaks, "the role loses its rights on all that it owns, which is locked",
     "ALTER … OWNER TO, one after the other"},
    {"truncate", k_family, Gravity::loses, "every row is lost, and older snapshots see an empty table",
     "delete the rows in batches, or detach the partition"},
    {"truncate-cascade", k_family, Gravity::loses, "so is every row of each table with a foreign key to it",
     "name the tables"},
    {"rename-table", k_family, Gravity::breaks, "whoever knows the table by its old name fails from then on",
     "a view that has the other name meanwhile", "rename_table"},
    {"rename-column", k_family, Gravity::breaks, "whoever knows the column by its old name fails from then on",
     "a second column that a trigger keeps in step meanwhile", "rename_column"},
    {"rename-schema", k_family, Gravity::breaks, "whoever knows the schema by its old name fails from then on",
     "a new schema with views"},
    {"set-schema", k_family, Gravity::breaks, "whoever knows the table by its old schema fails from then on",
     "a view that stands in the old schema meanwhile"},
    {"change-owner", k_family, Gravity::breaks, "rights that came with the owner are gone from then on",
     "grant the rights first"},
    {"set-tablespace", k_family, Gravity::slow, "the table's files are copied while everybody waits", k_window},
    {"set-tablespace-all", k_family, Gravity::slow, "one table after the other is copied while everybody waits",
     k_window},
    {"set-logged", k_family, Gravity::slow, "the table is rewritten while everybody waits", k_window, "",
     "18: an error for a partitioned table"},
    {"set-access-method", k_family, Gravity::slow, "the table is rewritten while everybody waits", k_window, "",
     "15 has it first", 15},
    {"set-storage-parameter", k_family, Gravity::brief, "reads and writes go on", ""},
    {"set-strong-parameter", k_family, Gravity::brief, "readers and writers wait for a moment", ""},
    {"replica-identity", k_family, Gravity::brief,
     "readers and writers wait for a moment; FULL writes more of each change to the log", ""},
    {"replica-identity-nothing", k_family, Gravity::breaks, "where the table is published, UPDATE and DELETE fail from then on",
     "a unique index over columns that are NOT NULL, or FULL"},
    {"inherit", k_family, Gravity::slow, "readers and writers of the child wait for a moment", ""},
    {"of-type", k_family, Gravity::slow, "readers and writers wait for a moment", ""},
    {"row-security-off", k_family, Gravity::brief, "whoever may read the table sees every row from then on", ""},
    {"row-security", k_family, Gravity::breaks, "without a policy nobody but the owner sees a row from then on",
     "create the policies first"},
    {"foreign-options", k_family, Gravity::brief, "readers and writers of the foreign table wait for a moment", ""},
    {"drop-foreign-table", k_family, Gravity::breaks, "readers and writers of the foreign table fail from then on", ""},
    {"alter-composite-type", k_family, Gravity::slow, "each table of the type is locked", "another type"},
    {"drop-attribute", k_family, Gravity::loses,
     "its values are gone from every column of the type, and each table of the type is locked",
     "leave it, and stop using it"},
    {"rename-attribute", k_family, Gravity::breaks,
     "whoever knows the attribute by its old name fails from then on, and each table of the type is locked",
     "another type, with the new name"},
    {"lock-table", k_family, Gravity::brief, "locks as it says until its transaction ends", "leave locks to pgphase"},
});

}  // namespace

std::span<const Rule> table_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
