// Definitions that lock no relation which exists: functions, types, schemas and the like.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto k_definitions = std::to_array<std::string_view>({
    "AlterCollationStmt",       "AlterEventTrigStmt",    "AlterFdwStmt",
    "AlterForeignServerStmt",   "AlterFunctionStmt",     "AlterObjectDependsStmt",
    "AlterOpFamilyStmt",        "AlterOperatorStmt",     "AlterOwnerStmt",
    "AlterTSConfigurationStmt", "AlterTSDictionaryStmt", "AlterTypeStmt",
    "AlterUserMappingStmt",     "CompositeTypeStmt",     "CreateAmStmt",
    "CreateCastStmt",           "CreateConversionStmt",  "CreateDomainStmt",
    "CreateEnumStmt",           "CreateEventTrigStmt",   "CreateFdwStmt",
    "CreateForeignServerStmt",  "CreateFunctionStmt",    "CreateOpClassStmt",
    "CreateOpFamilyStmt",       "CreatePLangStmt",       "CreateRangeStmt",
    "CreateTransformStmt",      "CreateUserMappingStmt", "DefineStmt",
    "DropUserMappingStmt",
});

void sequence(Reading& r, const json::object& node, bool alters) {
  const auto* relation = tree::object(node, "sequence");
  const TableName name = relation ? tree::table_name(*relation) : TableName{};
  r.out.note = "no table is locked";
  r.rule(alters ? "alter-sequence" : "create-sequence", name);
  if (alters) {
    r.on(name, LockMode::share_row_exclusive, RelationKind::sequence);
    restarts(r, tree::list(node, "options"), name, {});
  }
  for (const auto& item : tree::list(node, "options")) {
    const auto& option = tree::body_of(item);
    if (tree::text(option, "defname") != "owned_by" || !option.contains("arg")) continue;
    auto parts = tree::names(option.at("arg"));
    if (parts.size() < 2) continue;  // NONE
    parts.pop_back();
    r.on(tree::table_name(parts), LockMode::access_share);
  }
}

bool is_true(const json::object& option) {
  const auto* value = option.if_contains("arg");
  return value && tree::flag(tree::body_of(*value), "boolval");
}

// Left out of the tree: 0, or a number below it.
std::int64_t number_of(const json::object& option) {
  const auto* value = tree::object(option, "arg");
  if (!value) return 0;
  if (const auto* number = tree::object(*value, "Integer")) {
    const auto* one = number->if_contains("ival");
    return one && one->is_int64() ? one->get_int64() : 0;
  }
  // Beyond 32 bits it is written as a Float.
  return value->contains("Float") ? std::numeric_limits<std::int64_t>::max() : 0;
}

}  // namespace

void restarts(Reading& r, const json::array& options, const TableName& table, const std::string& object) {
  for (const auto& item : options) {
    const auto& option = tree::body_of(item);
    // Counting down, or round and round, it comes to numbers that were given.
    const bool back = tree::text(option, "defname") == "increment" && number_of(option) <= 0;
    if (back || (tree::text(option, "defname") == "cycle" && is_true(option))) r.rule("restart-sequence-at", table, object);
    if (tree::text(option, "defname") != "restart") continue;
    r.rule(option.contains("arg") ? "restart-sequence-at" : "restart-sequence", table, object);
  }
}

bool begins_above_one(const json::array& options) {
  return std::any_of(options.begin(), options.end(), [](const json::value& item) {
    const auto& option = tree::body_of(item);
    return tree::text(option, "defname") == "start" && number_of(option) > 1;
  });
}

bool catalogue_only(Reading& r) {
  const auto& tag = r.raw.tag;
  if (tag == "CreateSeqStmt" || tag == "AlterSeqStmt") {
    sequence(r, r.node, tag == "AlterSeqStmt");
    return true;
  }
  if (tag == "CreateSchemaStmt") {
    r.rule("create-definition");
    r.out.note = "no table is locked";
    for (const auto& element : tree::list(r.node, "schemaElts")) {
      tree::RawStatement inner;
      inner.text = r.raw.text;
      inner.tag = std::string(tree::tag_of(element));
      inner.node = tree::body_of(element);
      Reading part(inner, r.known, r.out);
      by_family(part);
    }
    return true;
  }
  if (tag == "CreateFunctionStmt") {
    r.rule(tree::flag(r.node, "replace") ? "replace-function" : "create-definition");
    r.out.note = "no table is locked";
    // A body of SQL proper is parsed now, and what it reads is looked at.
    r.reads(r.node);
    return true;
  }
  if (std::find(k_definitions.begin(), k_definitions.end(), tag) == k_definitions.end()) return false;
  r.rule("create-definition");
  r.out.note = "no table is locked";
  return true;
}

}  // namespace pgphase::effects
