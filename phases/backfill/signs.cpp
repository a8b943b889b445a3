// How the triggers of ours know a backfill's writes, and whether it needs them. The ledger knows.
#include "phases/backfill/errors.hpp"
#include "phases/backfill/run.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/sync/links.hpp"

#include <algorithm>

namespace pgphase {
namespace {

// What is filled goes nowhere else: a trigger would set what the UPDATE sets.
bool nothing_follows(const BackfillBody& body, const SyncLink& link, const std::vector<StoredLink>& at_work) {
  if (link.flow != SyncLink::Flow::both || link.targets.size() != 1 || body.set.size() != 1) return false;
  if (body.set.front().column != link.targets.front().name) return false;
  const auto speaks_of_it = [&](const std::vector<SyncColumn>& columns) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const SyncColumn& column) { return column.name == link.targets.front().name; });
  };
  return std::none_of(at_work.begin(), at_work.end(), [&](const StoredLink& other) {
    return other.link.key != link.key && (speaks_of_it(other.link.sources) || speaks_of_it(other.link.targets));
  });
}

}  // namespace

Result<BackfillSigns> signs_of(Session& session, const StepKey& key, const BackfillBody& body,
                               const std::string& sets_as) {
  BackfillSigns signs{sets_as, ""};
  if (!body.keep_step.empty()) {
    PGPHASE_TRY(room, old_values_of(session, {key.plan, key.phase, body.keep_step}));
    if (!room) return room_gone(key, body.keep_step);
    signs = {room->key(), keep_assignments(*room)};
  }
  if (!body.link_step.empty()) {
    PGPHASE_TRY(link, link_of(session, {key.plan, Phase::additive, body.link_step}));
    if (!link) return link_gone(key, body.link_step);
    signs.sets_as = link->link.key;
    PGPHASE_TRY(links, links_at_work(session, body.table));
    signs.alone = signs.also.empty() && nothing_follows(body, link->link, links);
  }
  return signs;
}

}  // namespace pgphase
