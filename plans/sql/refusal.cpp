#include "plans/sql/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pgphase::effects {
namespace {

namespace json = boost::json;

struct Refusal {
  std::string_view tag;
  const char* why;
};

constexpr const char* k_not_in_transaction =
    "this cannot run inside a transaction, so pgphase could not tell after a crash whether it happened: run it by hand";
constexpr const char* k_session =
    "pgphase pins its sessions' settings itself; a setting here would not reach the step's "
    "other statements, or would break its lock limits";

constexpr auto k_refusals = std::to_array<Refusal>({
    {"TransactionStmt",
     "transactions are pgphase's: each statement runs in one of its own, together with its row in the ledger"},
    {"CreatedbStmt", k_not_in_transaction},
    {"DropdbStmt", k_not_in_transaction},
    {"AlterSystemStmt", k_not_in_transaction},
    {"CreateTableSpaceStmt", k_not_in_transaction},
    {"DropTableSpaceStmt", k_not_in_transaction},
    {"CreateSubscriptionStmt", k_not_in_transaction},
    {"DropSubscriptionStmt", k_not_in_transaction},
    {"VariableSetStmt", k_session},
    {"DiscardStmt", k_session},
    {"LockStmt", "locks are taken by pgphase, with its limits; one taken here would end with its own transaction"},
    {"ClusterStmt", "CLUSTER rewrites the table under ACCESS EXCLUSIVE: nobody could read or write it meanwhile"},
});

constexpr auto k_own_schemas = std::to_array<std::string_view>({"pgphase", "pgphase_retired"});

bool has_option(const json::object& node, std::string_view list, std::string_view name) {
  const auto& options = tree::list(node, list);
  return std::any_of(options.begin(), options.end(),
                     [&](const json::value& option) { return tree::text(tree::body_of(option), "defname") == name; });
}

// The first of our schemas that the statement names, wherever it does: a table's schema, a qualified function or type,
// a schema by itself. Strings and columns may be called as they like.
std::string_view names_own_schema(const json::object& statement) {
  std::string_view found;
  const auto check = [&](std::string_view name) {
    for (const auto own : k_own_schemas) {
      if (name == own) found = own;
    }
  };
  const auto first_of = [&](const json::value& list) {
    const auto parts = tree::names(list);
    if (parts.size() > 1) check(parts.front());
  };
  const auto visit = [&](std::string_view key, const json::object& node) {
    if (key == "A_Const") return false;
    for (const auto* name : {"schemaname", "newschema", "schema"}) check(tree::text(node, name));
    for (const auto* list : {"funcname", "names", "defnames", "objname", "typeName", "domainname", "sequence"}) {
      if (const auto* parts = node.if_contains(list)) first_of(*parts);
    }
    if (const auto* single = node.if_contains("object")) first_of(*single);
    for (const auto& object : tree::list(node, "objects")) first_of(object);
    if (key == "ColumnRef" && tree::list(node, "fields").size() > 2) first_of(node.at("fields"));
    const bool of_schemas = tree::text(node, "removeType") == "OBJECT_SCHEMA" ||
                            tree::text(node, "renameType") == "OBJECT_SCHEMA" ||
                            tree::text(node, "objtype") == "OBJECT_SCHEMA";
    if (of_schemas) {
      check(tree::text(node, "subname"));
      check(tree::text(node, "newname"));
      for (const auto& object : tree::list(node, "objects")) {
        for (const auto& part : tree::names(object)) check(part);
      }
    }
    return found.empty();
  };
  if (visit({}, statement)) tree::walk(statement, visit);
  return found;
}

bool detaches_concurrently(const json::object& node) {
  const auto& commands = tree::list(node, "cmds");
  return std::any_of(commands.begin(), commands.end(), [](const json::value& item) {
    const auto& command = tree::body_of(item);
    if (!command.contains("def")) return false;
    return tree::text(command, "subtype") == "AT_DetachPartition" &&
           tree::flag(tree::body_of(command.at("def")), "concurrent");
  });
}

}  // namespace

std::string refusal(const tree::RawStatement& raw) {
  if (const auto own = names_own_schema(raw.node); !own.empty()) {
    return fmt::format("the schema {} is pgphase's own: no plan may touch it", own);
  }
  for (const auto& row : k_refusals) {
    if (row.tag == raw.tag) return row.why;
  }
  const auto called = tree::functions(raw.node);
  const auto sets = [](const std::string& function) { return function == "set_config" || function.ends_with(".set_config"); };
  if (raw.tag == "SelectStmt" && std::any_of(called.begin(), called.end(), sets)) return k_session;
  if (raw.tag == "CopyStmt" && tree::text(raw.node, "filename").empty()) {
    return "COPY with STDIN or STDOUT needs a client that sends or takes the rows: pgphase is none";
  }
  if (raw.tag == "ReindexStmt") {
    if (has_option(raw.node, "params", "concurrently")) {
      return "REINDEX CONCURRENTLY: pgphase cannot yet resume it after a crash; build a new index concurrently and "
             "drop "
             "the old one";
    }
    const auto kind = tree::text(raw.node, "kind");
    if (kind != "REINDEX_OBJECT_TABLE" && kind != "REINDEX_OBJECT_INDEX") return k_not_in_transaction;
  }
  if (raw.tag == "AlterTableStmt" && detaches_concurrently(raw.node)) {
    return "DETACH PARTITION … CONCURRENTLY: pgphase cannot yet resume it after a crash";
  }
  if (raw.tag == "VacuumStmt" && has_option(raw.node, "options", "full")) {
    return "VACUUM FULL rewrites the table under ACCESS EXCLUSIVE: nobody could read or write it meanwhile";
  }
  if (raw.tag == "IndexStmt" && tree::flag(raw.node, "concurrent") && tree::text(raw.node, "idxname").empty()) {
    return "an index that is built concurrently needs a name: by it pgphase finds out after a crash whether it was "
           "built";
  }
  if (raw.tag == "DropStmt" && tree::flag(raw.node, "concurrent") && tree::list(raw.node, "objects").size() > 1) {
    return "DROP INDEX CONCURRENTLY takes one index at a time";
  }
  return {};
}

}  // namespace pgphase::effects
