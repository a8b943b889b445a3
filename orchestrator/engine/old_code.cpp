#include "orchestrator/engine/old_code.hpp"

#include <algorithm>

#include "orchestrator/engine/rollback_order.hpp"

namespace pgphase {
namespace {

// The first attempt of the way back brings everything back into sight; what follows is restoration.
bool is_back_in_sight(const StepRecord& record) {
  const bool on_the_way_back = record.state == StepState::undoing || record.state == StepState::undo_failed;
  return on_the_way_back && record.undo_part > 0;
}

class Stands {
 public:
  Stands(Phase phase, const StepRecord& record) : phase_(phase), record_(record) {}

  // By the deploy contract old code works until constraint: what the phases before it add is of no concern to it.
  bool operator()(const CreateTableBody&) const { return false; }
  bool operator()(const AddColumnBody&) const { return false; }
  bool operator()(const LinkColumnsBody&) const { return false; }
  bool operator()(const KeepOldBody&) const { return false; }
  bool operator()(const BackfillBody& body) const { return !body.keep_step.empty(); }  // other values than it wrote
  bool operator()(const RetireTableBody&) const { return !is_back_in_sight(record_); }
  bool operator()(const HandOverBody&) const { return !is_back_in_sight(record_); }
  // Where assignments convert, it works with either type. Otherwise the first attempt of the way back restores the
  // meaning of the values: what has to be proven before it, for a key, there is only where assignments convert.
  bool operator()(const RetypeBody& body) const {
    return body.part == RetypeBody::Part::swap && !body.converts_by_itself() && !is_back_in_sight(record_);
  }
  bool operator()(const RenameTableBody& body) const { return body.part == RenameTableBody::Part::rename; }
  // It may meet a NULL where it knows of none.
  bool operator()(const DropNotNullBody& body) const { return !body.unless_there_is_a_default; }
  bool operator()(const SqlBody& body) const {
    return phase_ == Phase::constraint &&
           std::any_of(body.forward.begin(), body.forward.end(), [](const Statement& one) { return binds(one.kind); });
  }

 private:
  static bool binds(StatementKind kind) {
    switch (kind) {
      case StatementKind::transactional:
      case StatementKind::validate:
      case StatementKind::create_index_concurrently:  // it may be unique
        return true;
      case StatementKind::drop_index_concurrently:
      case StatementKind::rebuild_index:
      case StatementKind::maintenance:
      case StatementKind::require:
      case StatementKind::nothing:
        return false;
    }
    return true;
  }

  Phase phase_;
  const StepRecord& record_;
};

}  // namespace

bool keeps_old_code_out(const PlanRecord& plan, Phase phase) {
  const auto& steps = plan.plan[phase].steps;
  const auto& records = plan[phase].steps;
  for (std::size_t i = 0; i < steps.size() && i < records.size(); ++i) {
    if (has_effect(records[i]) && std::visit(Stands(phase, records[i]), steps[i].body)) return true;
  }
  return false;
}

bool has_kept_old_code_out(const PlanRecord& plan, Phase phase) {
  const auto& steps = plan.plan[phase].steps;
  const auto& records = plan[phase].steps;
  for (std::size_t i = 0; i < steps.size() && i < records.size(); ++i) {
    const auto state = records[i].state;
    const bool taken_back =
        state == StepState::undone || state == StepState::undoing || state == StepState::undo_failed;
    StepRecord before = records[i];
    before.state = StepState::done;
    before.undo_part = 0;
    if (taken_back && std::visit(Stands(phase, before), steps[i].body)) return true;
  }
  return false;
}

}  // namespace pgphase
