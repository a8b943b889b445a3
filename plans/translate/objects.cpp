// Indexes, and what stands beside tables: types, functions, views, sequences, rights.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/sql/deparse.hpp"
#include "plans/sql/quote.hpp"
#include "plans/translate/change_toml.hpp"
#include "plans/translate/goes_along.hpp"
#include "plans/translate/names.hpp"
#include "plans/translate/step_toml.hpp"
#include "plans/translate/translator.hpp"

namespace pgphase::translate {
namespace {

namespace json = boost::json;

std::optional<std::string> index_column(const json::object& element) {
  if (element.contains("collation") || element.contains("opclassopts")) return {};
  std::string out;
  const auto name = tree::text(element, "name");
  if (!name.empty()) {
    out = "name = " + toml_text(name);
  } else if (element.contains("expr")) {
    const auto expression = tree::deparse_expression(element.at("expr"));
    if (!expression) return {};
    out = "expression = " + toml_text(*expression);
  } else {
    return {};
  }
  bool plain = !name.empty();
  if (const auto* opclass = element.if_contains("opclass")) {
    const auto parts = tree::names(*opclass);
    if (parts.size() != 1) return {};
    out += ", opclass = " + toml_text(parts.front());
    plain = false;
  }
  const auto ordering = tree::text(element, "ordering");
  if (ordering == "SORTBY_DESC") out += ", order = \"desc\"";
  if (ordering == "SORTBY_ASC") out += ", order = \"asc\"";
  const auto nulls = tree::text(element, "nulls_ordering");
  if (nulls == "SORTBY_NULLS_FIRST") out += ", nulls = \"first\"";
  if (nulls == "SORTBY_NULLS_LAST") out += ", nulls = \"last\"";
  plain =
      plain && (ordering.empty() || ordering == "SORTBY_DEFAULT") && (nulls.empty() || nulls == "SORTBY_NULLS_DEFAULT");
  return plain ? toml_text(name) : "{ " + out + " }";
}

// What takes away again what a statement has made. Empty: nobody knows.
struct Made {
  std::string_view tag, what;  // DROP what …
};
constexpr auto k_made = std::to_array<Made>({
    {"CreateSchemaStmt", "SCHEMA"},
    {"CreateSeqStmt", "SEQUENCE"},
    {"CreateEnumStmt", "TYPE"},
    {"CompositeTypeStmt", "TYPE"},
    {"CreateRangeStmt", "TYPE"},
    {"CreateDomainStmt", "DOMAIN"},
    {"CreateExtensionStmt", "EXTENSION"},
});

std::string name_of(const json::object& node) {
  for (const char* key : {"domainname", "typeName"}) {
    if (const auto* parts = node.if_contains(key)) {
      const auto name = tree::table_name(tree::names(*parts));
      return qualified(name);
    }
  }
  for (const char* key : {"sequence", "typevar", "view"}) {
    if (const auto* relation = tree::object(node, key)) return qualified(tree::table_name(*relation));
  }
  for (const char* key : {"schemaname", "extname"}) {
    if (const auto name = tree::text(node, key); !name.empty()) return quote_ident(std::string(name));
  }
  return {};
}

std::string undo_of_function(const json::object& node) {
  if (tree::flag(node, "replace")) return {};
  std::string arguments;
  for (const auto& item : tree::list(node, "parameters")) {
    const auto& parameter = tree::body_of(item);
    const auto mode = tree::text(parameter, "mode");
    if (mode == "FUNC_PARAM_TABLE" || mode == "FUNC_PARAM_OUT") continue;
    const auto* type = tree::object(parameter, "argType");
    const auto text = type ? tree::deparse_type(*type) : std::nullopt;
    if (!text) return {};
    arguments += (arguments.empty() ? "" : ", ") + *text;
  }
  const auto name = tree::table_name(tree::names(node.at("funcname")));
  return fmt::format("DROP {} {}({})", tree::flag(node, "is_procedure") ? "PROCEDURE" : "FUNCTION", qualified(name),
                     arguments);
}

std::string undo_of(const tree::RawStatement& raw) {
  for (const auto& made : k_made) {
    if (made.tag != raw.tag) continue;
    const auto name = name_of(raw.node);
    return name.empty() || tree::flag(raw.node, "if_not_exists") ? "" : fmt::format("DROP {} {}", made.what, name);
  }
  if (raw.tag == "CreateFunctionStmt") return undo_of_function(raw.node);
  if (raw.tag == "ViewStmt" && !tree::flag(raw.node, "replace")) return "DROP VIEW " + name_of(raw.node);
  if (raw.tag == "CreateTrigStmt" && !tree::flag(raw.node, "replace")) {
    const auto* relation = tree::object(raw.node, "relation");
    if (relation) {
      return fmt::format("DROP TRIGGER {} ON {}", quote_ident(std::string(tree::text(raw.node, "trigname"))),
                         qualified(tree::table_name(*relation)));
    }
  }
  if (raw.tag == "CreatePolicyStmt") {
    if (const auto* table = tree::object(raw.node, "table")) {
      return fmt::format("DROP POLICY {} ON {}", quote_ident(std::string(tree::text(raw.node, "policy_name"))),
                         qualified(tree::table_name(*table)));
    }
  }
  // Rights that are given harm nobody who comes back; to take them away could take what was there before.
  if (raw.tag == "GrantStmt" && tree::flag(raw.node, "is_grant")) return k_nothing_to_undo;
  return {};
}

// Statements that hold nobody up, and are carried out as they are written.
constexpr auto k_as_written = std::to_array<std::string_view>({
    "CreateSchemaStmt",
    "CreateSeqStmt",
    "AlterSeqStmt",
    "CreateEnumStmt",
    "CompositeTypeStmt",
    "CreateRangeStmt",
    "CreateDomainStmt",
    "AlterEnumStmt",
    "CreateFunctionStmt",
    "AlterFunctionStmt",
    "ViewStmt",
    "CreateTrigStmt",
    "CreatePolicyStmt",
    "AlterPolicyStmt",
    "GrantStmt",
    "CommentStmt",
    "CreateExtensionStmt",
    "AlterOwnerStmt",
    "AlterDefaultPrivilegesStmt",
    "CreateStatsStmt",
    "CreateCastStmt",
    "DefineStmt",
    "CreatePublicationStmt",
    "AlterPublicationStmt",
});

std::string title_of(const tree::RawStatement& raw) {
  constexpr std::size_t k_longest = 60;
  std::string out;
  for (const char c : raw.text) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20;
    if (blank && (out.empty() || out.back() == ' ')) continue;
    out += blank ? ' ' : c;
    if (out.size() >= k_longest || c == '(') break;
  }
  while (!out.empty() &&
         (out.back() == ' ' || out.back() == '(' || (static_cast<unsigned char>(out.back()) & 0x80) != 0)) {
    out.pop_back();
  }
  return out;
}

}  // namespace

