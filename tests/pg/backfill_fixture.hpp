// What the backfill's tests share: a database with a ledger, a lease, and one backfill step that is driven to its end
// the way the orchestrator does it. One thread at a time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "phases/backfill/backfill.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing {

class BackfillPgTest : public ::testing::Test {
 protected:
  void SetUp() override;

  std::unique_ptr<Session> connect(const std::string& role = {}) const;
  // Records a plan with this one step, as `up` does before it begins.
  void record_step(const BackfillBody& body);
  Result<std::unique_ptr<BackfillRun>> open() { return open_with(*session, fence); }
  Result<std::unique_ptr<BackfillRun>> open_with(Session& with, const Fence& under) {
    return BackfillRun::open(with, under, key, body, settings);
  }

  // Until the server knows it too.
  void end_session();

  // Until done; the last tick. Collects notes; fails the test on an Error.
  BackfillTick drive(BackfillRun& run);
  // The Error that ends it.
  Error drive_to_error(BackfillRun& run);
  BackfillTick fill(const BackfillBody& what);  // record_step, open, drive
  Error fill_to_error(const BackfillBody& what);

  std::string ledger(const std::string& column) {
    return db.value("SELECT " + column + " FROM pgphase.backfill WHERE step = 'fill'");
  }

  // Advances until the scan is at work: the marker, if there is one, exists.
  void advance_to_scan(BackfillRun& run);

  TestDatabase db;
  std::unique_ptr<Session> control, session;
  Fence fence;
  StepKey key{PlanId{"001_test"}, Phase::backfill, "fill"};
  PhasedPlan plan;
  BackfillBody body;
  BackfillSettings settings;
  std::vector<std::string> notes;
  int ticks = 0, waits = 0, blocked = 0;
  std::string waited_for;  // the last tick's blocked_by
};

BackfillBody backfill_of(const std::string& table, std::vector<Assignment> set, Todo todo,
                         const std::string& where = {});

bool contains(const std::string& text, const std::string& part);

}  // namespace pgphase::testing
