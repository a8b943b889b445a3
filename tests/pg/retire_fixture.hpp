// What the tests of phases/retire share: a database with a ledger, a lease and a plan, and a look at the whole schema.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "phases/retire/retire.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing {

class RetirePgTest : public ::testing::Test {
 protected:
  RetirePgTest();

  // Each retried while blocked, as the orchestrator does. An error fails the test.
  std::string forward(const CreateTableBody& body) { return carried_out(body, &create_or_restore_table, "done"); }
  std::string forward(const AddColumnBody& body) { return carried_out(body, &add_or_restore_column, "done"); }
  std::string back(const CreateTableBody& body) { return carried_out(body, &undo_create_table, "undone"); }
  std::string back(const AddColumnBody& body) { return carried_out(body, &undo_add_column, "undone"); }

  // The error, which must have changed nothing: not the schema, not the ledger.
  Error refused_forward(const CreateTableBody& body) { return refusal(body, &create_or_restore_table); }
  Error refused_forward(const AddColumnBody& body) { return refusal(body, &add_or_restore_column); }
  Error refused_back(const CreateTableBody& body) { return refusal(body, &undo_create_table); }
  Error refused_back(const AddColumnBody& body) { return refusal(body, &undo_add_column); }

  static CreateTableBody table(const std::string& name, const std::string& definition);
  static AddColumnBody column(const std::string& table, const std::string& name, const std::string& type,
                              const std::string& default_sql = "");

  StepSite site(const CreateTableBody& body) const { return {fence_, limits_, key("create " + body.table.name)}; }
  StepSite site(const AddColumnBody& body) const { return {fence_, limits_, key("add " + body.column)}; }

  // But for pgphase's own.
  std::string schema();
  std::string ledger();
  // How many things of any kind and schema are called so: relations, constraints, types.
  std::string named(const std::string& name);

  TestDatabase db_;
  std::unique_ptr<Session> control_, session_;
  Fence fence_;
  LockLimits limits_;

 private:
  StepKey key(const std::string& step) const { return {PlanId{"007_things"}, Phase::additive, step}; }
  void know(const StepKey& key);

  template <class Body>
  std::string carried_out(const Body& body, Result<RetireOutcome> (*operation)(Session&, const StepSite&, const Body&),
                          const std::string& state) {
    const auto at = site(body);
    know(at.key);
    for (int attempt = 0; attempt < 100; ++attempt) {
      auto outcome = operation(*session_, at, body);
      if (!outcome) {
        ADD_FAILURE() << outcome.error().text() << "\n" << outcome.error().statement;
        return "failed";
      }
      if (!outcome->attempt.done) continue;
      EXPECT_EQ(db_.value("SELECT state FROM pgphase.step WHERE name = " + literal(at.key.step)), state);
      return outcome->what;
    }
    ADD_FAILURE() << "still blocked after 100 attempts";
    return "blocked";
  }

  template <class Body>
  Error refusal(const Body& body, Result<RetireOutcome> (*operation)(Session&, const StepSite&, const Body&)) {
    const auto at = site(body);
    know(at.key);
    const auto schema_before = schema();
    const auto ledger_before = ledger();
    auto outcome = operation(*session_, at, body);
    EXPECT_EQ(schema(), schema_before);
    EXPECT_EQ(ledger(), ledger_before);
    if (!outcome) return outcome.error();
    ADD_FAILURE() << "was not refused: " << outcome->what;
    return {};
  }

  static std::string literal(const std::string& text);
};

}  // namespace pgphase::testing
