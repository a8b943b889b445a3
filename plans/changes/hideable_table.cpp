#include "plans/changes/hideable_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pgphase {
namespace {

namespace json = boost::json;

bool any_refers_elsewhere(const json::array& constraints, const TableName& table) {
  return std::any_of(constraints.begin(), constraints.end(),
                     [&](const json::value& one) { return refers_elsewhere(tree::body_of(one), table); });
}

}  // namespace

bool refers_elsewhere(const json::object& constraint, const TableName& table) {
  if (tree::text(constraint, "contype") != "CONSTR_FOREIGN") return false;
  const auto* to = tree::object(constraint, "pktable");
  return !to || tree::table_name(*to) != table;
}

std::string cannot_be_hidden(const tree::RawStatement& raw) {
  constexpr const char* k_by_hand = "write it as an [[additive]] step, with a `rollback`";
  if (raw.tag == "CreateTableAsStmt") {
    return "CREATE TABLE … AS makes a table and fills it: write its columns here, and the INSERT as a step of its own";
  }
  const auto* relation = tree::object(raw.node, "relation");
  if (raw.tag != "CreateStmt" || !relation) return "`sql` of a create_table is a CREATE TABLE";
  if (tree::flag(raw.node, "if_not_exists"))
    return "IF NOT EXISTS: a rollback has to know whether this plan made the table; leave it out";
  if (tree::text(*relation, "relpersistence") == "t")
    return "a temporary table is gone with its session, and each step has one of its own";
  if (raw.node.contains("partspec") || raw.node.contains("partbound"))
    return fmt::format("a partitioned table, or a partition, cannot be hidden by itself: {}", k_by_hand);
  if (raw.node.contains("inhRelations"))
    return fmt::format("a table that inherits from another one cannot be hidden: {}", k_by_hand);
  if (raw.node.contains("ofTypename"))
    return fmt::format("a table of a type depends on that: {}", k_by_hand);
  const auto table = tree::table_name(*relation);
  const auto& elements = tree::list(raw.node, "tableElts");
  const bool refers = any_refers_elsewhere(elements, table) ||
                      std::any_of(elements.begin(), elements.end(), [&](const json::value& element) {
                        return any_refers_elsewhere(tree::list(tree::body_of(element), "constraints"), table);
                      });
  if (refers) {
    return "with a foreign key in it, the table could not be hidden: write that as an [[additive]] step of its own, ALTER "
           "TABLE … ADD CONSTRAINT, whose `rollback` drops it";
  }
  return {};
}

}  // namespace pgphase
