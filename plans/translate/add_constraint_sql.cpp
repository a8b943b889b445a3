#include "plans/translate/add_constraint_sql.hpp"

#include "plans/sql/deparse.hpp"

namespace pgphase::translate {

namespace json = boost::json;

std::optional<std::string> add_constraint_sql(const TableName& table, const json::object& constraint) {
  json::object relation{{"relname", table.name}, {"inh", true}, {"relpersistence", "p"}};
  if (table.schema != "public") relation["schemaname"] = table.schema;
  const json::object command{{"subtype", "AT_AddConstraint"},
                             {"def", json::object{{"Constraint", constraint}}},
                             {"behavior", "DROP_RESTRICT"}};
  return tree::deparse("AlterTableStmt", json::object{{"relation", std::move(relation)},
                                                      {"cmds", json::array{json::object{{"AlterTableCmd", command}}}},
                                                      {"objtype", "OBJECT_TABLE"}});
}

}  // namespace pgphase::translate
