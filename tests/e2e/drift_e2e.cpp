// `drift` names what people changed behind pgphase's back, and nothing else.
#include <gmock/gmock.h>

#include <chrono>

#include "tests/e2e/fixture.hpp"
#include "tests/support/hand_changes.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A copy of a database, to which nobody may be connected meanwhile.
class Copy {
 public:
  Copy(std::string name, const std::string& of) : name_(std::move(name)) {
    PgClient(test_server_url()).exec("CREATE DATABASE " + name_ + " TEMPLATE " + of);
  }
  ~Copy() { PgClient(test_server_url()).exec("DROP DATABASE " + name_ + " WITH (FORCE)"); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  const std::string& name() const { return name_; }
  std::string url() const { return with_database(test_server_url(), name_); }

 private:
  std::string name_;
};

const char* const k_back_to_the_first_ledger =
    "DROP TABLE pgphase.snapshot, pgphase.link, pgphase.speed, pgphase.bad_row, pgphase.probe;"
    "ALTER TABLE pgphase.phase DROP sealed_at, DROP sealed_by, DROP sealed_what;"
    "ALTER TABLE pgphase.step DROP kept;"
    "ALTER TABLE pgphase.chunk DROP stripes, DROP worker_pid, DROP worker_started, DROP touched_at;"
    "ALTER TABLE pgphase.backfill DROP chosen, DROP slowed_by, DROP scan;"
    "DELETE FROM pgphase.ledger_version WHERE version > 1";

class DriftE2eTest : public ::testing::Test {
 protected:
  DriftE2eTest() { project.sample_plans(); }

