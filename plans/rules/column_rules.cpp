#include "plans/rules/column_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// A step of the constraint phase that takes columns out of sight, or gives them other names.
struct Taker {
  TableName table;
  std::vector<std::string> columns;  // whose name means nothing, or another column, behind it
  std::vector<std::string> all;      // with those whose name another column takes over
  std::string link_step;
  int line = 0;
};

std::optional<Taker> taker_of(const Step& step) {
  if (const auto* body = std::get_if<HandOverBody>(&step.body)) {
    Taker taker{body->table, {}, body->retire, body->link_step, step.line};
    for (const auto& one : body->rename) taker.all.push_back(one.from);
    taker.columns = taker.all;
    // The copy that a renamed column had: whoever knows it by its name finds the column itself there.
    std::erase_if(taker.columns, [&](const std::string& column) {
      return std::any_of(body->rename.begin(), body->rename.end(),
                         [&](const Renaming& one) { return one.to == column; });
    });
    if (taker.all.empty()) return std::nullopt;
    return taker;
  }
  if (const auto* body = std::get_if<RetypeBody>(&step.body); body && body->part == RetypeBody::Part::swap) {
    return Taker{body->table, {body->column}, {body->column}, body->link_step, step.line};
  }
  return std::nullopt;
}

bool contains(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

bool speaks_of(const LinkColumnsBody& link, const std::string& column) {
  const auto is = [&](const LinkedColumn& one) { return one.name == column; };
  return std::any_of(link.sources.begin(), link.sources.end(), is) ||
         std::any_of(link.targets.begin(), link.targets.end(), is);
}

bool has_a_way_back(const LinkColumnsBody& link) {
  return std::any_of(link.sources.begin(), link.sources.end(),
                     [](const LinkedColumn& one) { return !one.expression.empty(); });
}

class Check {
 public:
  Check(const PhasedPlan& plan, Findings& findings) : plan_(plan), findings_(findings) {}

  void operator()() {
    for (const auto& step : plan_[Phase::constraint].steps) {
      if (const auto taker = taker_of(step)) {
        links_of_others(*taker);
        view(*taker);
        for (const auto& before : takers_) twice(before, *taker);
        takers_.push_back(*taker);
      }
      // Behind this one nothing is kept in step any more, where there is no way back.
      if (const auto* body = std::get_if<HandOverBody>(&step.body); body && body->retire.empty()) {
        ended_.insert(body->link_step);
      }
    }
  }

 private:
  void links_of_others(const Taker& taker) {
    for (const auto& step : plan_[Phase::additive].steps) {
      const auto* link = std::get_if<LinkColumnsBody>(&step.body);
      if (!link || step.name == taker.link_step || link->table != taker.table) continue;
      if (ended_.contains(step.name) && !has_a_way_back(*link)) continue;
      for (const auto& column : taker.columns) {
        if (!speaks_of(*link, column)) continue;
        note(taker.line, step.line,
             fmt::format("column {} of table {} is taken away or renamed by the change in line {}, while that in line "
                         "{} keeps it in step with others",
                         column, display_name(taker.table), taker.line, step.line));
        return;
      }
    }
  }

  void twice(const Taker& one, const Taker& other) {
    if (one.table != other.table || one.line == other.line) return;
    for (const auto& column : other.columns) {
      if (!contains(one.all, column)) continue;
      note(one.line, other.line,
           fmt::format("column {} of table {} is taken away or renamed by two changes, in line {} and in line {}",
                       column, display_name(one.table), one.line, other.line));
      return;
    }
  }

  void view(const Taker& taker) {
    for (const auto& step : plan_[Phase::additive].steps) {
      const auto* body = std::get_if<RenameTableBody>(&step.body);
      if (!body || body->table != taker.table) continue;
      note(taker.line, step.line,
           fmt::format("table {} gets another name in line {}, and the view that has it until then shows column {}, "
                       "which the change in line {} takes away or renames",
                       display_name(taker.table), step.line, taker.all.front(), taker.line));
    }
  }

  void note(int one, int other, const std::string& message) {
    if (!told_.insert(std::minmax(one, other)).second) return;
    findings_.add({std::max(one, other), 1}, message,
                  "make two plans of it: the second one begins when the first one is done");
  }

  const PhasedPlan& plan_;
  Findings& findings_;
  std::vector<Taker> takers_;
  std::set<std::string> ended_;
  std::set<std::pair<int, int>> told_;
};

}  // namespace

void check_columns(const PhasedPlan& plan, Findings& findings) {
  Check(plan, findings)();
}

}  // namespace pgphase
