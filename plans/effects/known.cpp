#include "plans/effects/known.hpp"

#include <algorithm>

namespace pgphase {

const KnownRelation* Known::find(const TableName& name) const {
  const auto found = relations.find(name);
  return found == relations.end() ? nullptr : &found->second;
}

bool Known::own(const TableName& name) const {
  const auto* found = find(name);
  return found && found->own;
}

std::vector<TableName> Known::referencing(const TableName& name) const {
  std::vector<TableName> out;
  for (const auto& [table, relation] : relations) {
    for (const auto& [constraint, known] : relation.constraints) {
      if (known.kind != KnownConstraint::Kind::foreign_key || known.references != name) continue;
      if (std::find(out.begin(), out.end(), table) == out.end()) out.push_back(table);
    }
  }
  return out;
}

std::vector<TableName> Known::descendants(const TableName& name) const {
  std::vector<TableName> out;
  const auto add = [&](const auto& self, const TableName& of) -> void {
    const auto* found = find(of);
    if (!found) return;
    for (const TableName& child : found->children) {
      if (std::find(out.begin(), out.end(), child) != out.end()) continue;  // a child may have several parents
      out.push_back(child);
      self(self, child);
    }
  };
  add(add, name);
  return out;
}

}  // namespace pgphase
