// ATTACH and DETACH PARTITION.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;
constexpr auto sue = LockMode::share_update_exclusive;

const json::object& partition_of(const Subcommand& s) {
  return tree::body_of(s.command.at("def"));
}

bool has_check(const KnownRelation& table) {
  for (const auto& [name, constraint] : table.constraints) {
    if (constraint.kind == KnownConstraint::Kind::check && constraint.validated.value_or(true)) return true;
  }
  return false;
}

}  // namespace

LockMode attach_partition(Reading& r, Subcommand& s) {
  const auto& command = partition_of(s);
  const auto* name = tree::object(command, "name");
  s.with_children = false;
  s.note = "scans the partition, unless a CHECK proves its bounds; a default partition is locked and scanned as well";
  if (!name) return sue;
  const TableName partition = tree::table_name(*name);
  const auto* bound = tree::object(command, "bound");
  const bool is_default = bound && tree::flag(*bound, "is_default");
  r.rule("attach-partition", s.table, partition.name);
  const auto* child = r.find(partition);
  const auto* parent = r.find(s.table);
  auto& held = r.on(partition, ael);
  held.with_children = true;
  // A check may prove the bounds; whether it does PostgreSQL alone can tell. The first partition is its own default's.
  if (!child || !child->complete || has_check(*child)) {
    held.scan = Answer::unknown;
    r.asks(fmt::format("whether a check of {} proves the bounds", partition.name));
  } else {
    held.scan = is_default && parent && parent->complete && parent->children.empty() ? Answer::no : Answer::yes;
  }
  // Indexes and keys of the parent that the partition lacks are built now.
  if (parent && parent->complete) {
    if (!parent->indexes.empty()) held.index_build = Answer::unknown;
  } else {
    held.index_build = Answer::unknown;
  }
  if (parent) {
    for (const auto& [index, columns] : parent->indexes) r.on({s.table.schema, index}, sue, RelationKind::index);
  }
  if (!parent || !parent->complete) r.unnamed(fmt::format("each index of {}", s.table.name), sue, RelationKind::index);
  if (r.on(partition, ael).index_build == Answer::unknown) {
    r.asks(fmt::format("whether {} has every index that {} has", partition.name, s.table.name));
  }
  if (is_default) return sue;
  if (parent && parent->complete) {
    if (parent->default_partition.name.empty()) return sue;
    const auto* other = r.find(parent->default_partition);
    const bool checked = other && has_check(*other);
    auto& rest = r.on(parent->default_partition, ael);
    rest.scan = checked ? Answer::unknown : Answer::yes;
    if (checked) r.asks(fmt::format("whether a check of {} leaves the bounds out", parent->default_partition.name));
  } else {
    r.unnamed(fmt::format("the default partition of {}", s.table.name), ael).scan = Answer::unknown;
    r.asks(fmt::format("whether {} has a default partition", s.table.name));
  }
  return sue;
}

LockMode detach_partition(Reading& r, Subcommand& s) {
  const auto& command = partition_of(s);
  const auto* name = tree::object(command, "name");
  s.with_children = false;
  s.note = "no scan; a default partition is locked as well";
  if (!name) return ael;
  const TableName partition = tree::table_name(*name);
  const auto* parent = r.find(s.table);
  if (tree::flag(command, "concurrent")) {
    r.rule("detach-partition-concurrently", s.table, partition.name);
    r.out.in_transaction = Answer::no;
    r.out.waits_for_transactions = true;
    r.on(partition, ael);
    return sue;
  }
  if (tree::text(s.command, "subtype") == "AT_DetachPartitionFinalize") {
    r.rule("detach-partition-finalize", s.table, partition.name);
    r.on(partition, ael);
    return sue;
  }
  r.rule("detach-partition", s.table, partition.name);
  r.on(partition, ael).with_children = true;
  if (parent && parent->complete) {
    if (!parent->default_partition.name.empty()) r.on(parent->default_partition, ael);
    for (const TableName& other : r.known.referencing(s.table)) r.on(other, ael);
  } else {
    r.unnamed(fmt::format("the default partition of {}", s.table.name), ael);
    r.unnamed(fmt::format("each table with a foreign key to {}", s.table.name), ael);
    r.asks(fmt::format("whether {} has a default partition, and who refers to it", s.table.name));
  }
  referenced(r, partition, {}, LockMode::share_row_exclusive);
  return ael;
}

}  // namespace pgphase::effects
