// Which operations there are. Those that are designed but not built are named too, each with the way to do it by hand
// meanwhile: an author should learn more than that it is missing.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/changes/change.hpp"

namespace pgphase {
namespace {

struct Operation {
  const char* name;
  ChangePtr (*read)(TableReader&);
};
constexpr auto k_operations = std::to_array<Operation>({
    {"create_table", read_create_table},
    {"create_index", read_create_index},
    {"drop_index", read_drop_index},
    {"add_column", read_add_column},
    {"drop_table", read_drop_table},
    {"rename_table", read_rename_table},
    {"drop_column", read_drop_column},
    {"rename_column", read_rename_column},
    {"change_type", read_change_type},
    {"split_column", read_split_column},
    {"merge_columns", read_merge_columns},
    {"set_not_null", read_set_not_null},
    {"drop_not_null", read_drop_not_null},
    {"add_check", read_add_check},
    {"add_foreign_key", read_add_foreign_key},
    {"add_unique", read_add_unique},
    {"add_primary_key", read_add_primary_key},
});

struct Unbuilt {
  const char* name;
  const char* by_hand;
};
constexpr auto k_unbuilt = std::to_array<Unbuilt>({
    {"set_default", "by hand: [[additive]] ALTER COLUMN c SET DEFAULT …"},
    {"drop_default", "by hand: [[constraint]] ALTER COLUMN c DROP DEFAULT"},
    {"drop_constraint",
     "by hand: [[constraint]] DROP CONSTRAINT, with a rollback that adds it NOT VALID and validates"},
    {"create_view", "by hand: [[additive]] CREATE VIEW"},
    {"create_enum", "by hand: [[additive]] CREATE TYPE … AS ENUM"},
    {"raw_sql", "write [[additive]], [[backfill]] or [[constraint]] with `sql`"},
    {"sql", "write [[additive]], [[backfill]] or [[constraint]] with `sql`"},
});

std::string known_names() {
  std::string out;
  for (const auto& operation : k_operations) out += (out.empty() ? "" : ", ") + std::string(operation.name);
  return out;
}

}  // namespace

ChangePtr read_change(const Table& table, Findings& findings) {
  TableReader op_reader(table, "[[change]]", findings);
  const auto op = op_reader.required_string("op");
  if (!op) return nullptr;
  for (const auto& operation : k_operations) {
    if (*op != operation.name) continue;
    TableReader reader(table, *op, findings);
    reader.string("op");
    return operation.read(reader);
  }
  std::vector<std::string> candidates;
  for (const auto& unbuilt : k_unbuilt) {
    if (*op == unbuilt.name) {
      op_reader.error("op", fmt::format("the operation {} is not built yet in this version of pgphase", *op),
                      unbuilt.by_hand);
      return nullptr;
    }
  }
  for (const auto& operation : k_operations) candidates.emplace_back(operation.name);
  const std::string meant = nearest(*op, candidates);
  op_reader.error("op", fmt::format("\"{}\" is not an operation", *op),
                  (meant.empty() ? "" : fmt::format("did you mean {}? ", meant)) + "known: " + known_names());
  return nullptr;
}

ChangePtr read_written_step(const Table& table, Phase phase, Findings& findings) {
  TableReader reader(table, fmt::format("[[{}]]", to_string(phase)), findings);
  if (phase == Phase::backfill) return read_backfill(reader);
  for (const char* key : {"set", "where"}) {
    reader.refused(key, fmt::format("`{}` belongs into a [[backfill]] step", key));
  }
  return read_written_sql(reader, phase);
}

}  // namespace pgphase
