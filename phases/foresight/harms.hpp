// What the statements of plans would do to this database, judged by what its tables are like: what the text alone leaves
// open is known here. Reads the catalogue. Blocking; same threading as the Session.
#pragma once

#include "phases/foresight/foresight.hpp"
#include "phases/postgres/session.hpp"
#include "plans/rules/phase_rules.hpp"

namespace pgphase {

// Smaller tables, indexes and TOAST included, are read or written again in a few milliseconds: what would be an error
// is a warning.
inline constexpr std::int64_t k_small_table_bytes = 1024 * 1024;

class HarmForesight {
 public:
  // Asks for the catalogue once.
  static Result<HarmForesight> ask(Session& session);

  // Of one plan after those that it was called for before.
  Result<PlanHarms> operator()(Session& session, const PhasedPlan& plan);

  // What has been asked, and what the plans so far have added to it.
  const Known& known() const { return known_; }

 private:
  Known known_;
};

// What of it concerns a step: errors are in its way, warnings are told, notes are for `check`. True: something is in the
// way.
bool add_to(Foresight& foresight, const PlanHarms& harms, Phase phase, std::size_t step);

}  // namespace pgphase
