#include "plans/rules/phase_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "plans/effects/derive.hpp"
#include "plans/effects/harm.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

constexpr const char* k_when_old_code_is_gone = "put it into a [[constraint]] step, which runs when the old code is gone";

bool is_about_rows(const Rule& rule) {
  return rule.family == "rows";
}

// What no rollback that is written beforehand brings back: it would have to know the values.
bool destroys_for_good(const StatementEffects& effects, const Rule& rule) {
  if (rule.gravity != Gravity::loses || rule.id == "delete-some-rows") return false;
  return effects.loss == Loss::rows || effects.loss == Loss::values;
}

std::string instead_of(const Rule& rule) {
  std::string out(rule.recipe);
  if (rule.change.empty()) return out;
  const auto change = fmt::format("the change {} does it without harm", rule.change);
  return out.empty() ? change : out + "; " + change;
}

// Old code that goes on writing meets a condition that it does not know.
bool binds_old_code(const Rule& rule) {
  return rule.id == "add-check-not-valid" || rule.id == "add-foreign-key-not-valid" ||
         rule.id == "add-unique-using-index" || rule.id == "add-primary-key-using-index";
}

class Judge {
 public:
  Judge(const PhasedPlan& plan, Known& known) : plan_(plan), known_(known) {}

  PlanHarms operator()() {
    for (const Phase phase : k_phases) {
      everybody_knows();
      for (std::size_t i = 0; i < plan_[phase].steps.size(); ++i) forward(phase, i);
      everybody_knows();
      for (std::size_t i = 0; i < plan_[phase].steps.size(); ++i) back(phase, i);
    }
    return std::move(out_);
  }

 private:
  void everybody_knows() {
    known_.new_functions.clear();
    known_.new_types.clear();
    for (auto& [name, relation] : known_.relations) {
      relation.own = false;
      relation.empty = std::nullopt;
    }
  }

  void forward(Phase phase, std::size_t index) {
    const Step& step = plan_[phase].steps[index];
    if (const auto* written = std::get_if<SqlBody>(&step.body)) {
      // A change's own step looks beforehand whether anything stands in its way.
      const bool looks = std::any_of(written->forward.begin(), written->forward.end(),
                                     [](const Statement& one) { return one.kind == StatementKind::require; });
      if (looks) return carry_all(written->forward);
      each(written->forward, {phase, index, Direction::forward});
    } else if (const auto* create = std::get_if<CreateTableBody>(&step.body)) {
      carry(create->sql);
    } else if (const auto* column = std::get_if<AddColumnBody>(&step.body)) {
      carry(column->sql);
    } else {
      // What it leaves behind is the server's to say.
      for (const auto& table : step.touches) {
        known_.relations.erase(table);
        known_.made_over.insert(table);
      }
    }
  }

  void back(Phase phase, std::size_t index) {
    const Step& step = plan_[phase].steps[index];
    if (const auto* written = std::get_if<SqlBody>(&step.body)) each(written->undo, {phase, index, Direction::back});
    if (const auto* fill = std::get_if<BackfillBody>(&step.body)) each(fill->undo, {phase, index, Direction::back});
    for (const auto& [rule, why] : step.allow) {
      if (!used_.contains({phase, index, rule})) out_.unused.push_back({phase, index, rule});
    }
  }

  struct Place {
    Phase phase;
    std::size_t step;
    Direction direction;
  };

  void carry(const std::string& sql) {
    const auto ignored = parse_in_order(sql, known_);
    static_cast<void>(ignored);  // one that is not understood leaves nothing behind that is known
  }

  void carry_all(const std::vector<Statement>& statements) {
    for (const auto& one : statements) carry(one.sql);
  }

