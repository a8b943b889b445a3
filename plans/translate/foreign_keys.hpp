// Foreign keys to other tables, taken out of the definition of a new table or column: each as ADD CONSTRAINT has it. A step
// of their own can take them off again, and then the table can be hidden. Private to plans/translate. Pure.
#pragma once

#include <vector>

#include "plans/sql/tree.hpp"

namespace pgphase::translate {

std::vector<tree::json::object> foreign_keys_of_table(tree::json::object& create, const TableName& table);
// `column`: a ColumnDef of `table`.
std::vector<tree::json::object> foreign_keys_of_column(tree::json::object& column, const TableName& table);

}  // namespace pgphase::translate
