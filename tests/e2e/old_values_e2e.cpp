// Rolling back a backfill that overwrites: every row that nobody has written since has its old value again, every other
// one the newer value.
#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/e2e/chance.hpp"
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* k_t =
    "CREATE TABLE t (id integer PRIMARY KEY, n integer, label text); "
    "INSERT INTO t SELECT i, i, 'l' || i FROM generate_series(1, 1000) i;";

constexpr const char* k_double = R"toml(format = 1
[[backfill]]
name  = "double"
table = "t"
set   = { n = "n * 2" }
)toml";

class OldValuesE2e : public ::testing::Test {
 protected:
  OldValuesE2e() {
    project.db().exec(k_t);
    project.plan("010_double", k_double);
  }
  std::string run(const std::vector<std::string>& args) {
    const auto output = project.run(args);
    EXPECT_EQ(output.code, 0) << output.out << output.err;
    return output.out;
  }
  std::string value(const std::string& sql) { return project.db().value(sql); }
  std::string hidden() {
    return value("SELECT count(*) FROM pg_attribute WHERE attname ~ '^_pgphase_' AND NOT attisdropped");
  }
  Project project;
};

TEST_F(OldValuesE2e, RestoredKeptBecauseNewerAndGoneAreCounted) {
  run({"up"});
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n = id * 2"), "1000");
  project.db().exec(
      "UPDATE t SET n = -1 WHERE id <= 10; UPDATE t SET label = 'x' WHERE id BETWEEN 11 AND 20;"
      "DELETE FROM t WHERE id BETWEEN 21 AND 23; INSERT INTO t VALUES (2000, 5, 'new')");
  EXPECT_THAT(
      run({"rollback", "010_double"}),
      HasSubstr("old values: 987 rows restored, 10 kept because somebody has written a newer one, 3 gone because "
                "deleted"));
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE id <= 10 AND n = -1"), "10");
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE id BETWEEN 11 AND 1000 AND n = id"), "987");
  EXPECT_EQ(value("SELECT n FROM t WHERE id = 2000"), "5");
  EXPECT_EQ(hidden(), "0");
  EXPECT_EQ(value("SELECT count(*) FROM pg_trigger WHERE tgname ~ 'pgphase'"), "0");
}

TEST_F(OldValuesE2e, AWriteOfTheVeryValueThatIsThereIsAWriteToo) {
  run({"up"});
  project.db().exec(
      "UPDATE t SET n = n WHERE id = 1; "
      "INSERT INTO t VALUES (2, 4, '') ON CONFLICT (id) DO UPDATE SET n = excluded.n;"
      "CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := 99; RETURN NEW; END';"
      "CREATE TRIGGER zzz BEFORE UPDATE ON t FOR EACH ROW WHEN (OLD.id = 3) EXECUTE FUNCTION bump();"
      "UPDATE t SET label = 'by way of a trigger' WHERE id = 3; DROP TRIGGER zzz ON t");
  run({"rollback", "010_double"});
  EXPECT_EQ(value("SELECT string_agg(n::text, ' ' ORDER BY id) FROM t WHERE id <= 4"), "2 4 99 4");
}

TEST_F(OldValuesE2e, TwoBackfillsOfOneColumnAreTakenBackOneAfterTheOther) {
  project.plan("010_double",
               std::string(k_double) +
                   "[[backfill]]\nname = \"add\"\ntable = \"t\"\nset = { n = \"n + 1\", label = \"upper(label)\" }\n");
  run({"up"});
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n = id * 2 + 1 AND label = 'L' || id"), "1000");
  run({"rollback", "010_double"});
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n = id AND label = 'l' || id"), "1000");
  run({"up", "010_double"});
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n = id * 2 + 1 AND label = 'L' || id"), "1000");
}

TEST_F(OldValuesE2e, HalfARollbackGoesForwardAgainAndNoRowIsSetTwice) {
  project.db().exec("UPDATE t SET label = repeat('x', 1000)");  // several batches
  project.env["PGPHASE_BATCH_TIME"] = "1ms";
  run({"up"});
  project.env["PGPHASE_FAILPOINT"] = "backfill.chunk.after_commit:10";
  // Batches over pages that the rows have left restore none.
  int restored = 0;
  for (int kills = 0; restored == 0 && kills < 100; ++kills) {
    EXPECT_NE(project.run({"rollback", "010_double"}).code, 0);
    restored = std::stoi(value("SELECT count(*) FROM t WHERE n = id"));
  }
  project.env.erase("PGPHASE_FAILPOINT");
  EXPECT_GT(restored, 0);
  EXPECT_LT(restored, 1000);
  run({"up", "010_double"});
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n = id * 2"), "1000");
  run({"rollback", "010_double"});
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n = id"), "1000");
}

