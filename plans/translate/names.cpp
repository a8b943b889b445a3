#include "plans/translate/names.hpp"

#include <algorithm>

#include "plans/base/utf8.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::translate {
namespace {

constexpr std::size_t k_longest = 63;  // bytes: NAMEDATALEN - 1

std::string_view clipped(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && continues_utf8(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

// As FigureIndexColname() calls an expression.
std::string expression_name(const boost::json::value& node) {
  if (tree::tag_of(node) != "FuncCall") return "expr";
  const auto parts = tree::names(tree::body_of(node).at("funcname"));
  return parts.empty() ? "expr" : parts.back();
}

}  // namespace

std::string object_name(std::string_view table, std::string_view middle, std::string_view label) {
  const std::size_t overhead = (middle.empty() ? 0 : 1) + label.size() + 1;
  const std::size_t room = k_longest - overhead;
  std::size_t first = table.size();
  std::size_t second = middle.size();
  while (first + second > room) {
    if (first > second)
      --first;
    else
      --second;
  }
  std::string out(clipped(table, first));
  if (!middle.empty()) out += '_' + std::string(clipped(middle, second));
  return out + '_' + std::string(label);
}

std::string joined(const std::vector<std::string>& columns) {
  std::string out;
  for (const auto& column : columns) {
    if (!out.empty()) out += '_';
    out += column;
    if (out.size() > k_longest) break;
  }
  return std::string(clipped(out, k_longest));
}

std::string index_columns_name(const boost::json::object& index) {
  std::vector<std::string> parts;
  for (const auto& item : tree::list(index, "indexParams")) {
    const auto& element = tree::body_of(item);
    std::string name(tree::text(element, "name"));
    if (name.empty() && element.contains("expr")) name = expression_name(element.at("expr"));
    // Of two that are called the same the second gets a number.
    std::string unique = name;
    for (int i = 1; std::find(parts.begin(), parts.end(), unique) != parts.end(); ++i)
      unique = name + std::to_string(i);
    parts.push_back(std::move(unique));
  }
  return joined(parts);
}

std::vector<std::string> columns_in(const boost::json::value& expression) {
  std::vector<std::string> out;
  const auto note = [&](const boost::json::object& reference) {
    if (!reference.contains("fields")) return;
    const auto parts = tree::names(reference.at("fields"));
    if (parts.empty() || std::find(out.begin(), out.end(), parts.back()) != out.end()) return;
    out.push_back(parts.back());
  };
  tree::walk(expression, [&](std::string_view key, const boost::json::object& inner) {
    if (key == "ColumnRef") note(inner);
    return true;
  });
  return out;
}

}  // namespace pgphase::translate
