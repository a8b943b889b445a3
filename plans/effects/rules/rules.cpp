#include "plans/effects/rules/rules.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace pgphase {

std::span<const Rule> all_rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> out;
    for (const auto family :
         {effects::column_rules(), effects::constraint_rules(), effects::index_rules(), effects::table_rules(),
          effects::partition_rules(), effects::object_rules(), effects::row_rules(), effects::other_rules()}) {
      out.insert(out.end(), family.begin(), family.end());
    }
    return out;
  }();
  return all;
}

const Rule& rule(std::string_view id) {
  static const auto by_id = [] {
    std::unordered_map<std::string_view, const Rule*> out;
    for (const Rule& one : all_rules()) out.emplace(one.id, &one);
    return out;
  }();
  const auto found = by_id.find(id);
  if (found == by_id.end()) throw std::logic_error("there is no rule " + std::string(id));
  return *found->second;
}

bool takes_all(const Rule& rule) {
  constexpr auto k_ids = std::to_array<std::string_view>({"drop-table", "drop-column", "truncate", "truncate-cascade",
                                                          "delete-every-row", "drop-cascade", "drop-schema",
                                                          "drop-owned", "drop-attribute"});
  return std::find(k_ids.begin(), k_ids.end(), rule.id) != k_ids.end();
}

}  // namespace pgphase
