#include "phases/retype/work.hpp"

#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "phases/retire/step_change.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {

std::string describe(const RetypeBody& body) {
  return fmt::format("column {} of table {}", body.column, display_name(body.table));
}

Result<StoredLink> link_to_turn(Session& session, const StepKey& key, const RetypeBody& body) {
  PGPHASE_TRY(found, link_of(session, {key.plan, Phase::additive, body.link_step}));
  if (found) return std::move(*found);
  return make_error(Errc::refused,
                    fmt::format("the ledger has no record of how {} is followed by a new one", describe(body)),
                    "Nothing was changed.");
}

Result<std::optional<Displaced>> newest_displaced(Session& session, const StepKey& key) {
  PGPHASE_TRY(all, read_retired_by(session, key));
  if (all.empty()) return std::optional<Displaced>();
  PGPHASE_TRY(displaced, displaced_of(all.back()));
  return std::optional(std::move(displaced));
}

std::vector<RelationLock> locks_of(const RetypeBody& body, const std::vector<KeptForeignKey>& outgoing,
                                   const std::vector<KeptForeignKey>& incoming) {
  std::vector<RelationLock> locks{{body.table, LockMode::access_exclusive}};
  for (const auto& key : outgoing) locks.push_back({key.referenced, LockMode::access_exclusive});
  for (const auto& key : incoming) locks.push_back({key.table, LockMode::access_exclusive});
  return locks;
}

Result<std::vector<KeptForeignKey>> incoming_keys(Session& session, const RetypeBody& body) {
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return std::vector<KeptForeignKey>();
  return foreign_keys_to_column(session, *oid, body.column);
}

}  // namespace pgphase
