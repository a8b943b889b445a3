// The snapshot that the ledger keeps, and the ledgers that were made before it kept any.
#include <gtest/gtest.h>

#include "phases/catalogue/compare.hpp"
#include "phases/ledger/baseline.hpp"
#include "phases/ledger/schema.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing {
namespace {

class BaselinePgTest : public ::testing::Test {
 protected:
  BaselinePgTest() {
    SessionOptions options;
    options.conninfo = db_.url();
    options.target = "the test's database";
    session_ = std::move(Session::open(options).value());
  }

  // As a ledger looks that a pgphase without snapshots made: its scripts are never edited.
  void make_first_ledger() {
    ensure_ledger(*session_).value();
    db_.exec(
        "DROP TABLE pgphase.snapshot, pgphase.link, pgphase.speed, pgphase.bad_row, pgphase.probe;"
        "ALTER TABLE pgphase.phase DROP sealed_at, DROP sealed_by, DROP sealed_what;"
        "ALTER TABLE pgphase.step DROP kept;"
        "ALTER TABLE pgphase.chunk DROP stripes, DROP worker_pid, DROP worker_started, DROP touched_at;"
        "ALTER TABLE pgphase.backfill DROP chosen, DROP slowed_by, DROP scan;"
        "DELETE FROM pgphase.ledger_version WHERE version > 1");
  }

  TestDatabase db_;
  std::unique_ptr<Session> session_;
};

TEST_F(BaselinePgTest, AnOlderLedgerIsReadAndUpgradedInPlace) {
  make_first_ledger();
  db_.exec(
      "INSERT INTO pgphase.plan (id, description, text, text_sha256, split, split_sha256) "
      "VALUES ('001_a', '', '', '', '{}', '')");
  EXPECT_EQ(ledger_version(*session_).value(), 1);
  EXPECT_FALSE(read_baseline(*session_).value());
  EXPECT_EQ(ledger_version(*session_).value(), 1);  // reading has not upgraded it

  ensure_ledger(*session_).value();
  EXPECT_EQ(ledger_version(*session_).value(), newest_ledger_version());
  EXPECT_EQ(db_.value("SELECT string_agg(version::text, ' ' ORDER BY version) FROM pgphase.ledger_version"), "1 2 3 4 5 6");
  EXPECT_EQ(db_.value("SELECT id FROM pgphase.plan"), "001_a");
  EXPECT_FALSE(read_baseline(*session_).value());
  ASSERT_TRUE(keep_baseline(*session_, PlanId{"001_a"}, Phase::backfill, BaselineMoment::back, Snapshot{}));
  EXPECT_TRUE(read_baseline(*session_).value());
}

TEST_F(BaselinePgTest, KeepsTheNewestOnly) {
  ensure_ledger(*session_).value();
  const auto seen = look_for_baseline(*session_);
  ASSERT_TRUE(keep_baseline(*session_, PlanId{"001_a"}, Phase::additive, BaselineMoment::forward, seen));
  const auto first = read_baseline(*session_).value();
  db_.exec("CREATE TABLE t (id integer)");
  ASSERT_TRUE(keep_baseline(*session_, PlanId{"002_b"}, Phase::constraint, BaselineMoment::stamped,
                            look_for_baseline(*session_)));
  const auto second = read_baseline(*session_).value();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(db_.value("SELECT count(*) FROM pgphase.snapshot"), "1");
  EXPECT_LT(first->taken_at, second->taken_at);
  EXPECT_EQ(first->snapshot, *seen);
  EXPECT_EQ(second->plan.value, "002_b");
  EXPECT_EQ(second->phase, Phase::constraint);
  EXPECT_EQ(second->moment, BaselineMoment::stamped);
  EXPECT_EQ(second->server_version, session_->server_version());
  ASSERT_EQ(compare(first->snapshot, second->snapshot).size(), 1U);
}

TEST_F(BaselinePgTest, OneThatCouldNotBeTakenForgetsTheOlderOne) {
  ensure_ledger(*session_).value();
  ASSERT_TRUE(keep_baseline(*session_, PlanId{"001_a"}, Phase::additive, BaselineMoment::forward, Snapshot{}));
  ASSERT_TRUE(keep_baseline(*session_, PlanId{"002_b"}, Phase::additive, BaselineMoment::forward,
                            make_error(Errc::sql, "somebody has locked a table")));
  EXPECT_FALSE(read_baseline(*session_).value());
}

TEST_F(BaselinePgTest, OneOfAnotherVersionIsRefusedInASentence) {
  ensure_ledger(*session_).value();
  ASSERT_TRUE(keep_baseline(*session_, PlanId{"001_a"}, Phase::additive, BaselineMoment::forward, Snapshot{}));
  db_.exec(R"(UPDATE pgphase.snapshot SET objects = '{"format": 99}')");
  const auto read = read_baseline(*session_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::refused);
  EXPECT_NE(read.error().message.find("its format is not known"), std::string::npos);
}

}  // namespace
}  // namespace pgphase::testing
