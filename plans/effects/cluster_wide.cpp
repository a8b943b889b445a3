// What all databases of the server share, what cannot run in a transaction, and what cannot be looked into.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <regex>
#include <utility>

#include "plans/effects/derive.hpp"
#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

struct Tag {
  std::string_view tag;
  std::string_view rule;
};

constexpr auto k_outside = std::to_array<Tag>({
    {"CreatedbStmt", "create-database"},
    {"DropdbStmt", "drop-database"},
    {"AlterSystemStmt", "alter-system"},
    {"CreateTableSpaceStmt", "tablespace"},
    {"DropTableSpaceStmt", "tablespace"},
});

constexpr auto k_roles = std::to_array<std::string_view>({
    "CreateRoleStmt",
    "AlterRoleStmt",
    "AlterRoleSetStmt",
    "DropRoleStmt",
    "GrantRoleStmt",
    "AlterDatabaseStmt",
    "AlterDatabaseSetStmt",
    "AlterDatabaseRefreshCollStmt",
    "AlterTableSpaceOptionsStmt",
});

// Of statements that are for many kinds of things: GRANT, COMMENT, SECURITY LABEL, RENAME, OWNER TO.
constexpr auto k_shared_kinds = std::to_array<std::string_view>(
    {"OBJECT_ROLE", "OBJECT_DATABASE", "OBJECT_TABLESPACE", "OBJECT_SUBSCRIPTION", "OBJECT_PARAMETER_ACL"});

// They run what somebody else wrote.
constexpr auto k_opaque = std::to_array<std::string_view>({"DoStmt", "CallStmt", "ExecuteStmt", "CreateExtensionStmt",
                                                           "AlterExtensionStmt", "AlterExtensionContentsStmt",
                                                           "LoadStmt", "SecLabelStmt", "ImportForeignSchemaStmt"});

constexpr auto k_settings = std::to_array<std::string_view>(
    {"VariableSetStmt", "VariableShowStmt", "DiscardStmt", "ConstraintsSetStmt", "TransactionStmt", "CheckPointStmt",
     "ListenStmt", "UnlistenStmt", "NotifyStmt", "DeallocateStmt", "ClosePortalStmt", "FetchStmt"});

