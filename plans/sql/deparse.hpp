// A parse tree as SQL text again. Each answer has been parsed once more and compared with the tree that it came from,
// so that a fault of the deparser becomes "no answer" and never another statement. Private to plans. Pure; any thread.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace pgphase::tree {

// A statement: tag "AlterTableStmt" and its body.
std::optional<std::string> deparse(std::string_view tag, const boost::json::object& body);
std::optional<std::string> deparse_expression(const boost::json::value& node);
std::optional<std::string> deparse_type(const boost::json::object& type_name);

// Equal but for the places in the text.
bool same_tree(const boost::json::value& a, const boost::json::value& b);

}  // namespace pgphase::tree
