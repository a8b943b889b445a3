// Foreign keys that go while something of theirs is out of sight, and come back with it: a cascade would go on changing
// rows that nobody sees, and rows that nobody sees would make statements of others fail. Internal to phases/. Blocking;
// same threading as the Session.
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <vector>

#include "phases/retire/retire.hpp"

namespace pgphase {

struct KeptForeignKey {
  TableName table;
  std::string name;
  std::string definition;  // as pg_get_constraintdef words it, without NOT VALID
  TableName referenced;
  bool valid = true;
  std::string comment = {};
};

// Of one column, or of the whole table in both directions; not those of a table to itself, which go along with it. By
// name.
Result<std::vector<KeptForeignKey>> foreign_keys_of_column(Session& session, const std::string& oid,
                                                           const std::string& column);
// Of this or another table, by an index that has the column in it, if only as an included one; those of the table to
// itself, too.
Result<std::vector<KeptForeignKey>> foreign_keys_to_column(Session& session, const std::string& oid,
                                                           const std::string& column);
Result<std::vector<KeptForeignKey>> foreign_keys_of_table(Session& session, const std::string& oid);

// ACCESS EXCLUSIVE on both tables.
std::string drop_sql(const KeptForeignKey& key);
// SHARE ROW EXCLUSIVE on both tables. NOT VALID: it binds new rows, and is checked against the others afterwards.
std::string add_again_sql(const KeptForeignKey& key);

// One more attempt on the way back to valid keys: SHARE UPDATE EXCLUSIVE, everybody goes on meanwhile. Ends when there
// is none left that can be validated; of those that rows violate, `words` gets a sentence each.
Result<RetireOutcome> validate_again(Session& session, const StepSite& site, const std::vector<KeptForeignKey>& keys,
                                     std::vector<std::string>& words, Direction direction = Direction::back);

boost::json::array to_json(const std::vector<KeptForeignKey>& keys);
std::vector<KeptForeignKey> foreign_keys_from_json(const boost::json::value& keys);  // throws what Boost.JSON does

}  // namespace pgphase
