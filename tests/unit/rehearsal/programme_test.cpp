#include "orchestrator/rehearsal/programme.hpp"

#include <gmock/gmock.h>

namespace pgphase {
namespace {

using ::testing::ElementsAre;

PhasedPlan plan(const std::string& id, std::vector<PlanId> requires_plans) {
  PhasedPlan plan;
  plan.id = {id};
  plan.requires_plans = std::move(requires_plans);
  return plan;
}

class ProgrammeTest : public ::testing::Test {
 protected:
  static std::vector<std::string> ids(const Programme& programme) {
    std::vector<std::string> ids;
    for (const auto* one : programme.in_order) {
      ids.push_back((programme.rehearsed.contains(one->id) ? "" : "first ") + one->id.value);
    }
    return ids;
  }
  void applied(const PhasedPlan& plan) {
    PlanRecord record;
    record.plan = plan;
    record.finished_at.emplace();
    for (const Phase phase : k_phases) record[phase].state = PhaseState::done;
    ledger.plans.push_back(record);
  }
  std::vector<PhasedPlan> folder{plan("001", {}), plan("002", {{"001"}}), plan("003", {{"002"}}), plan("004", {})};
  LedgerView ledger;
};

TEST_F(ProgrammeTest, AllThatIsNotAppliedUnlessPlansAreNamed) {
  applied(folder[0]);
  EXPECT_THAT(ids(programme(folder, {}, ledger).value()), ElementsAre("002", "003", "004"));
}

TEST_F(ProgrammeTest, WhatANamedPlanRequiresIsAppliedFirst) {
  EXPECT_THAT(ids(programme(folder, {{"003"}}, ledger).value()), ElementsAre("first 001", "first 002", "003"));
  applied(folder[0]);
  EXPECT_THAT(ids(programme(folder, {{"003"}, {"002"}}, ledger).value()), ElementsAre("002", "003"));
}

TEST_F(ProgrammeTest, UnknownAndAppliedPlansAreRefused) {
  applied(folder[0]);
  EXPECT_EQ(programme(folder, {{"005"}}, ledger).error().code, Errc::refused);
  EXPECT_EQ(programme(folder, {{"001"}}, ledger).error().code, Errc::refused);
}

}  // namespace
}  // namespace pgphase
