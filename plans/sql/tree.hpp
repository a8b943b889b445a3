// PostgreSQL's parse tree as JSON, and the few ways in which plans/sql looks at it. Private to plans/sql.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase::tree {

namespace json = boost::json;

struct RawStatement {
  std::string text;           // without the semicolon and the blanks around it
  std::size_t character = 0;  // where `text` begins, in code points
  std::string tag;            // the node's type, e.g. "IndexStmt"
  json::object node;
};

Parsed<std::vector<RawStatement>> parse(std::string_view sql);

// Members of a node; missing ones read as empty (the parser leaves out what has its default).
std::string_view text(const json::object& node, std::string_view key);
bool flag(const json::object& node, std::string_view key);
const json::object* object(const json::object& node, std::string_view key);
const json::array& list(const json::object& node, std::string_view key);

// A node is an object with one member, its type's name: {"ColumnRef": {…}}.
std::string_view tag_of(const json::value& node);
const json::object& body_of(const json::value& node);

// The strings of a list of String nodes, or of one List node: a qualified name.
std::vector<std::string> names(const json::value& list);
TableName table_name(const json::object& range_var);
TableName table_name(const std::vector<std::string>& parts);  // [schema,] name

// Calls `visit` with each key and object in the tree, outermost first; a false return does not go deeper there.
void walk(const json::value& node, const std::function<bool(std::string_view key, const json::object&)>& visit);

// Every table that the tree names, in order, each once. Names of WITH queries are left out.
std::vector<TableName> relations(const json::object& node);
// Every function called by name: "name" or "schema.name"; pg_catalog is left out.
std::vector<std::string> functions(const json::value& node);

}  // namespace pgphase::tree