template <std::size_t N>
bool among(const std::array<std::string_view, N>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// Of code the text is all that there is to look at.
bool says_so_in_its_text(const std::string& text) {
  static const std::regex statement(
      R"((create|alter|drop)\s+(role|user|group|database|subscription|tablespace)\s|alter\s+system\s)",
      std::regex::icase | std::regex::optimize);
  return std::regex_search(text, statement);
}

bool create_slot(const json::object& node) {
  for (const auto& item : tree::list(node, "options")) {
    const auto& option = tree::body_of(item);
    const auto name = tree::text(option, "defname");
    if (name != "create_slot" && name != "connect") continue;
    const auto* value = option.if_contains("arg");
    if (!value) return true;
    const auto& body = tree::body_of(*value);
    const bool off = tree::text(body, "sval") == "false" || tree::text(body, "sval") == "off";
    if (off || (tree::tag_of(*value) == "Boolean" && !tree::flag(body, "boolval"))) return false;
  }
  return true;
}

SessionStep transaction_step(const json::object& node) {
  const auto kind = tree::text(node, "kind");
  if (kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START") return SessionStep::begins_transaction;
  if (tree::flag(node, "chain")) return SessionStep::none;
  if (kind == "TRANS_STMT_ROLLBACK") return SessionStep::takes_back_transaction;
  const bool ends = kind == "TRANS_STMT_COMMIT" || kind == "TRANS_STMT_PREPARE";
  return ends ? SessionStep::ends_transaction : SessionStep::none;
}

// Longer than anybody would let an application wait: a limit in name only.
constexpr std::int64_t k_longest_limit_ms = 60'000;

// As PostgreSQL reads a number of milliseconds, with or without its unit. 0: no limit, or none that can be read.
std::int64_t milliseconds_in(std::string_view text) {
  double number = 0;
  const auto* begin = text.data() + std::min(text.find_first_not_of(" \t"), text.size());
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  if (error != std::errc()) return 0;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  while (unit.ends_with(' ')) unit.remove_suffix(1);
  constexpr std::pair<std::string_view, double> k_units[] = {
      {"", 1}, {"us", 0.001}, {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  for (const auto& [name, factor] : k_units) {
    if (unit == name) return static_cast<std::int64_t>(std::clamp(std::ceil(number * factor), 0.0, 1e15));
  }
  return 0;
}

SessionStep of_limit(std::int64_t milliseconds, bool local) {
  if (milliseconds <= 0 || milliseconds > k_longest_limit_ms) return SessionStep::lifts_lock_limit;
  return local ? SessionStep::limits_waits_of_transaction : SessionStep::limits_lock_waits;
}

// SET lock_timeout = 0, TO DEFAULT and RESET leave no limit that the text tells of.
SessionStep setting_step(const json::object& node) {
  const auto kind = tree::text(node, "kind");
  if (kind == "VAR_RESET_ALL") return SessionStep::lifts_lock_limit;
  if (tree::text(node, "name") != "lock_timeout") return SessionStep::none;
  if (kind != "VAR_SET_VALUE") return SessionStep::lifts_lock_limit;
  for (const auto& item : tree::list(node, "args")) {
    const auto& constant = tree::body_of(item);
    if (const auto* number = tree::object(constant, "ival")) {
      const auto* value = number->if_contains("ival");  // left out: 0
      return of_limit(value && value->is_int64() ? value->get_int64() : 0, tree::flag(node, "is_local"));
    }
    if (const auto* words = tree::object(constant, "sval")) {
      return of_limit(milliseconds_in(tree::text(*words, "sval")), tree::flag(node, "is_local"));
    }
  }
  return SessionStep::none;
}

}  // namespace

bool reaches_beyond_the_database(const tree::RawStatement& raw) {
  if (among(k_roles, raw.tag) || raw.tag == "AlterSubscriptionStmt") return true;
  if (raw.tag == "DoStmt") return says_so_in_its_text(raw.text);
  for (const auto* key : {"objtype", "objectType", "renameType", "removeType"}) {
    if (among(k_shared_kinds, tree::text(raw.node, key))) return true;
  }
  return false;
}

bool cluster_wide(Reading& r) {
  const auto& tag = r.raw.tag;
  for (const auto& known : k_outside) {
    if (known.tag != tag) continue;
    r.rule(known.rule);
    r.out.in_transaction = Answer::no;
    r.out.note = "cannot run inside a transaction";
    if (tag == "DropdbStmt") r.out.loss = Loss::rows;
    if (tag == "DropTableSpaceStmt") r.out.loss = Loss::definition;
    return true;
  }
  if (among(k_roles, tag)) {
    r.rule("shared-object");
    if (tag == "GrantRoleStmt" && !tree::flag(r.node, "is_grant")) r.rule("revoke");
    r.out.note = "no table is locked";
    if (tag == "DropRoleStmt") r.out.loss = Loss::definition;
    // Moving a database to other storage.
    for (const auto& item : tree::list(r.node, "options")) {
      if (tree::text(tree::body_of(item), "defname") == "tablespace") r.out.in_transaction = Answer::no;
    }
    return true;
  }
  if (tag == "CreateSubscriptionStmt" || tag == "DropSubscriptionStmt" || tag == "AlterSubscriptionStmt") {
    r.rule("subscription");
    r.out.note = "no table is locked";
    if (tag == "CreateSubscriptionStmt") r.out.in_transaction = create_slot(r.node) ? Answer::no : Answer::yes;
    if (tag == "DropSubscriptionStmt") r.out.in_transaction = Answer::unknown;
    if (tag == "AlterSubscriptionStmt") r.out.in_transaction = Answer::unknown;
    if (r.out.in_transaction == Answer::unknown) r.asks("whether the subscription has a slot");
    return true;
  }
  if (among(k_settings, tag)) {
    r.rule("session");
    if (tag == "TransactionStmt") r.out.session = transaction_step(r.node);
    if (tag == "VariableSetStmt") r.out.session = setting_step(r.node);
    r.out.note = "no table is locked";
    if (tag == "DiscardStmt" && tree::text(r.node, "target") == "DISCARD_ALL") {
      r.out.in_transaction = Answer::no;
      r.out.session = SessionStep::lifts_lock_limit;
    }
    return true;
  }
  if (among(k_opaque, tag)) {
    r.rule("opaque");
    r.out.opaque = true;
    r.out.note = "what it locks cannot be told from its text";
    r.asks("what the code does that it runs");
    return true;
  }
  return false;
}

}  // namespace pgphase::effects