TEST_F(OldValuesE2e, ThePurgeTakesThemAndSealsTheBackfillAlone) {
  project.plan(
      "010_double",
      std::string(k_double) +
          "[[constraint]]\nname = \"c\"\nsql = [\"ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT "
          "VALID\", \"ALTER TABLE t VALIDATE CONSTRAINT c\"]\nrollback = \"ALTER TABLE t DROP CONSTRAINT c\"\n");
  run({"up", "010_double", "--approve"});
  EXPECT_THAT(run({"status"}), HasSubstr("old values of t.n, kept as _pgphase_old_"));
  EXPECT_THAT(run({"purge", "--yes", "--retain-for", "0s"}), HasSubstr("dropped old values of t.n"));
  EXPECT_EQ(hidden(), "0");
  EXPECT_EQ(value("SELECT count(*) FROM pg_proc WHERE proname ~ '_pgphase_old'"), "0");
  run({"rollback", "010_double", "--phase", "constraint"});
  EXPECT_EQ(project.run({"rollback", "010_double"}).code, 21);
}

TEST_F(OldValuesE2e, APartitionIsRefusedBeforeAnythingRuns) {
  project.db().exec(
      "CREATE TABLE p (id integer, n integer) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p DEFAULT");
  project.plan("010_double", "format = 1\n[[backfill]]\nname = \"b\"\ntable = \"p1\"\nset = { n = 7 }\n");
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 21) << output.out << output.err;
  EXPECT_THAT(output.err, HasSubstr("is a partition"));
}

TEST_F(OldValuesE2e, APublishedTableIsRefusedBeforeAnythingRuns) {
  project.db().exec("CREATE PUBLICATION everything FOR TABLE t");
  const auto output = project.run({"up"});
  EXPECT_EQ(output.code, 21) << output.out << output.err;
  EXPECT_THAT(output.err, AllOf(HasSubstr("publication everything publishes t"), HasSubstr("`irreversible`")));
  EXPECT_EQ(hidden(), "0");
  project.plan("010_double", std::string(k_double) + "irreversible = \"all are wrong\"\n");
  EXPECT_THAT(project.run({"up"}).err, HasSubstr("say with a `where`"));
}

// Applications write all the time while the values go forward, back, and forward and back again.
TEST_F(OldValuesE2e, NoAcknowledgedWriteIsLostAndNothingElseIsChanged) {
  const auto seed = seed_of_this_run();
  constexpr int k_writers = 3, k_rows = 1000, k_rounds = 3;
  project.env["PGPHASE_BATCH_TIME"] = "2ms";
  project.db().exec("UPDATE t SET label = repeat('x', 500)");
  std::atomic<bool> stop{false};
  std::vector<std::map<int, int>> logs(k_writers);  // each has rows of its own: every third
  std::vector<std::thread> writers;
  for (int w = 0; w < k_writers; ++w) {
    writers.emplace_back([&, w] {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(w));
      auto client = project.db().client();
      for (int i = 0; !stop; ++i) {
        const int id =
            static_cast<int>(random() % (k_rows / 5 / k_writers)) * k_writers + w + 1;  // a fifth of the rows
        // Odd and negative: no doubling gives it.
        const int written = -(2 * i + 1);
        client.exec("UPDATE t SET n = " + std::to_string(written) + " WHERE id = " + std::to_string(id));
        logs[static_cast<std::size_t>(w)][id] = written;
        std::this_thread::sleep_for(1ms);
      }
    });
  }
  // The state in which a phase ends counts: what was written before it began was doubled like any other value, and is
  // restored like it.
  for (int round = 0; round < k_rounds; ++round) {
    run({"up", "010_double"});
    run({"rollback", "010_double"});
  }
  stop = true;
  for (auto& writer : writers) writer.join();
  int wrong = 0;
  for (const auto& log : logs) {
    for (const auto& [id, written] : log) {
      const auto now = value("SELECT n FROM t WHERE id = " + std::to_string(id));
      if (now != std::to_string(written)) {
        ++wrong;
        ADD_FAILURE() << "row " << id << " was acknowledged as " << written << ", is " << now;
      }
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(value("SELECT count(*) FROM t WHERE n > 0 AND n <> id"), "0") << "rows that nobody has written";
}

}  // namespace
}  // namespace pgphase::testing
