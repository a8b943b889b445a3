#include "plans/rules/phase_rules.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// Data goes only when nobody uses it any more, and never under a promise that it could come back.
void check_data_loss(const Action& action, const StatementPlace& place, std::vector<RuleFinding>& out) {
  std::string what;
  if (action.kind == ActionKind::drop_table)
    what = "DROP TABLE";
  else if (action.kind == ActionKind::drop_column)
    what = "DROP COLUMN";
  else if (action.kind == ActionKind::truncate)
    what = "TRUNCATE";
  else
    return;
  if (place.direction == Direction::back) return;
  if (place.phase != Phase::constraint) {
    out.push_back({fmt::format("{} in the {} phase: the running application still uses what it destroys", what,
                               to_string(place.phase)),
                   "put it into a [[constraint]] step, which runs when the old code is gone"});
  } else if (!place.irreversible) {
    out.push_back(
        {fmt::format("{} destroys data that no `rollback` can bring back", what),
         "say irreversible = \"why\", or rename it out of the way (a rename can be rolled back without loss)"});
  }
}

void check_index(const Action& action, std::vector<RuleFinding>& out) {
  if (action.kind == ActionKind::create_index && !action.concurrently) {
    out.push_back(
        {fmt::format("CREATE INDEX makes every writer of {} wait until the index is built", display_name(action.table)),
         "write CREATE INDEX CONCURRENTLY"});
  }
}

void check_constraint(const Action& action, std::vector<RuleFinding>& out) {
  const std::string table = qualified(action.table);
  const std::string name = action.name.empty() ? "…" : quote_ident(action.name);
  if ((action.kind == ActionKind::add_check || action.kind == ActionKind::add_foreign_key) && !action.not_valid) {
    const bool check = action.kind == ActionKind::add_check;
    out.push_back({fmt::format("ADD CONSTRAINT without NOT VALID scans {} while {} wait", display_name(action.table),
                               check ? "its readers and writers" : "the writers of both tables"),
                   fmt::format("write two statements: [\"ALTER TABLE {0} ADD CONSTRAINT {1} {2} NOT VALID\", \"ALTER "
                               "TABLE {0} VALIDATE CONSTRAINT {1}\"]",
                               table, name, check ? "CHECK (…)" : "FOREIGN KEY (…) REFERENCES …")});
  }
  if (action.kind == ActionKind::add_unique && !action.using_index) {
    out.push_back({fmt::format("a UNIQUE or PRIMARY KEY that builds its own index locks {} until it is built",
                               display_name(action.table)),
                   fmt::format("CREATE UNIQUE INDEX CONCURRENTLY in the backfill phase, then ALTER TABLE {} ADD "
                               "CONSTRAINT {} UNIQUE USING INDEX … in the constraint phase",
                               table, name)});
  }
  if (action.kind == ActionKind::add_exclude) {
    out.push_back({fmt::format("an EXCLUDE constraint on an existing table builds its index while readers and writers "
                               "of {} wait",
                               display_name(action.table)),
                   "PostgreSQL has no online form of it: create a new table with the constraint instead"});
  }
}

void check_add_column(const Action& action, std::vector<RuleFinding>& out) {
  if (action.kind != ActionKind::add_column) return;
  constexpr const char* k_steps =
      "add the column bare; set its default in another [[additive]] step; fill it in [[backfill]]; require it in "
      "[[constraint]]";
  if (!action.rewrite.empty()) {
    out.push_back(
        {fmt::format("ADD COLUMN {}: {}, so the table is rewritten while everybody waits", action.name, action.rewrite),
         k_steps});
  } else if (action.not_null && !action.has_default) {
    out.push_back(
        {fmt::format("ADD COLUMN {}: NOT NULL without a default fails as soon as the table has a row", action.name),
         k_steps});
  }
  if (action.inline_scan) {
    out.push_back({fmt::format("ADD COLUMN {}: a constraint written beside the column scans the table while everybody "
                               "waits",
                               action.name),
                   "add the constraint in a [[constraint]] step: NOT VALID first, then VALIDATE CONSTRAINT"});
  }
}

void check_not_null(const Action& action, const StatementPlace& place, std::vector<RuleFinding>& out) {
  if (action.kind != ActionKind::set_not_null) return;
  if (place.direction == Direction::back || place.phase == Phase::constraint) return;
  out.push_back({fmt::format("SET NOT NULL in the {} phase: code that leaves \"{}\" out still runs",
                             to_string(place.phase), action.name),
                 "put it into [[constraint]], after a CHECK (… IS NOT NULL) that was added NOT VALID and validated"});
}

}  // namespace

std::vector<RuleFinding> check_phase_rules(const ParsedStatement& statement, const StatementPlace& place,
                                           const PlanFacts& facts) {
  std::vector<RuleFinding> out;
  for (const Action& action : statement.actions) {
    check_data_loss(action, place, out);
    // A table that this phase has just created is empty and unknown to every application: nothing there is slow, and
    // nobody waits. When some change could not be read, it may be the one that creates the table.
    if (facts.created_in(action.table, place.phase) || !facts.complete) continue;
    check_index(action, out);
    check_constraint(action, out);
    check_add_column(action, out);
    check_not_null(action, place, out);
  }
  return out;
}

}  // namespace pgphase