void Translator::create_index(const tree::RawStatement& raw, Translated& out) {
  if (const auto name = tree::text(raw.node, "idxname"); !name.empty() && !tree::flag(raw.node, "if_not_exists"))
    made_here_.insert("index " + std::string(name));

  const auto* relation = tree::object(raw.node, "relation");
  if (!relation) {
    out.left = "the text does not say of which table";
    return;
  }
  const TableName table = tree::table_name(*relation);
  const std::string given(tree::text(raw.node, "idxname"));
  std::string name = given;
  if (given.empty()) {
    name = unique_name(table, index_columns_name(raw.node), "idx");
  } else {
    names_.insert({table.schema, given});
  }
  const TableName index{table.schema, name};
  json::object named = raw.node;
  named["idxname"] = name;
  named["concurrent"] = true;
  if (tree::flag(raw.node, "if_not_exists") && !own(table)) {
    named.erase("if_not_exists");
    out.notes.push_back(if_not_exists("the index " + name));
  }
  if (own(table)) {
    named.erase("concurrent");
    const auto sql = given.empty() ? tree::deparse(raw.tag, named) : std::optional(raw.text);
    if (!sql || tree::flag(raw.node, "concurrent")) {
      const auto plain = tree::deparse(raw.tag, named);
      by_hand(Phase::additive, "index " + name, {plain.value_or(raw.text)},
              {"DROP INDEX IF EXISTS " + qualified(index)}, out);
      return;
    }
    by_hand(Phase::additive, "index " + name, {*sql}, {"DROP INDEX IF EXISTS " + qualified(index)}, out);
    return;
  }
  if (const auto* known = known_.find(table); known && known->partitioned.value_or(false)) {
    out.left = fmt::format(
        "{} is partitioned, and cannot have an index built concurrently: create it ON ONLY {}, build one concurrently on "
        "each partition, and attach these",
        display_name(table), display_name(table));
    return;
  }
  if (as_change(raw.node, table, name, out)) return;
  const auto sql = tree::deparse(raw.tag, named);
  if (!sql) {
    out.left = fmt::format("{}: write CREATE INDEX CONCURRENTLY", name);
    return;
  }
  by_hand(Phase::additive, "index " + name, {*sql}, {"DROP INDEX CONCURRENTLY IF EXISTS " + qualified(index)}, out);
}

