#include "plans/sql/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/sql/tree.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

// The one thing that `SELECT <something>` selects, or null where it does more than that.
const json::value* single_target(const std::vector<tree::RawStatement>& statements) {
  if (statements.size() != 1 || statements[0].tag != "SelectStmt") return nullptr;
  const auto& select = statements[0].node;
  for (const auto& member : select) {
    if (member.key() != "targetList" && member.key() != "limitOption" && member.key() != "op") return nullptr;
  }
  if (tree::text(select, "op") != "SETOP_NONE" || tree::list(select, "targetList").size() != 1) return nullptr;
  const auto& target = tree::body_of(tree::list(select, "targetList")[0]);
  if (target.contains("name")) return nullptr;
  return target.if_contains("val");
}

bool stands_bare(const json::value& node) {
  const auto tag = tree::tag_of(node);
  const auto& body = tree::body_of(node);
  if (tag == "A_Const" || tag == "SQLValueFunction") return true;
  if (tag == "TypeCast") return body.contains("arg") && tree::tag_of(body.at("arg")) == "A_Const";
  // Only a plain call; x AT TIME ZONE y is a call in the tree as well.
  return tag == "FuncCall" && tree::text(body, "funcformat") == "COERCE_EXPLICIT_CALL" && !body.contains("over") &&
         !body.contains("agg_filter");
}

void note_columns(const json::value& node, Expression& out) {
  tree::walk(node, [&](std::string_view key, const json::object& inner) {
    if (key == "SQLValueFunction") {
      const auto op = tree::text(inner, "op");
      if (op.find("CURRENT_DATE") != op.npos || op.find("TIME") != op.npos) out.reads_clock = true;
    }
    if (key != "ColumnRef") return true;
    const auto& fields = tree::list(inner, "fields");
    if (fields.empty() || tree::tag_of(fields[fields.size() - 1]) == "A_Star") {
      out.reads_whole_row = true;
    } else {
      out.columns.push_back(tree::names(inner.at("fields")).back());
    }
    return false;
  });
}

bool has_parameter(const json::value& node) {
  bool found = false;
  tree::walk(node, [&](std::string_view key, const json::object&) {
    found = found || key == "ParamRef";
    return !found;
  });
  return found;
}

SqlError shifted(SqlError error, std::size_t prefix) {
  error.character -= std::min(error.character, prefix);
  return error;
}

// A piece is put between two texts of ours; where the parser complains about what follows the piece, the piece ended
// too early.
SqlError unfinished(SqlError error, std::string_view what) {
  if (error.message == "syntax error at end of input" || error.message.ends_with("at or near \")\"")) {
    error.message += fmt::format(" (is the {} complete?)", what);
  }
  return error;
}

}  // namespace

Parsed<Expression> parse_expression(std::string_view sql) {
  constexpr std::string_view k_bare = "SELECT ";
  constexpr std::string_view k_enclosed = "SELECT (";
  // Enclosed: nothing but an expression fits. Bare: the parentheses inside it match by themselves, so it cannot have
  // closed ours and opened another.
  const auto enclosed = tree::parse(std::string(k_enclosed) + std::string(sql) + ")");
  if (!enclosed) return unfinished(shifted(enclosed.error(), k_enclosed.size()), "expression");
  const auto bare = tree::parse(std::string(k_bare) + std::string(sql));
  if (!bare) return shifted(bare.error(), k_bare.size());
  const json::value* target = single_target(*enclosed);
  if (!target || !single_target(*bare)) return SqlError{"this is not one SQL expression"};
  if (has_parameter(*target)) return SqlError{"$1 and the like stand for nothing here: write the value"};
  Expression out;
  out.functions = tree::functions(*target);
  out.tables = tree::relations(enclosed->front().node);
  note_columns(*target, out);
  out.stands_bare = stands_bare(*target);
  return out;
}

bool TypeName::serial() const {
  constexpr auto k_serials =
      std::to_array<std::string_view>({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"});
  return std::find(k_serials.begin(), k_serials.end(), name) != k_serials.end();
}

Parsed<TypeName> parse_type(std::string_view sql) {
  constexpr std::string_view k_prefix = "CREATE TABLE t (c ";
  const SqlError not_a_type{"this is not one type"};
  const auto statements = tree::parse(std::string(k_prefix) + std::string(sql) + ")");
  if (!statements) return unfinished(shifted(statements.error(), k_prefix.size()), "type");
  if (statements->size() != 1 || statements->front().tag != "CreateStmt") return not_a_type;
  const auto& create = statements->front().node;
  for (const auto& member : create) {
    if (member.key() != "relation" && member.key() != "tableElts" && member.key() != "oncommit") return not_a_type;
  }
  const auto& elements = tree::list(create, "tableElts");
  if (elements.size() != 1 || tree::tag_of(elements[0]) != "ColumnDef") return not_a_type;
  const auto& column = tree::body_of(elements[0]);
  if (column.contains("constraints")) {
    return SqlError{"a type is only a type: NOT NULL, DEFAULT and constraints have keys of their own"};
  }
  const auto* type = tree::object(column, "typeName");
  if (!type) return not_a_type;
  const auto parts = tree::names(type->at("names"));
  return parts.empty() ? Parsed<TypeName>(not_a_type) : TypeName{parts.back()};
}

Parsed<std::monostate> parse_query(std::string_view sql) {
  const auto statements = tree::parse(sql);
  if (!statements) return statements.error();
  if (statements->size() != 1 || statements->front().tag != "SelectStmt") {
    return SqlError{"this must be one SELECT that returns one row with true or false"};
  }
  bool writes = false;
  tree::walk(statements->front().node, [&](std::string_view key, const json::object&) {
    writes = writes || key == "InsertStmt" || key == "UpdateStmt" || key == "DeleteStmt" || key == "intoClause" ||
             key == "LockingClause";
    return !writes;
  });
  if (writes) return SqlError{"this query must only read: no INTO, no INSERT, UPDATE or DELETE inside, no FOR UPDATE"};
  return std::monostate{};
}

bool known_volatile(std::string_view function) {
  constexpr auto k_volatile = std::to_array<std::string_view>({
      "array_sample",     "array_shuffle",      "clock_timestamp",  "currval", "gen_random_bytes",
      "gen_random_uuid",  "gen_salt",           "lastval",          "nextval", "pg_sleep",
      "random",           "random_normal",      "set_config",       "setval",  "timeofday",
      "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "uuidv4",  "uuidv7",
  });
  // An extension may live in any schema.
  if (const auto dot = function.rfind('.'); dot != function.npos) function.remove_prefix(dot + 1);
  return std::binary_search(k_volatile.begin(), k_volatile.end(), function);
}

bool differs_by_transaction(std::string_view function) {
  constexpr auto k_stable = std::to_array<std::string_view>(
      {"age", "now", "pg_current_xact_id", "statement_timestamp", "transaction_timestamp", "txid_current"});
  return std::binary_search(k_stable.begin(), k_stable.end(), function);
}

}  // namespace pgphase
