#include "plans/check/fresh_values.hpp"

namespace pgphase {

std::string FreshValues::used_by(const tree::RawStatement& raw) const {
  std::string out;
  if (values_.empty()) return out;
  tree::walk(raw.node, [&](std::string_view key, const tree::json::object& inner) {
    const auto* words = key == "A_Const" ? tree::object(inner, "sval") : nullptr;
    if (words && values_.contains(tree::text(*words, "sval"))) out = tree::text(*words, "sval");
    return out.empty();
  });
  return out;
}

void FreshValues::note(const tree::RawStatement& raw) {
  const auto* name = raw.node.if_contains("typeName");
  if (!name || !name->is_array()) return;
  const auto type = tree::table_name(tree::names(*name));
  // Only since 17 a type that the transaction made itself may have its new values used.
  if (raw.tag == "CreateEnumStmt" && server_ >= 17) types_.insert(type);
  if (raw.tag != "AlterEnumStmt" || raw.node.contains("oldVal") || types_.contains(type)) return;
  values_.emplace(tree::text(raw.node, "newVal"));
}

void FreshValues::end_transaction() {
  types_.clear();
  values_.clear();
}

}  // namespace pgphase
