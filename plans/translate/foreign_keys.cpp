#include "plans/translate/foreign_keys.hpp"

#include <algorithm>
#include <iterator>

#include "plans/changes/hideable_table.hpp"

namespace pgphase::translate {

namespace json = boost::json;

namespace {

// What stands behind a constraint of a column and is about it.
bool apply_attribute(std::string_view kind, json::object& constraint) {
  if (kind == "CONSTR_ATTR_DEFERRABLE" || kind == "CONSTR_ATTR_DEFERRED") constraint["deferrable"] = true;
  if (kind == "CONSTR_ATTR_DEFERRED") constraint["initdeferred"] = true;
  return kind.starts_with("CONSTR_ATTR_");
}

}  // namespace

std::vector<json::object> foreign_keys_of_column(json::object& column, const TableName& table) {
  std::vector<json::object> out;
  if (!column.contains("constraints")) return out;
  json::array left;
  bool taken = false;
  for (const auto& item : tree::list(column, "constraints")) {
    const auto& constraint = tree::body_of(item);
    if (taken && apply_attribute(tree::text(constraint, "contype"), out.back())) continue;
    taken = refers_elsewhere(constraint, table);
    if (!taken) {
      left.push_back(item);
      continue;
    }
    out.push_back(constraint);
    out.back()["fk_attrs"] = json::array{
        json::object{{"String", json::object{{"sval", std::string(tree::text(column, "colname"))}}}}};
  }
  // As the parser has a column without any.
  if (left.empty()) {
    column.erase("constraints");
  } else {
    column["constraints"] = std::move(left);
  }
  return out;
}

std::vector<json::object> foreign_keys_of_table(json::object& create, const TableName& table) {
  std::vector<json::object> out;
  if (!create.contains("tableElts")) return out;
  json::array left;
  for (const auto& item : tree::list(create, "tableElts")) {
    if (tree::tag_of(item) == "Constraint" && refers_elsewhere(tree::body_of(item), table)) {
      out.push_back(tree::body_of(item));
      continue;
    }
    left.push_back(item);
    if (tree::tag_of(item) != "ColumnDef") continue;
    auto of_column = foreign_keys_of_column(left.back().as_object().at("ColumnDef").as_object(), table);
    std::move(of_column.begin(), of_column.end(), std::back_inserter(out));
  }
  create["tableElts"] = std::move(left);
  return out;
}

}  // namespace pgphase::translate