  Output drift(const std::vector<std::string>& more = {}) {
    std::vector<std::string> args{"drift"};
    args.insert(args.end(), more.begin(), more.end());
    return project.run(args);
  }
  Project project;
};

TEST_F(DriftE2eTest, EachKindOfChangeByHandIsFoundAndNamed) {
  const Copy base(project.db().name() + "_base", "template0");
  project.env["DATABASE_URL"] = base.url();
  PgClient(base.url()).exec(k_rich_schema);
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  ASSERT_EQ(project.run({"up", "002_task_priority", "--approve"}).code, 0);
  const auto unchanged = drift();
  EXPECT_EQ(unchanged.code, 0) << unchanged.out << unchanged.err;
  EXPECT_THAT(unchanged.out, HasSubstr("no drift since constraint of 002_task_priority at "));

  const auto changes = hand_changes_for(test_server_major());
  ASSERT_GE(changes.size(), 40U);
  for (const auto& change : changes) {
    SCOPED_TRACE(change.name);
    const Copy copy(project.db().name() + "_copy", base.name());
    PgClient(copy.url()).exec(change.sql);
    project.env["DATABASE_URL"] = copy.url();
    const auto found = drift();
    EXPECT_EQ(found.code, 42) << found.out << found.err;
    EXPECT_THAT(found.out, HasSubstr(std::to_string(change.words.size()) + " difference"));
    for (const auto& words : change.words) EXPECT_THAT(found.out, HasSubstr(words));
  }
}

TEST_F(DriftE2eTest, NothingIsFoundInAThousandTablesInUnderFiveSeconds) {
  project.db().exec(k_thousand_tables);
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  const auto begun = std::chrono::steady_clock::now();
  const auto output = drift();
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_EQ(output.code, 0) << output.out << output.err;
  EXPECT_LT(took, std::chrono::seconds(5));
  project.db().exec("ALTER TABLE t777 ALTER COLUMN b SET DEFAULT 8");
  EXPECT_THAT(drift().out, HasSubstr("column t777.b: default was 7, is 8"));
}

TEST_F(DriftE2eTest, WithoutASnapshotItIsRefusedAndWritesNothing) {
  const auto fresh = drift();
  EXPECT_EQ(fresh.code, 21);
  EXPECT_THAT(fresh.err, HasSubstr("there is nothing to compare with"));
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgphase'"), "0");
  // A ledger that was made before there were snapshots.
  ASSERT_EQ(project.run({"pause", "--all"}).code, 0);
  project.db().exec(k_back_to_the_first_ledger);
  EXPECT_EQ(drift().code, 21);
  EXPECT_EQ(project.db().value("SELECT max(version) FROM pgphase.ledger_version"), "1");
}

TEST_F(DriftE2eTest, TheNextRunUpgradesAnOlderLedgerAndKeepsASnapshot) {
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  project.db().exec(k_back_to_the_first_ledger);
  ASSERT_EQ(project.run({"up", "002_task_priority"}).code, 10);
  EXPECT_EQ(project.db().value("SELECT max(version) FROM pgphase.ledger_version"), "6");
  EXPECT_EQ(drift().code, 0);
}

TEST_F(DriftE2eTest, WhatPgphaseItselfDoesIsNoDriftForwardNorBack) {
  project.db().exec("CREATE TABLE others (id integer)");
  ASSERT_EQ(project.run({"up"}).code, 10);
  project.db().exec("INSERT INTO tasks (title, user_id, priority) VALUES ('a', 'u', 3)");
  EXPECT_THAT(drift().out, HasSubstr("no drift since backfill of 002_task_priority at "));
  for (const auto* phase : {"backfill", "additive"}) {
    ASSERT_EQ(project.run({"rollback", "002_task_priority", "--phase", phase}).code, 0);
    const auto output = drift();
    EXPECT_EQ(output.code, 0) << output.out;
    EXPECT_THAT(output.out,
                HasSubstr("no drift since the rollback of " + std::string(phase) + " of 002_task_priority at "));
  }
  // The column with the application's value is retired, not dropped; it is not shown.
  EXPECT_EQ(project.db().value("SELECT count(*) FROM pg_attribute WHERE attname ~ '^_pgphase_retired_'"), "1");
  ASSERT_EQ(project.run({"up", "002_task_priority", "--approve"}).code, 0);
  EXPECT_EQ(drift().code, 0);
}

TEST_F(DriftE2eTest, StampAndAStepByHandKeepASnapshot) {
  project.db().exec("CREATE TABLE tasks (id integer)");
  ASSERT_EQ(project.run({"stamp", "001_initial"}).code, 0);
  EXPECT_THAT(drift().out, HasSubstr("no drift since 001_initial was stamped at "));
  project.db().exec("ALTER TABLE tasks ADD COLUMN completed boolean, ADD COLUMN user_id text");
  EXPECT_EQ(drift().code, 42);

  project.plan("005_fails",
               "format = 1\n[[additive]]\nname = \"look\"\nsql = \"ALTER TABLE tasks ADD COLUMN id integer\"\n"
               "rollback = \"ALTER TABLE tasks DROP COLUMN id\"\n");
  ASSERT_EQ(project.run({"up", "005_fails"}).code, 41);
  const auto unfinished = drift();
  EXPECT_EQ(unfinished.code, 42);
  EXPECT_THAT(unfinished.out, HasSubstr("additive of 005_fails is not finished (failed)"));
  ASSERT_EQ(project.run({"step", "005_fails", "additive/look", "--skip", "--reason", "r"}).code, 0);
  EXPECT_EQ(drift().code, 42);  // nothing was made by hand, so nothing is accepted
  ASSERT_EQ(project.run({"step", "005_fails", "additive/look", "--done", "--reason", "r"}).code, 0);
  const auto accepted = drift();
  EXPECT_EQ(accepted.code, 0) << accepted.out;
  EXPECT_THAT(accepted.out, HasSubstr("no drift since a step of additive of 005_fails was said to be done at "));
}

TEST_F(DriftE2eTest, ASnapshotThatCannotBeTakenIsAWarningAndForgetsTheOlderOne) {
  project.db().exec("CREATE TABLE others (id integer DEFAULT 1)");
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  ASSERT_EQ(drift().code, 0);
  auto other = project.db().client();
  other.exec("BEGIN; LOCK TABLE others IN ACCESS EXCLUSIVE MODE");
  const auto run = project.run({"up", "002_task_priority"});
  EXPECT_EQ(run.code, 10) << run.err;
  EXPECT_THAT(run.err, HasSubstr("`pgphase drift` has nothing to compare with"));
  other.exec("ROLLBACK");
  EXPECT_EQ(drift().code, 21);
}

TEST_F(DriftE2eTest, MoreThanAScreenfulIsCutUnlessAllIsAskedFor) {
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  for (int i = 0; i < 45; ++i) project.db().exec("CREATE TABLE extra_" + std::to_string(100 + i) + " ()");
  const auto cut = drift().out;
  EXPECT_THAT(cut, HasSubstr("45 differences since additive of 001_initial at "));
  EXPECT_THAT(cut, HasSubstr("extra_139"));
  EXPECT_THAT(cut, Not(HasSubstr("extra_140")));
  EXPECT_THAT(cut, HasSubstr("and 5 more: pgphase drift --all"));
  EXPECT_THAT(drift({"--all"}).out, HasSubstr("extra_144"));
}

TEST_F(DriftE2eTest, JsonHasEveryDifferenceAndSinceWhen) {
  ASSERT_EQ(project.run({"up", "001_initial"}).code, 0);
  EXPECT_EQ(project.json({"drift"}).at("drift"), boost::json::value(false));
  project.db().exec("DROP INDEX idx_tasks_user_id");
  const auto answer = project.json({"drift"});
  EXPECT_EQ(answer.at("drift"), boost::json::value(true));
  EXPECT_EQ(answer.at("exit").as_int64(), 42);
  EXPECT_EQ(answer.at("since").at("plan").as_string(), "001_initial");
  EXPECT_EQ(answer.at("since").at("moment").as_string(), "forward");
  EXPECT_TRUE(answer.at("unfinished").as_array().empty());
  ASSERT_EQ(answer.at("differences").as_array().size(), 1U);
  const auto& difference = answer.at("differences").at(0);
  EXPECT_EQ(difference.at("difference").as_string(), "missing");
  EXPECT_EQ(difference.at("kind").as_string(), "index");
  EXPECT_EQ(difference.at("name").as_string(), "public.idx_tasks_user_id");
  EXPECT_EQ(difference.at("table").as_string(), "public.tasks");
}

}  // namespace
}  // namespace pgphase::testing
