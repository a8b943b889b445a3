#include "plans/translate/pending.hpp"

#include <algorithm>
#include <array>

namespace pgphase::translate {
namespace {

namespace json = boost::json;

bool changes_rows(const tree::RawStatement& raw) {
  return raw.tag == "InsertStmt" || raw.tag == "UpdateStmt" || raw.tag == "MergeStmt";
}

constexpr auto k_definitions = std::to_array<std::string_view>(
    {"CreateTrigStmt", "CreateFunctionStmt", "CreateEnumStmt", "CompositeTypeStmt", "CreateDomainStmt", "CreateRangeStmt",
     "CreatePolicyStmt", "CreateSeqStmt", "CreateCastStmt", "CreateSchemaStmt", "CreateStatsStmt", "DefineStmt",
     "RuleStmt", "ViewStmt", "CreateTableAsStmt", "CreateStmt", "CreateOpClassStmt", "CreateOpFamilyStmt"});

// Of a trigger, policy or rule: the last part is its own name.
TableName table_of_dropped(const json::value& object) {
  auto parts = tree::names(object);
  if (!parts.empty()) parts.pop_back();
  return tree::table_name(parts);
}

bool has_command(const tree::RawStatement& raw, bool (*wanted)(std::string_view)) {
  const auto& commands = tree::list(raw.node, "cmds");
  return std::any_of(commands.begin(), commands.end(), [wanted](const json::value& item) {
    return wanted(tree::text(tree::body_of(item), "subtype"));
  });
}

// What an INSERT or UPDATE does besides, or leaves out.
bool acts_on_rows(std::string_view subtype) {
  return subtype == "AT_ColumnDefault" || subtype.starts_with("AT_EnableTrig") || subtype.starts_with("AT_DisableTrig") ||
         subtype.starts_with("AT_EnableRule") || subtype == "AT_DisableRule" || subtype.starts_with("AT_EnableAlways") ||
         subtype.starts_with("AT_EnableReplica");
}

// Numbers that a backfill gives come from where the sequence stands.
bool counts_anew(const tree::RawStatement& raw) {
  const auto& options = tree::list(raw.node, "options");
  return std::any_of(options.begin(), options.end(),
                     [](const json::value& one) { return tree::text(tree::body_of(one), "defname") != "owned_by"; });
}

TableName table_of(const tree::RawStatement& raw) {
  for (const char* key : {"relation", "table"}) {
    if (const auto* relation = tree::object(raw.node, key)) return tree::table_name(*relation);
  }
  return {};
}

}  // namespace

void Pending::note(const tree::RawStatement& raw, const TableName& table) {
  if (changes_rows(raw)) rows_.insert(table);
  if (raw.tag == "AlterTableStmt" && has_command(raw, [](std::string_view one) { return one == "AT_DropConstraint"; })) {
    loosened_.insert(table);
  }
  if (raw.tag != "DropStmt") return;
  const auto what = tree::text(raw.node, "removeType");
  for (const auto& object : tree::list(raw.node, "objects")) {
    if (what == "OBJECT_INDEX") indexes_.insert(tree::table_name(tree::names(object)));
    if (what == "OBJECT_TRIGGER" || what == "OBJECT_POLICY" || what == "OBJECT_RULE") {
      loosened_.insert(table_of_dropped(object));
    }
  }
  if (what == "OBJECT_VIEW" || what == "OBJECT_MATVIEW") views_ = true;
  if (what != "OBJECT_INDEX" && what != "OBJECT_TABLE") definitions_ = true;
}

bool Pending::comes_before(const tree::RawStatement& raw) const {
  const auto table = table_of(raw);
  if (changes_rows(raw)) return loosened_.contains(table);
  if (raw.tag == "IndexStmt") {
    return indexes_.contains({table.schema, std::string(tree::text(raw.node, "idxname"))});
  }
  const bool definition = std::find(k_definitions.begin(), k_definitions.end(), raw.tag) != k_definitions.end();
  if (definition && definitions_) return true;
  if (views_ && (raw.tag == "AlterTableStmt" || raw.tag == "RenameStmt")) return true;
  if (rows_.empty()) return false;
  if (raw.tag == "CreateFunctionStmt" || raw.tag == "AlterFunctionStmt" || raw.tag == "AlterDomainStmt") return true;
  if (raw.tag == "AlterSeqStmt") return counts_anew(raw);
  if (raw.tag == "CreateTrigStmt" || raw.tag == "RuleStmt" || raw.tag == "CreatePolicyStmt") {
    return rows_.contains(table);
  }
  return raw.tag == "AlterTableStmt" && rows_.contains(table) && has_command(raw, acts_on_rows);
}

}  // namespace pgphase::translate
