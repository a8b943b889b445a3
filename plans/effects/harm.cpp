#include "plans/effects/harm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "plans/effects/rule.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

std::string name_of(const RelationEffects& one) {
  return one.described.empty() ? display_name(one.relation) : one.described;
}

Answer cost_of(const RelationEffects& one) {
  return std::max({one.scan, one.rewrite, one.index_build});
}

// Somebody waits, and not for a moment.
Answer holds_up(const RelationEffects& one) {
  if (one.own) return Answer::no;
  const auto cost = cost_of(one);
  const auto waiting = who_waits(one.lock);
  const auto for_long = one.lock_unsure ? std::min(cost, Answer::unknown) : cost;
  // Nobody writes to a materialized view.
  if (one.kind == RelationKind::materialized_view) return waiting.reads ? for_long : Answer::no;
  if (waiting.writes) return for_long;
  // What triggers and keys reach is as much as the statement's own rows.
  return one.changes_rows && one.described.empty() ? cost : Answer::no;
}

std::string until(const RelationEffects& one) {
  if (one.rewrite != Answer::no) return "every row has been written again";
  if (one.index_build != Answer::no) return "the index is built";
  return who_waits(one.lock).writes ? "every row has been read" : "the last row is written";
}

std::string sentence(const RelationEffects& one) {
  const auto waiting = who_waits(one.lock);
  const char* who = waiting.reads ? "readers and writers" : waiting.writes ? "writers" : "writers of the same rows";
  const bool sure = holds_up(one) == Answer::yes;
  return fmt::format("{} of {} {} until {}", who, name_of(one), sure ? "wait" : "may have to wait", until(one));
}

// The relation that is held up the longest, and hardest.
const RelationEffects* worst_of(const StatementEffects& effects) {
  const RelationEffects* worst = nullptr;
  const auto rank = [](const RelationEffects& one) {
    return std::tuple(holds_up(one), one.described.empty(), one.lock, one.rewrite, one.index_build);
  };
  for (const auto& one : effects.relations) {
    if (holds_up(one) == Answer::no) continue;
    if (!worst || rank(one) > rank(*worst)) worst = &one;
  }
  return worst;
}

bool own(const StatementEffects& effects, const TableName& relation) {
  return std::any_of(effects.relations.begin(), effects.relations.end(),
                     [&](const auto& one) { return one.own && one.described.empty() && one.relation == relation; });
}

Harm harm(Severity severity, const AppliedRule& applied, std::string message) {
  return {severity, applied.rule, applied.relation, applied.object, std::move(message), {}, false};
}

std::string about(const AppliedRule& applied) {
  if (applied.relation.name.empty()) return applied.object;
  if (applied.object.empty()) return display_name(applied.relation);
  return display_name(applied.relation) + '.' + applied.object;
}

std::string with_subject(const AppliedRule& applied) {
  const auto subject = about(applied);
  return subject.empty() ? std::string(applied.rule->what) : fmt::format("{}: {}", subject, applied.rule->what);
}

// Rows that match are for the rows to say.
bool of_some_rows(const Rule& rule) {
  return rule.id == "update-some-rows" || rule.id == "merge" || rule.id == "select-for-update";
}

std::optional<Harm> of_rule(const StatementEffects& effects, const AppliedRule& applied, const RelationEffects* worst) {
  const Rule& rule = *applied.rule;
  if (own(effects, applied.relation)) return std::nullopt;
  switch (rule.gravity) {
    case Gravity::brief:
      return std::nullopt;
    case Gravity::slow:
      if (!worst) return std::nullopt;
      if (of_some_rows(rule)) return harm(Severity::note, applied, sentence(*worst));
      return harm(holds_up(*worst) == Answer::yes ? Severity::error : Severity::warning, applied, sentence(*worst));
    case Gravity::breaks:
      // What would fail, and is known not to.
      if (rule.id == "add-column-not-null" && effects.fails == Answer::no) return std::nullopt;
      return harm(Severity::error, applied, with_subject(applied));
    case Gravity::loses:
      return harm(rule.id == "delete-some-rows" ? Severity::warning : Severity::error, applied, with_subject(applied));
    case Gravity::opaque:
      return harm(Severity::warning, applied, std::string(rule.what));
  }
  return std::nullopt;
}

// The part of the statement for which the server refuses it, as far as a rule tells.
const AppliedRule& at_fault(const StatementEffects& effects) {
  const auto found = std::find_if(effects.rules.begin(), effects.rules.end(),
                                  [](const AppliedRule& one) { return one.rule->id == "add-column-not-null"; });
  return found == effects.rules.end() ? effects.rules.front() : *found;
}

}  // namespace

std::vector<Harm> harms_of(const StatementEffects& effects) {
  std::vector<Harm> out;
  const auto* worst = worst_of(effects);
  for (const auto& applied : effects.rules) {
    auto found = of_rule(effects, applied, worst);
    if (!found) continue;
    out.push_back(std::move(*found));
  }
  // What holds somebody up is said even if no rule claims it.
  if (worst && out.empty() && !effects.rules.empty()) {
    out.push_back(harm(holds_up(*worst) == Answer::yes ? Severity::error : Severity::warning, effects.rules.front(),
                       sentence(*worst)));
  }
  if (effects.fails == Answer::yes && !effects.rules.empty()) {
    const auto& applied = at_fault(effects);
    std::erase_if(out, [&](const Harm& one) { return one.rule == applied.rule && one.rule->gravity == Gravity::breaks; });
    out.push_back(harm(Severity::error, applied, fmt::format("the server refuses it: {}", effects.fails_because)));
    out.back().refused = true;
  }
  std::stable_sort(out.begin(), out.end(), [](const Harm& a, const Harm& b) { return a.severity > b.severity; });
  return out;
}

}  // namespace pgphase
