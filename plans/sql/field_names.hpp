// Names of members, as libpg_query's two formats write them: "tableElts" in JSON is "table_elts" in protobuf, "A_Expr" is
// "a_expr". Private to plans/sql. Pure.
#pragma once

#include <string>
#include <string_view>

namespace pgphase::tree {

inline std::string plain_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '_') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

}  // namespace pgphase::tree