bool Translator::as_change(const json::object& index, const TableName& table, const std::string& name,
                           Translated& out) {
  for (const char* key : {"options", "tableSpace", "nulls_not_distinct"}) {
    if (index.contains(key)) return false;
  }
  std::string columns;
  for (const auto& item : tree::list(index, "indexParams")) {
    const auto column = index_column(tree::body_of(item));
    if (!column) return false;
    columns += (columns.empty() ? "" : ", ") + *column;
  }
  std::vector<std::string> include;
  for (const auto& item : tree::list(index, "indexIncludingParams")) {
    const auto column = tree::text(tree::body_of(item), "name");
    if (column.empty()) return false;
    include.emplace_back(column);
  }
  // Its statement may lean on it: ON CONFLICT.
  if (tree::flag(index, "unique")) keyed_.insert(table);
  ChangeToml change("create_index", table);
  change.text("name", name).raw("columns", "[" + columns + "]");
  if (tree::flag(index, "unique")) change.yes("unique");
  if (const auto method = tree::text(index, "accessMethod"); !method.empty() && method != "btree") {
    change.text("method", method);
  }
  if (!include.empty()) change.list("include", include);
  if (index.contains("whereClause")) {
    const auto where = tree::deparse_expression(index.at("whereClause"));
    if (!where) return false;
    change.text("where", *where);
  }
  out.entries.push_back(change.str());
  return true;
}

void Translator::drop(const tree::RawStatement& raw, Translated& out) {
  const auto what = tree::text(raw.node, "removeType");
  if (tree::text(raw.node, "behavior") == "DROP_CASCADE") {
    out.left = "CASCADE takes along what the text does not name: drop that first, by name";
    return;
  }
  if (what == "OBJECT_TABLE" || what == "OBJECT_INDEX") {
    for (const auto& object : tree::list(raw.node, "objects")) {
      const TableName name = tree::table_name(tree::names(object));
      if (what == "OBJECT_TABLE") {
        if (own(name)) {
          out.left = fmt::format("{} is made and dropped by the same SQL: leave both out", display_name(name));
          return;
        }
        if (is_uncopied(name, "", out)) return;
        if (tree::flag(raw.node, "missing_ok")) out.notes.push_back(if_exists("the table"));
        out.entries.push_back(ChangeToml("drop_table", name).str());
        taken_.insert(name);
        retires_ = true;
        continue;
      }
      const auto owner = known_.index_owner.find(name);
      ChangeToml change("drop_index", owner == known_.index_owner.end() ? TableName{name.schema, ""} : owner->second);
      change.text("name", name.name);
      if (tree::flag(raw.node, "missing_ok")) change.yes("if_exists");
      out.entries.push_back(change.str());
    }
    return;
  }
  if (what == "OBJECT_VIEW" || what == "OBJECT_MATVIEW" || what == "OBJECT_SEQUENCE") {
    for (const auto& object : tree::list(raw.node, "objects")) taken_.insert(tree::table_name(tree::names(object)));
  }
  one_way(Phase::constraint, title_of(raw), raw.text, "its definition is not in the SQL", out);
  out.notes.push_back("write `rollback` with its definition, instead of `irreversible`");
}

bool Translator::definition(const tree::RawStatement& raw, Translated& out) {
  if (std::find(k_as_written.begin(), k_as_written.end(), raw.tag) == k_as_written.end()) return false;
  const auto home = home_of(raw.text, out);
  if (!home) return true;
  if (const auto undo = undo_of_what_goes_along(raw, known_, new_columns_, made_here_)) {
    by_hand(*home, title_of(raw), {given_again(raw)}, {*undo}, out);
    return true;
  }
  if (raw.tag == "CreateSchemaStmt" && !tree::flag(raw.node, "if_not_exists"))
    made_here_.insert("schema " + std::string(tree::text(raw.node, "schemaname")));
  const auto undo = undo_of(raw);
  if (undo == k_nothing_to_undo) out.notes.push_back("a rollback leaves the rights as they are");
  if (!undo.empty()) {
    by_hand(*home, title_of(raw), {raw.text}, {undo}, out);
    return true;
  }
  const char* why = "what it was before is not in the SQL";
  if (raw.tag == "CommentStmt")
    out.notes.push_back("write `rollback` with the comment that it has now, or IS NULL, instead of `irreversible`");
  if (raw.tag == "AlterEnumStmt") why = "PostgreSQL takes no value of an enum away again";
  one_way(*home, title_of(raw), raw.text, why, out);
  return true;
}

}  // namespace pgphase::translate
