#include "plans/sql/tree.hpp"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <memory>
#include <set>

#include "plans/sql/blanks.hpp"
#include "plans/sql/integers.hpp"
#include "plans/sql/nesting.hpp"

namespace pgphase::tree {
namespace {

// JSON levels; an expression of a thousand terms has some three thousand. Bounds our own recursion.
constexpr std::size_t k_max_depth = 5000;

// libpg_query recurses as deep as the tree is; this many levels take less than a stack of 8 MiB has.
constexpr std::size_t k_max_tokens_deep = 32UL * 1024;

constexpr const char* k_too_deep = "the SQL is nested too deeply to be looked at";

struct FreeResult {
  void operator()(PgQueryParseResult* result) const {
    pg_query_free_parse_result(*result);
    delete result;
  }
};

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t number(const json::object& node, std::string_view key) {
  const auto* found = node.if_contains(key);
  return found && found->is_int64() && found->as_int64() > 0 ? static_cast<std::size_t>(found->as_int64()) : 0;
}

}  // namespace

Parsed<std::vector<RawStatement>> parse(std::string_view sql) {
  if (const auto nul = sql.find('\0'); nul != std::string_view::npos) {
    return SqlError{"SQL cannot hold a NUL byte", characters(sql.substr(0, nul))};
  }
  if (sql.size() > k_max_sql_bytes) {
    return SqlError{
        fmt::format("the SQL has {} bytes; more than {} in one string are refused", sql.size(), k_max_sql_bytes)};
  }
  // No more than a token for two bytes, so that short texts need no look.
  if (sql.size() > 2 * k_max_tokens_deep && deepest_nesting(std::string(sql)) > k_max_tokens_deep) {
    return SqlError{k_too_deep};
  }
  const std::unique_ptr<PgQueryParseResult, FreeResult> result(
      new PgQueryParseResult(pg_query_parse(std::string(sql).c_str())));
  if (result->error) {
    const int at = result->error->cursorpos;  // 1-based; 0: unknown
    return SqlError{result->error->message, at > 0 ? static_cast<std::size_t>(at) - 1 : 0};
  }
  json::parse_options options;
  options.max_depth = k_max_depth;
  boost::system::error_code failed;
  json::value parsed = json::parse(result->parse_tree, failed, {}, options);
  if (failed) return SqlError{k_too_deep};
  const std::string_view written(result->parse_tree);
  const bool in_doubt = written.find("\"ival\":{}") != written.npos || written.find("\"Integer\":{}") != written.npos;
  if (in_doubt) restore_integers(std::string(sql), parsed);

  std::vector<RawStatement> out;
  for (const auto& item : list(parsed.as_object(), "stmts")) {
    const auto& raw = item.as_object();
    const std::size_t from = std::min(number(raw, "stmt_location"), sql.size());
    const std::size_t length = number(raw, "stmt_len");
    const std::size_t begin = skip_blanks(sql, from);
    const std::size_t end = length == 0 ? sql.size() : std::min(from + length, sql.size());
    RawStatement one;
    std::string_view body = sql.substr(begin, end > begin ? end - begin : 0);
    while (!body.empty() && std::string_view(" \t\r\n;").find(body.back()) != std::string_view::npos) {
      body.remove_suffix(1);
    }
    one.text = std::string(body);
    one.character = characters(sql.substr(0, begin));
    const auto& node = raw.at("stmt");
    one.tag = std::string(tag_of(node));
    one.node = body_of(node);
    out.push_back(std::move(one));
  }
  return out;
}

std::string_view text(const json::object& node, std::string_view key) {
  const auto* found = node.if_contains(key);
  if (!found || !found->is_string()) return {};
  return {found->get_string().data(), found->get_string().size()};
}

bool flag(const json::object& node, std::string_view key) {
  const auto* found = node.if_contains(key);
  return found && found->is_bool() && found->get_bool();
}

const json::object* object(const json::object& node, std::string_view key) {
  const auto* found = node.if_contains(key);
  return found ? found->if_object() : nullptr;
}

const json::array& list(const json::object& node, std::string_view key) {
  static const json::array k_empty;
  const auto* found = node.if_contains(key);
  return found && found->is_array() ? found->get_array() : k_empty;
}

std::string_view tag_of(const json::value& node) {
  if (!node.is_object() || node.get_object().empty()) return {};
  const auto key = node.get_object().begin()->key();
  return {key.data(), key.size()};
}

const json::object& body_of(const json::value& node) {
  static const json::object k_empty;
  if (!node.is_object() || node.get_object().empty()) return k_empty;
  const auto& body = node.get_object().begin()->value();
  return body.is_object() ? body.get_object() : k_empty;
}

std::vector<std::string> names(const json::value& node) {
  std::vector<std::string> out;
  const json::array* items = node.if_array();
  if (tag_of(node) == "List") items = &list(body_of(node), "items");
  if (tag_of(node) == "TypeName") items = &list(body_of(node), "names");
  if (tag_of(node) == "String") out.emplace_back(text(body_of(node), "sval"));
  if (!items) return out;
  for (const auto& item : *items) {
    if (tag_of(item) == "String") out.emplace_back(text(body_of(item), "sval"));
  }
  return out;
}

TableName table_name(const json::object& range_var) {
  const auto schema = text(range_var, "schemaname");
  return {std::string(schema.empty() ? "public" : schema), std::string(text(range_var, "relname"))};
}

TableName table_name(const std::vector<std::string>& parts) {
  if (parts.empty()) return {};
  if (parts.size() == 1) return {"public", parts[0]};
  return {parts[parts.size() - 2], parts.back()};
}

void walk(const json::value& node, const std::function<bool(std::string_view, const json::object&)>& visit) {
  if (const auto* items = node.if_array()) {
    for (const auto& item : *items) walk(item, visit);
  } else if (const auto* object = node.if_object()) {
    for (const auto& member : *object) {
      const std::string_view key(member.key().data(), member.key().size());
      if (const auto* inner = member.value().if_object(); inner && !visit(key, *inner)) continue;
      walk(member.value(), visit);
    }
  }
}

std::vector<TableName> relations(const json::object& node) {
  std::set<std::string, std::less<>> with_queries;
  std::vector<TableName> out;
  walk(node, [&](std::string_view key, const json::object& inner) {
    if (key == "CommonTableExpr") with_queries.emplace(text(inner, "ctename"));
    return true;
  });
  walk(node, [&](std::string_view, const json::object& inner) {
    if (!inner.contains("relname")) return true;
    const bool is_query = text(inner, "schemaname").empty() && with_queries.contains(text(inner, "relname"));
    const TableName table = table_name(inner);
    if (!is_query && std::find(out.begin(), out.end(), table) == out.end()) out.push_back(table);
    return true;
  });
  return out;
}

std::vector<std::string> functions(const json::value& node) {
  std::vector<std::string> out;
  walk(node, [&](std::string_view key, const json::object& inner) {
    if (key != "FuncCall") return true;
    auto parts = names(inner.at("funcname"));
    if (parts.size() > 1 && parts.front() == "pg_catalog") parts.erase(parts.begin());
    const std::string name = fmt::format("{}", fmt::join(parts, "."));
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    return true;
  });
  return out;
}

}  // namespace pgphase::tree
