// The promise: each phase rolls back by itself, at any instant, and nothing is lost that an application of either
// schema was told is committed.
//
// For each change applications of both schemas write all the time, while the plan goes forward and back by chance: a
// phase or several, to the end, paused, or killed. PGPHASE_SEED repeats a run, PGPHASE_LOSSLESS_MOVES makes it longer.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <iostream>
#include <random>

#include "tests/e2e/chance.hpp"
#include "tests/e2e/fixture.hpp"
#include "tests/e2e/lossless_cases.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;

constexpr const char* k_plan = "010_change";
constexpr int k_lease_held = 60;
constexpr int k_paused = 11;
constexpr int k_killed = 128 + SIGKILL;

int moves() {
  const char* given = std::getenv("PGPHASE_LOSSLESS_MOVES");
  return given != nullptr ? std::stoi(given) : 30;
}

class LosslessE2eTest : public ::testing::TestWithParam<LosslessCase> {
 protected:
  LosslessE2eTest() : seed_(seed_of_this_run()), random_(seed_) {
    project_.db().exec(GetParam().schema);
    project_.plan(k_plan, "format = 1\n" + GetParam().plan);
    project_.env["PGPHASE_BATCH_TIME"] = "2ms";  // many small batches: many moments to stop at
    applications_ = std::make_unique<Applications>(GetParam(), project_.db().url(), test_server_major(), random_());
  }

  std::vector<std::string> forward(const std::string& phase) const {
    return {"up", k_plan, "--through", phase, "--approve"};
  }
  std::vector<std::string> back(const std::string& phase) const {
    return {"rollback", k_plan, "--phase", phase, "--with-later"};
  }

  Output run_when_free(const std::vector<std::string>& args) {
    Output output;
    EXPECT_TRUE(eventually([&] {
      output = project_.run(args);
      return output.code != k_lease_held;  // until the server has noticed that the one before is gone
    }));
    return output;
  }
  void must_end_well(const std::vector<std::string>& args) {
    const auto output = run_when_free(args);
    ASSERT_EQ(output.code, 0) << fmt::format("{}", fmt::join(args, " ")) << "\n" << output.out << output.err;
  }

  // Old code must be gone before the constraint phase begins, and may come back when it has been rolled back.
  void tell_old_code(bool must_go) {
    if (GetParam().old_code_stops) applications_->hold_old_code(must_go);
  }
  bool constraint_stands() {
    return project_.phase_state(k_plan, "constraint") != "rolled_back" && started("constraint");
  }
  bool started(const std::string& phase) { return project_.phase_state(k_plan, phase) != "pending"; }

  void stopped_half_way(const std::vector<std::string>& args, bool killed) {
    const auto begun = std::chrono::steady_clock::now();
    const auto run = project_.start(args);
    std::this_thread::sleep_until(begun + milliseconds(random_() % 400));
    if (killed) {
      run->kill(SIGKILL);
    } else {
      must_end_well({"pause", k_plan, "--reason", "by chance"});
    }
    const auto code = run->wait(std::chrono::seconds(60));
    ASSERT_TRUE(code.has_value());
    ASSERT_TRUE(*code == 0 || *code == k_paused || *code == k_killed || *code == k_lease_held)
        << *code << "\n"
        << run->out() << run->err();
    if (!killed) must_end_well({"resume", k_plan});
  }

  void move_by_chance() {
    const std::array<std::string, 3> phases{"additive", "backfill", "constraint"};
    const auto& phase = phases[random_() % phases.size()];
    const bool goes_forward = random_() % 2 == 0;
    const auto how = random_() % 5;
    const bool into_constraint = goes_forward && phase == "constraint";
    if (into_constraint) tell_old_code(true);
    const auto args = goes_forward ? forward(phase) : back(phase);
    if (how < 2) {
      must_end_well(args);
    } else {
      stopped_half_way(args, how < 4);
    }
    ++done_[fmt::format("{}{}", goes_forward ? "forward" : "back", how < 2 ? "" : how < 4 ? ", killed" : ", paused")];
  }

  void expect_nothing_lost(Side side, const std::string& when) {
    auto client = project_.db().client();
    EXPECT_THAT(applications_->what_is_lost(client, side), IsEmpty()) << when << ", PGPHASE_SEED=" << seed_;
  }

  std::uint64_t seed_;
  std::mt19937_64 random_;
  const ReleaseBinary release_;
  Project project_;
  std::unique_ptr<Applications> applications_;
  std::map<std::string, int> done_;
};

TEST_P(LosslessE2eTest, WhateverHappensInBetween) {
  const auto begun = std::chrono::steady_clock::now();
  applications_->start();
  must_end_well(forward("additive"));
  for (int i = 0; i < moves() && !HasFatalFailure(); ++i) {
    move_by_chance();
    if (HasFatalFailure()) break;
    // The old code comes back only where nothing of the constraint phase stands any more.
    if (GetParam().old_code_stops && !constraint_stands()) tell_old_code(false);
    std::this_thread::sleep_for(milliseconds(50 + random_() % 100));
  }
  if (HasFatalFailure()) return;

  tell_old_code(true);
  must_end_well(forward("constraint"));
  std::this_thread::sleep_for(milliseconds(200));
  applications_->stop();
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  expect_nothing_lost(Side::after, "forward at the end");
  must_end_well(back("constraint"));
  expect_nothing_lost(Side::before, "after the rollback of constraint");
  expect_nothing_lost(Side::after, "after the rollback of constraint");
  must_end_well(back("additive"));
  expect_nothing_lost(Side::before, "after the rollback of everything");
  must_end_well(forward("backfill"));
  expect_nothing_lost(Side::before, "forward again");
  expect_nothing_lost(Side::after, "forward again");

  for (const auto& [failure, times] : applications_->counts().failures) ADD_FAILURE() << times << " times: " << failure;
  const auto statements = applications_->counts().acknowledged + applications_->counts().schema_gone;
  std::cout << fmt::format("{} statements, {:.0f} a second, {} of them without their schema", statements,
                           static_cast<double>(statements) / seconds, applications_->counts().schema_gone.load());
  for (const auto& [what, times] : done_) std::cout << "; " << what << ": " << times;
  std::cout << "\n";
}

INSTANTIATE_TEST_SUITE_P(All, LosslessE2eTest, ::testing::ValuesIn(lossless_cases_for(test_server_major())),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pgphase::testing
