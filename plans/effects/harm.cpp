#include "plans/effects/harm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "plans/effects/rule.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

std::string name_of(const RelationEffects& one) {
  if (one.kind == RelationKind::index) return "the table of index " + display_name(one.relation);
  return one.described.empty() ? display_name(one.relation) : one.described;
}

Answer cost_of(const RelationEffects& one) {
  return std::max({one.scan, one.rewrite, one.index_build});
}

// Relations that have rows, and whose readers and writers ask for the same lock.
bool has_rows(const RelationEffects& one) {
  return one.kind == RelationKind::table || one.kind == RelationKind::materialized_view ||
         one.kind == RelationKind::foreign_table;
}

// Whatever takes its time under a lock of a definition's own holds up everybody whom the statement's other locks hold
// up: of a partitioned table the partitions are read.
RelationEffects whole_of(const StatementEffects& effects) {
  RelationEffects out;
  for (const auto& one : effects.relations) {
    if (one.own || !has_rows(one) || one.lock < LockMode::share_update_exclusive || one.lock_unsure) continue;
    out.scan = std::max(out.scan, one.scan);
    out.rewrite = std::max(out.rewrite, one.rewrite);
    out.index_build = std::max(out.index_build, one.index_build);
  }
  return out;
}

class Waits {
 public:
  explicit Waits(const StatementEffects& effects) : effects_(effects), whole_(whole_of(effects)) {
    for (const auto& one : effects.relations) {
      if (sure(one) == Answer::no) continue;
      if (!worst_ || rank(one) > rank(*worst_)) worst_ = &one;
    }
  }

  // Somebody waits, and not for a moment.
  Answer anybody() const { return worst_ ? sure(*worst_) : Answer::no; }

  std::string sentence() const {
    const auto waiting = who_waits(worst_->lock);
    const char* who = waiting.reads ? "readers and writers" : waiting.writes ? "writers" : "writers of the same rows";
    return fmt::format("{} of {} {} until {}", who, names(), anybody() == Answer::yes ? "wait" : "may have to wait",
                       until());
  }

 private:
  Answer sure(const RelationEffects& one) const {
    if (one.own) return Answer::no;
    const auto waiting = who_waits(one.lock);
    // Whoever plans a query of the table asks for a lock on each of its indexes.
    if (one.kind == RelationKind::index) return waiting.reads ? built_without_the_table() : Answer::no;
    const auto cost = has_rows(one) && waiting.writes ? std::max(cost_of(one), cost_of(whole_)) : cost_of(one);
    const auto for_long = one.lock_unsure ? std::min(cost, Answer::unknown) : cost;
    // Nobody writes to a materialized view.
    if (one.kind == RelationKind::materialized_view) return waiting.reads ? for_long : Answer::no;
    if (waiting.writes) return for_long;
    // What triggers and keys reach is as much as the statement's own rows.
    return one.changes_rows && one.described.empty() ? cost : Answer::no;
  }

  // An index is copied, and its table itself is not locked.
  Answer built_without_the_table() const {
    Answer out = Answer::no;
    for (const auto& one : effects_.relations) {
      if (one.lock == LockMode::none) out = std::max(out, one.index_build);
    }
    return out;
  }

  // The relation that is held up the longest, and hardest, is the greatest.
  std::tuple<Answer, bool, LockMode, Answer, Answer> rank(const RelationEffects& one) const {
    return {sure(one), one.described.empty(), one.lock, one.rewrite, one.index_build};
  }

  // All that are held up as the worst one is.
  std::string names() const {
    constexpr std::size_t k_most = 3;
    std::vector<std::string> all{name_of(*worst_)};
    for (const auto& one : effects_.relations) {
      const auto a = who_waits(one.lock), b = who_waits(worst_->lock);
      const bool alike = a.reads == b.reads && a.writes == b.writes && one.described.empty() == worst_->described.empty();
      if (&one != worst_ && alike && sure(one) == sure(*worst_)) all.push_back(name_of(one));
    }
    // The statement's own table before those that it reaches.
    if (!effects_.rules.empty()) {
      const auto own = display_name(effects_.rules.front().relation);
      std::stable_partition(all.begin(), all.end(), [&](const std::string& one) { return one == own; });
    }
    std::string out;
    const auto shown = all.size() > k_most ? k_most - 1 : all.size();
    for (std::size_t i = 0; i < shown; ++i) {
      const bool last = i + 1 == all.size();
      out += (i == 0 ? "" : last ? " and " : ", ") + all[i];
    }
    if (shown < all.size()) out += fmt::format(" and {} more", all.size() - shown);
    return out;
  }

  std::string until() const {
    RelationEffects cost = *worst_;
    if (cost.kind == RelationKind::index) return "the index is copied";
    if (cost_of(cost) == Answer::no) cost = whole_;
    if (cost.rewrite != Answer::no) return "every row has been written again";
    if (cost.index_build != Answer::no) return "the index is built";
    return who_waits(worst_->lock).writes ? "every row has been read" : "the last row is written";
  }

  const StatementEffects& effects_;
  RelationEffects whole_;
  const RelationEffects* worst_ = nullptr;
};

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

// What depends on what nobody has said.
bool only_perhaps(const Rule& rule) {
  constexpr std::string_view k_all[] = {"drop-constraint-unknown", "alter-policy",   "restart-sequence-at", "drop-default",
                                        "change-owner",            "reassign-owned", "view-rights",
                                        "replica-identity-nothing", "publish-key-unknown"};
  return std::find(std::begin(k_all), std::end(k_all), rule.id) != std::end(k_all);
}

std::optional<Harm> of_rule(const StatementEffects& effects, const AppliedRule& applied, const Waits& waits) {
  const Rule& rule = *applied.rule;
  if (own(effects, applied.relation)) return std::nullopt;
  switch (rule.gravity) {
    case Gravity::brief:
      return std::nullopt;
    case Gravity::slow:
      if (waits.anybody() == Answer::no) return std::nullopt;
      if (of_some_rows(rule)) return harm(Severity::note, applied, waits.sentence());
      return harm(waits.anybody() == Answer::yes ? Severity::error : Severity::warning, applied, waits.sentence());
    case Gravity::breaks:
      // What would fail, and is known not to.
      if (rule.id == "add-column-not-null" && effects.fails == Answer::no) return std::nullopt;
      [[fallthrough]];
    case Gravity::spoils:
      return harm(only_perhaps(rule) ? Severity::warning : Severity::error, applied, with_subject(applied));
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
  const Waits waits(effects);
  for (const auto& applied : effects.rules) {
    auto found = of_rule(effects, applied, waits);
    if (!found) continue;
    out.push_back(std::move(*found));
  }
  // What holds somebody up is said even if no rule claims it.
  if (waits.anybody() != Answer::no && out.empty() && !effects.rules.empty()) {
    out.push_back(harm(waits.anybody() == Answer::yes ? Severity::error : Severity::warning, effects.rules.front(),
                       waits.sentence()));
  }
  if (effects.fails == Answer::yes && !effects.rules.empty()) {
    const auto& applied = at_fault(effects);
    std::erase_if(out, [&](const Harm& one) { return one.rule == applied.rule && one.rule->gravity == Gravity::breaks; });
    out.push_back(harm(Severity::error, applied, fmt::format("the server refuses it: {}", effects.fails_because)));
    out.back().refused = true;
  }
  std::stable_sort(out.begin(), out.end(), [](const Harm& a, const Harm& b) {
    return std::tuple(a.severity, a.refused) > std::tuple(b.severity, b.refused);
  });
  return out;
}

}  // namespace pgphase
