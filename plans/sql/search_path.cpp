#include "plans/sql/search_path.hpp"

#include <algorithm>
#include <array>

namespace pgphase::tree {
namespace {

namespace json = boost::json;

// SET takes a list of names, set_config() one text with commas in it.
SearchPath meaning_of(std::string_view path) {
  std::string word;
  const auto known = [&] {
    constexpr auto k_usual = std::to_array<std::string_view>({"", "public", "pg_catalog", "$user"});
    return std::find(k_usual.begin(), k_usual.end(), word) != k_usual.end();
  };
  for (const char c : path) {
    if (c == ',') {
      if (!known()) return SearchPath::elsewhere;
      word.clear();
    } else if (c != ' ' && c != '"' && c != '\'') {
      word += c;
    }
  }
  return known() ? SearchPath::to_public : SearchPath::elsewhere;
}

std::string_view constant(const json::value& node) {
  if (tag_of(node) != "A_Const") return {};
  const auto* words = object(body_of(node), "sval");
  return words ? text(*words, "sval") : std::string_view();
}

}  // namespace

SearchPath search_path_after(const RawStatement& raw) {
  if (raw.tag == "VariableSetStmt") {
    const auto kind = text(raw.node, "kind");
    if (kind == "VAR_RESET_ALL") return SearchPath::to_public;
    if (text(raw.node, "name") != "search_path") return SearchPath::untouched;
    if (kind != "VAR_SET_VALUE") return SearchPath::to_public;
    for (const auto& item : list(raw.node, "args")) {
      if (meaning_of(constant(item)) == SearchPath::elsewhere) return SearchPath::elsewhere;
    }
    return SearchPath::to_public;
  }
  auto out = SearchPath::untouched;
  walk(raw.node, [&](std::string_view key, const json::object& node) {
    if (key != "FuncCall" || !node.contains("funcname")) return true;
    const auto name = names(node.at("funcname"));
    const auto& arguments = list(node, "args");
    if (name.empty() || name.back() != "set_config" || arguments.size() < 2) return true;
    if (constant(arguments[0]) == "search_path") {
      const bool written = tag_of(arguments[1]) == "A_Const";
      out = written ? meaning_of(constant(arguments[1])) : SearchPath::elsewhere;
    }
    return true;
  });
  return out;
}

}  // namespace pgphase::tree
