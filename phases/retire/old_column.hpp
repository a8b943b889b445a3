// A column of the old schema on its way out of sight and back: what stands in the way, what goes with it, what comes
// back with it. docs/design/retire.md has the rules. Internal to phases/. Blocking; same threading as the Session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "phases/ledger/records.hpp"
#include "phases/postgres/session.hpp"
#include "phases/retire/foreign_keys.hpp"
#include "phases/retire/without_value.hpp"

namespace pgphase {

struct OldColumn {
  TableName table;
  std::string name;
  std::string hidden;  // its name while it is out of sight
  bool not_null = false;
  bool has_value_of_its_own = false;  // a default, also of its domain; an identity; generated
  bool identity = false;
  std::string not_null_constraint;  // from 18
  std::vector<KeptForeignKey> foreign_keys;
  std::int64_t bytes = 0;  // by the statistics; 0: unknown
};

// As the catalogue has it; nothing when it is not there.
Result<std::optional<OldColumn>> read_old_column(Session& session, const TableName& table, const std::string& column);

// What would break, a sentence each: what depends on the column, and rows that could not be written any more without a
// value for it.
Result<std::vector<std::string>> obstacles_to_retiring(Session& session, const TableName& table, const std::string& oid,
                                                       const std::string& column, LeftOut how = LeftOut::by_who_writes);
// The same for a column that only takes another name.
Result<std::vector<std::string>> obstacles_to_renaming(Session& session, const TableName& table, const std::string& oid,
                                                       const std::string& column);

// Whether NOT NULL has to go. `followed`: a trigger gives it a value, or, when that is impossible, none.
bool loses_not_null(const OldColumn& column, bool followed);

// Catalogue changes only; ACCESS EXCLUSIVE on the table, and on each referenced one. The foreign keys go with the
// column, and come back NOT VALID by themselves (add_again_sql), when all columns have their names again; NOT NULL
// comes back as a refusal of new NULLs. What is left to do then is in phases/retire/{not_null,foreign_keys}.
std::string retire_sql(const OldColumn& column, bool followed);
std::string restore_sql(const OldColumn& column, bool followed);

// The ledger's record of it.
RetiredRecord retired_record(const OldColumn& column, std::int64_t number, const StepKey& key);
Result<OldColumn> old_column_of(const RetiredRecord& record);

}  // namespace pgphase