  void each(const std::vector<Statement>& statements, const Place& place) {
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (statements[i].sql.empty()) continue;
      const auto parsed = parse_with(statements[i].sql, known_);
      if (!parsed) continue;  // the step says that it is unchecked
      for (const auto& one : *parsed) {
        judge(one, place, i);
        if (place.direction == Direction::forward) effects::carry_over(*one.raw, known_);
      }
    }
  }

  // `rollback` looks when it comes to it whether there is something to lose.
  void judge_loss(const ParsedStatement& statement, const Place& place, std::size_t number) {
    const auto& rules = statement.effects.rules;
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const AppliedRule& one) {
      return takes_all(*one.rule) || (!statement.effects.blanked.empty() && is_about_rows(*one.rule));
    });
    if (found == rules.end()) return;
    add(place, number, Severity::note, *found,
        "as soon as there is something to lose, `pgphase rollback` refuses this unless it is given --lose-data",
        "the changes create_table and add_column keep what was written, and bring it back; a [[backfill]] over columns of "
        "this plan needs no `rollback`");
  }

  void judge(const ParsedStatement& statement, const Place& place, std::size_t number) {
    if (place.direction == Direction::back) judge_loss(statement, place, number);
    if (place.direction == Direction::forward) judge_phase(statement, place, number);
    for (const Harm& harm : harms_of(statement.effects)) {
      if (place.direction == Direction::forward)
        forward_harm(statement.effects, harm, place, number);
      else if (harm.rule->gravity == Gravity::slow)
        slow(harm, place, number);
    }
  }

  // What nobody waits for, and what does not belong into a phase all the same.
  void judge_phase(const ParsedStatement& statement, const Place& place, std::size_t number) {
    if (place.phase == Phase::constraint) return;
    std::set<std::string_view> told;
    for (const auto& applied : statement.effects.rules) {
      const Rule& rule = *applied.rule;
      if (known_.own(applied.relation) || !told.insert(rule.id).second) continue;
      const bool not_null = rule.id == "set-not-null" || rule.id == "set-not-null-proven";
      if (not_null) {
        add(place, number, Severity::error, {&pgphase::rule("set-not-null"), applied.relation, applied.object},
            fmt::format("SET NOT NULL in the {} phase: code that leaves \"{}\" out still runs", to_string(place.phase),
                        applied.object),
            "put it into [[constraint]], after a CHECK (… IS NOT NULL) that was added NOT VALID and validated");
      } else if (binds_old_code(rule)) {
        add(place, number, Severity::warning, applied,
            fmt::format("a new constraint on {} in the {} phase: the code that is running now has to keep to it, for "
                        "old rows too",
                        display_name(applied.relation), to_string(place.phase)),
            "put it into [[constraint]], unless that code does keep to it");
      }
    }
  }

  void forward_harm(const StatementEffects& effects, const Harm& harm, const Place& place, std::size_t number) {
    const Rule& rule = *harm.rule;
    switch (rule.gravity) {
      case Gravity::brief:
      case Gravity::opaque:
      case Gravity::spoils:  // in no phase is it better
        add(place, number, harm.severity, about(harm), harm.message, instead_of(rule));
        return;
      case Gravity::slow:
        if (harm.refused || !told_as_not_null(rule, place)) slow(harm, place, number);
        return;
      case Gravity::breaks:
        // What would fail is no better placed where old code is gone.
        if (harm.refused || effects.fails != Answer::no) {
          add(place, number, harm.severity, about(harm), harm.message, instead_of(rule));
        } else if (place.phase != Phase::constraint) {
          add(place, number, harm.severity, about(harm),
              fmt::format("{}; in the {} phase the old code is still running", harm.message, to_string(place.phase)),
              with_change(k_when_old_code_is_gone, rule));
        }
        return;
      case Gravity::loses:
        loses(effects, harm, place, number);
        return;
    }
  }

  static bool told_as_not_null(const Rule& rule, const Place& place) {
    return rule.id == "set-not-null" && place.phase != Phase::constraint;
  }

  // Rows that are written in one go are what a [[backfill]] with `sql` is for, for better or worse.
  void slow(const Harm& harm, const Place& place, std::size_t number) {
    const bool rows = is_about_rows(*harm.rule);
    const bool meant_so = rows && (place.phase == Phase::backfill || place.direction == Direction::back);
    std::string instead = instead_of(*harm.rule);
    if (rows && place.direction == Direction::forward) {
      instead = "a [[backfill]] with `table` and `set` writes them in batches";
    }
    add(place, number, meant_so ? std::min(harm.severity, Severity::warning) : harm.severity, about(harm), harm.message,
        std::move(instead));
  }

  void loses(const StatementEffects& effects, const Harm& harm, const Place& place, std::size_t number) {
    const Step& step = plan_[place.phase].steps[place.step];
    if (place.phase != Phase::constraint) {
      add(place, number, harm.severity, about(harm),
          fmt::format("{}; in the {} phase the running application still uses them", harm.message,
                      to_string(place.phase)),
          with_change(k_when_old_code_is_gone, *harm.rule));
    } else if (harm.rule->id == "drop-cascade" && step.irreversible) {
      add(place, number, Severity::warning, about(harm), harm.message, instead_of(*harm.rule));
    } else if (harm.rule->id != "drop-cascade" && !destroys_for_good(effects, *harm.rule)) {
      if (!step.irreversible) add(place, number, Severity::warning, about(harm), harm.message, instead_of(*harm.rule));
    } else if (!step.irreversible) {
      add(place, number, harm.severity, about(harm), harm.message + "; no `rollback` brings them back",
          with_change("say irreversible = \"why\"", *harm.rule));
    }
  }

  static AppliedRule about(const Harm& harm) { return {harm.rule, harm.relation, harm.object}; }

  static std::string with_change(const char* instead, const Rule& rule) {
    if (rule.change.empty()) return instead;
    return fmt::format("{}; or use the change {}, which can be rolled back without loss", instead, rule.change);
  }

  // What the text left open, allowed by what it has turned out to be, or the other way round.
  static std::vector<std::string> names_of(const Rule& rule) {
    std::vector<std::string> out{std::string(rule.id)};
    if (rule.id == "change-type-unknown") out.insert(out.end(), {"change-type-rewrite", "change-type-kept"});
    if (rule.id == "change-type-rewrite" || rule.id == "change-type-kept") out.emplace_back("change-type-unknown");
    if (rule.id == "drop-default") out.emplace_back("drop-default-required");
    if (rule.id == "drop-default-required") out.emplace_back("drop-default");
    if (rule.id == "drop-constraint-unknown") out.emplace_back("drop-key");
    if (rule.id == "drop-key") out.emplace_back("drop-constraint-unknown");
    if (rule.id == "add-column-unknown-default") out.emplace_back("add-column-volatile-default");
    if (rule.id == "add-column-volatile-default") out.emplace_back("add-column-unknown-default");
    return out;
  }

  void add(const Place& place, std::size_t number, Severity severity, const AppliedRule& applied, std::string message,
           std::string instead) {
    const Rule& rule = *applied.rule;
    const Step& step = plan_[place.phase].steps[place.step];
    for (const auto& name : names_of(rule)) {
      if (!step.allow.contains(name)) continue;
      used_.emplace(place.phase, place.step, name);
      ++out_.waived;
      return;
    }
    out_.harms.push_back({place.phase, place.step, place.direction, number, severity, &rule, applied.relation,
                          std::move(message), std::move(instead)});
  }

  const PhasedPlan& plan_;
  Known& known_;
  std::set<std::tuple<Phase, std::size_t, std::string>> used_;
  PlanHarms out_;
};

}  // namespace

PlanHarms harms_in(const PhasedPlan& plan, Known& known) {
  return Judge(plan, known)();
}

}  // namespace pgphase
