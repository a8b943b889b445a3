#include "orchestrator/cli/work_words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/cli/step_words.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

class Reckoning {
 public:
  Reckoning(const std::map<TableName, std::int64_t>& sizes, Known known)
      : sizes_(sizes), asked_(known.catalogue), known_(std::move(known)) {}

  WorkOfStatement of(const Statement& statement) {
    WorkOfStatement out;
    if (statement.sql.empty()) return out;
    const auto parsed = parse_in_order(statement.sql, known_);
    if (!parsed) return out;
    const bool said = statement.locks_known && !statement.locks.empty();
    if (asked_ && !said && parsed->size() == 1) out.locks = locks_of(parsed->front().effects);
    for (const auto& one : *parsed) {
      for (const auto& relation : one.effects.relations) {
        if (relation.own || !relation.described.empty() || relation.kind != RelationKind::table) continue;
        // The heaviest one: it has the others in it.
        if (relation.rewrite != Answer::no) {
          add(Work::Kind::rewrites, relation, relation.rewrite, out.work);
        } else if (relation.index_build != Answer::no) {
          add(Work::Kind::builds_index, relation, relation.index_build, out.work);
        } else if (relation.scan != Answer::no) {
          add(relation.changes_rows ? Work::Kind::sets_rows : Work::Kind::reads, relation, relation.scan, out.work);
        }
      }
    }
    return out;
  }

  WorkOfStatement of(const BackfillBody& body) {
    WorkOfStatement out;
    RelationEffects rows;
    rows.relation = body.table;
    if (!known_.own(body.table)) add(Work::Kind::sets_rows, rows, Answer::yes, out.work);
    return out;
  }

 private:
  // All of them, or nothing where the catalogue does not tell all of them either.
  static std::vector<RelationLock> locks_of(const StatementEffects& effects) {
    std::vector<RelationLock> out;
    for (const auto& one : effects.relations) {
      if (effects.opaque || !one.described.empty()) return {};
      const bool somebody_cares = one.kind == RelationKind::table && !one.own && one.lock >= LockMode::row_exclusive;
      if (somebody_cares) out.push_back({one.relation, one.lock});
    }
    return out;
  }

  void add(Work::Kind kind, const RelationEffects& relation, Answer answer, std::vector<Work>& out) const {
    const auto size = sizes_.find(relation.relation);
    if (size == sizes_.end() && asked_) return;
    Work work{kind, relation.relation, answer == Answer::yes, {}, {}};
    if (size != sizes_.end()) {
      work.bytes = size->second;
      work.estimate = std::chrono::seconds(size->second / bytes_a_second(kind));
    }
    out.push_back(std::move(work));
  }

  const std::map<TableName, std::int64_t>& sizes_;
  bool asked_;
  Known known_;
};

std::string roughly(std::chrono::seconds time) {
  constexpr std::chrono::seconds::rep k_minute = 60, k_hour = 3600;
  if (time.count() == 0) return "less than a second";
  if (time.count() < 2 * k_minute) return fmt::format("some {} s", time.count());
  if (time.count() < 2 * k_hour) return fmt::format("some {} min", time.count() / k_minute);
  return fmt::format("some {} h", time.count() / k_hour);
}

}  // namespace

const char* to_string(Work::Kind kind) {
  switch (kind) {
    case Work::Kind::reads:
      return "reads";
    case Work::Kind::builds_index:
      return "builds_index";
    case Work::Kind::rewrites:
      return "rewrites";
    case Work::Kind::sets_rows:
      return "sets_rows";
  }
  return "?";
}

std::int64_t bytes_a_second(Work::Kind kind) {
  constexpr std::int64_t k_mib = 1024 * 1024;
  switch (kind) {
    case Work::Kind::reads:
      return 200 * k_mib;
    case Work::Kind::builds_index:
      return 100 * k_mib;
    case Work::Kind::rewrites:
      return 50 * k_mib;
    case Work::Kind::sets_rows:
      return 30 * k_mib;
  }
  return k_mib;
}

WorkOfPlan work_of(const PhasedPlan& plan, const std::map<TableName, std::int64_t>& sizes, const Known& known) {
  WorkOfPlan out;
  Reckoning reckoning(sizes, known);
  for (const auto phase : k_phases) {
    for (const auto& step : plan[phase].steps) {
      std::vector<WorkOfStatement> of_step;
      if (const auto* backfill = std::get_if<BackfillBody>(&step.body)) {
        of_step.push_back(reckoning.of(*backfill));
      } else {
        for (const auto& statement : forward_statements(step)) of_step.push_back(reckoning.of(statement));
      }
      out[phase].push_back(std::move(of_step));
    }
  }
  return out;
}

std::string words_of(const Work& work) {
  const char* does = "reads every row of";
  if (work.kind == Work::Kind::builds_index) does = "builds an index of";
  if (work.kind == Work::Kind::rewrites) does = "writes every row again of";
  if (work.kind == Work::Kind::sets_rows) does = "sets rows of";
  auto out = fmt::format("{}{} {}", work.certain ? "" : "perhaps ", does, display_name(work.table));
  if (!work.bytes) return out;
  return out + fmt::format(" ({}, {} if nothing holds it up)", human_bytes(*work.bytes), roughly(*work.estimate));
}

}  // namespace pgphase
