#include "plans/translate/goes_along.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/sql/deparse.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

using Names = std::vector<std::string>;

// "(public.)t.c" as its table.
TableName table_of(Names names) {
  if (!names.empty()) names.pop_back();
  return names.empty() ? TableName{} : tree::table_name(names);
}

bool is_own(std::string_view kind, const json::object& statement, const Known& known,
            const std::set<std::pair<TableName, std::string>>& columns, const std::set<std::string>& made = {}) {
  const auto* object = statement.if_contains("object");
  if (!object) return false;
  if (kind == "OBJECT_SCHEMA") {
    const auto names = tree::names(*object);
    return !names.empty() && made.contains("schema " + names.back());
  }
  if (kind == "OBJECT_TYPE" || kind == "OBJECT_DOMAIN") {
    const auto& type = tree::body_of(*object);
    return type.contains("names") && known.new_types.contains(tree::table_name(tree::names(type.at("names"))));
  }
  if (kind == "OBJECT_FUNCTION" || kind == "OBJECT_PROCEDURE") {
    const auto& function = tree::body_of(*object);
    return function.contains("objname") &&
           known.new_functions.contains(tree::table_name(tree::names(function.at("objname"))));
  }
  const bool part_of_table = kind == "OBJECT_COLUMN" || kind == "OBJECT_TABCONSTRAINT" || kind == "OBJECT_TRIGGER" ||
                             kind == "OBJECT_POLICY" || kind == "OBJECT_RULE";
  const bool relation = kind == "OBJECT_TABLE" || kind == "OBJECT_VIEW" || kind == "OBJECT_SEQUENCE";
  if (!part_of_table && !relation && kind != "OBJECT_INDEX") return false;
  const auto names = tree::names(*object);
  if (names.empty()) return false;
  if (relation) return known.own(tree::table_name(names));
  if (kind == "OBJECT_INDEX" && made.contains("index " + names.back())) return true;
  if (kind == "OBJECT_INDEX") {
    const auto owner = known.index_owner.find(tree::table_name(names));
    return owner != known.index_owner.end() && known.own(owner->second);
  }
  const auto table = table_of(names);
  return known.own(table) || (kind == "OBJECT_COLUMN" && columns.contains({table, names.back()}));
}

// OWNED BY a column would take the sequence along with the table, before its own undo comes to it.
std::string undo_of_sequence(const json::object& node, const TableName& sequence) {
  for (const auto& option : tree::list(node, "options")) {
    if (tree::text(tree::body_of(option), "defname") == "owned_by")
      return fmt::format("ALTER SEQUENCE {} OWNED BY NONE", qualified(sequence));
  }
  return k_nothing_to_undo;
}

}  // namespace

std::optional<std::string> undo_of_what_goes_along(const tree::RawStatement& raw, const Known& known,
                                                   const std::set<std::pair<TableName, std::string>>& columns,
                                                   const std::set<std::string>& made) {
  if (raw.tag == "CommentStmt") {
    if (is_own(tree::text(raw.node, "objtype"), raw.node, known, columns, made)) return k_nothing_to_undo;
  } else if (raw.tag == "AlterSeqStmt") {
    const auto* relation = tree::object(raw.node, "sequence");
    if (relation && known.own(tree::table_name(*relation)))
      return undo_of_sequence(raw.node, tree::table_name(*relation));
  } else if (raw.tag == "AlterEnumStmt") {
    const auto* names = raw.node.if_contains("typeName");
    if (names && known.new_types.contains(tree::table_name(tree::names(*names)))) return k_nothing_to_undo;
  } else if (raw.tag == "AlterOwnerStmt") {
    if (is_own(tree::text(raw.node, "objectType"), raw.node, known, columns)) return k_nothing_to_undo;
  }
  return {};
}

std::string given_again(const tree::RawStatement& raw) {
  if (raw.tag != "AlterEnumStmt" || tree::text(raw.node, "newVal").empty() || !tree::text(raw.node, "oldVal").empty())
    return raw.text;
  json::object lenient = raw.node;
  lenient["skipIfNewValExists"] = true;
  return tree::deparse(raw.tag, lenient).value_or(raw.text);
}

bool is_about_another_step(std::string_view subtype) {
  return subtype == "AT_ReplicaIdentity" || subtype == "AT_ClusterOn" || subtype.starts_with("AT_EnableTrig") ||
         subtype.starts_with("AT_DisableTrig");
}

bool can_be_given_again(std::string_view subtype) {
  constexpr auto k_same_twice = std::to_array<std::string_view>(
      {"AT_ColumnDefault", "AT_SetNotNull", "AT_DropNotNull", "AT_EnableRowSecurity", "AT_DisableRowSecurity",
       "AT_ForceRowSecurity", "AT_NoForceRowSecurity", "AT_SetRelOptions", "AT_ResetRelOptions",
       "AT_SetStatistics", "AT_SetStorage", "AT_SetOptions", "AT_ChangeOwner"});
  return is_about_another_step(subtype) || std::find(k_same_twice.begin(), k_same_twice.end(), subtype) != k_same_twice.end();
}

}  // namespace pgphase::translate
