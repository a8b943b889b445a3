// What the tests of phases/retire, phases/sync and phases/rename share: a database with a ledger, a lease and a plan, a
// way to carry a step out and to undo it as the orchestrator does, and a look at the whole schema.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
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

  // To the end, each attempt again while it is blocked, as the orchestrator does. An error fails the test. What was
  // done, in words; of several attempts joined by "; ".
  template <class Body>
  std::string forward(const Body& body) {
    return carried_out(site(body), operation(Direction::forward, body), "done");
  }
  template <class Body>
  std::string back(const Body& body) {
    return carried_out(site(body), operation(Direction::back, body), "undone");
  }
  // One attempt of a way back that takes several; `begun`: there was one before.
  template <class Body>
  RetireOutcome one_attempt_back(const Body& body, bool begun) {
    return attempted(site(body), operation(Direction::back, body), begun);
  }

  // The error, which must have changed nothing: not the schema, not the ledger.
  template <class Body>
  Error refused_forward(const Body& body) {
    return refusal(site(body), operation(Direction::forward, body));
  }
  template <class Body>
  Error refused_back(const Body& body) {
    return refusal(site(body), operation(Direction::back, body));
  }

  static CreateTableBody table(const std::string& name, const std::string& definition);
  static AddColumnBody column(const std::string& table, const std::string& name, const std::string& type,
                              const std::string& default_sql = "");
  // One new column made of an old one; without `down` there is no way back.
  static LinkColumnsBody link(const std::string& table, const std::string& source, const std::string& target,
                              const std::string& type, const std::string& up, const std::string& down = "");
  // The end of that link, in which the old column goes; without a link it only goes.
  static HandOverBody goes(const LinkColumnsBody& link);
  static HandOverBody goes(const std::string& table, const std::string& column);

  StepSite site(const CreateTableBody& body) const;
  StepSite site(const AddColumnBody& body) const;
  StepSite site(const LinkColumnsBody& body) const;
  StepSite site(const HandOverBody& body) const;
  StepSite site(const DropNotNullBody& body) const;
  StepSite site(const RetireTableBody& body) const;
  StepSite site(const RenameTableBody& body) const;

  // Fills the columns of a link, or what a step's way back fills, with the orchestrator's own backfill; the rows set.
  std::int64_t fill(const LinkColumnsBody& body);
  std::int64_t fill(const StepKey& key, const BackfillBody& body, const std::string& sets_as = "");

  // The SQLSTATE of a statement of an application; empty: it succeeded.
  std::string sqlstate_of(const std::string& sql);

  // But for pgphase's own.
  std::string schema();
  std::string ledger();
  // How many things of any kind and schema are called so: relations, constraints, types.
  std::string named(const std::string& name);

  // With a role, what that one may do.
  std::unique_ptr<Session> open_session(const std::string& role = "") const;

  TestDatabase db_;
  std::unique_ptr<Session> control_, session_;
  Fence fence_;
  LockLimits limits_;

 private:
  using Operation = std::function<Result<RetireOutcome>(Session&, const StepSite&, bool begun)>;
  static Operation operation(Direction direction, const CreateTableBody& body);
  static Operation operation(Direction direction, const AddColumnBody& body);
  static Operation operation(Direction direction, const LinkColumnsBody& body);
  static Operation operation(Direction direction, const HandOverBody& body);
  static Operation operation(Direction direction, const DropNotNullBody& body);
  static Operation operation(Direction direction, const RetireTableBody& body);
  static Operation operation(Direction direction, const RenameTableBody& body);

  StepSite at(Phase phase, const std::string& step) const {
    return {fence_, limits_, {PlanId{"007_things"}, phase, step}};
  }
  void know(const StepKey& key);
  RetireOutcome attempted(const StepSite& site, const Operation& operation, bool begun);
  std::string carried_out(const StepSite& site, const Operation& operation, const std::string& state);
  Error refusal(const StepSite& site, const Operation& operation);
};

}  // namespace pgphase::testing
