// Statements whose effect does not end at the database: a branch on the same server is none for them.
#include <algorithm>
#include <array>
#include <regex>

#include "plans/sql/effects.hpp"

namespace pgphase::effects {
namespace {

constexpr auto k_shared_statements = std::to_array<std::string_view>({
    "CreateRoleStmt",
    "AlterRoleStmt",
    "AlterRoleSetStmt",
    "DropRoleStmt",
    "GrantRoleStmt",
    "AlterDatabaseStmt",
    "AlterDatabaseSetStmt",
    "AlterDatabaseRefreshCollStmt",
    "AlterTableSpaceOptionsStmt",
    "AlterSubscriptionStmt",
});

// Of statements that are for many kinds of things: GRANT, COMMENT, SECURITY LABEL, RENAME, OWNER TO.
constexpr auto k_shared_kinds = std::to_array<std::string_view>(
    {"OBJECT_ROLE", "OBJECT_DATABASE", "OBJECT_TABLESPACE", "OBJECT_SUBSCRIPTION", "OBJECT_PARAMETER_ACL"});

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool says_so_in_its_text(const std::string& text) {
  static const std::regex statement(
      R"((create|alter|drop)\s+(role|user|group|database|subscription|tablespace)\s|alter\s+system\s)",
      std::regex::icase | std::regex::optimize);
  return std::regex_search(text, statement);
}

}  // namespace

bool reaches_beyond_the_database(const tree::RawStatement& raw) {
  if (is_one_of(k_shared_statements, raw.tag)) return true;
  if (raw.tag == "DoStmt") return says_so_in_its_text(raw.text);
  for (const auto* key : {"objtype", "objectType", "renameType", "removeType"}) {
    if (is_one_of(k_shared_kinds, tree::text(raw.node, key))) return true;
  }
  return false;
}

}  // namespace pgphase::effects
