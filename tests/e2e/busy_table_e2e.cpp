// A backfill of a table that never rests: 500 rows a second come and change while it runs. It ends all the same, and
// leaves none behind. The way a batch finds its rows must not let the writer run ahead of it.
#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include "tests/e2e/chance.hpp"
#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr int k_rows = 200'000;
constexpr int k_rate = 500;  // rows a second, half of them new

struct Fill {
  const char* name;
  const char* plan;
};

constexpr const char* k_change = R"toml(format = 1
[[change]]
op = "add_column"
table = "items"
column = "m"
type = "text"
fill = "lower(word)"
)toml";

// By hand, and so that rows which code without the column writes are the application's own: they have the default.
constexpr const char* k_by_hand = R"toml(format = 1
[[change]]
op = "add_column"
table = "items"
column = "m"
type = "text"

[[additive]]
name = "new rows"
sql = "ALTER TABLE items ALTER COLUMN m SET DEFAULT 'new'"
rollback = "ALTER TABLE items ALTER COLUMN m DROP DEFAULT"

[[backfill]]
name = "fill"
table = "items"
set = { m = "lower(word)" }
)toml";

class BusyTableE2e : public ::testing::TestWithParam<Fill> {};

TEST_P(BusyTableE2e, TheBackfillEndsAndNoRowIsLeft) {
  Project project;
  project.db().exec(
      "CREATE TABLE items (id bigint PRIMARY KEY, word text NOT NULL, pad text);"
      "INSERT INTO items SELECT i, 'Word ' || i, repeat('x', 200) FROM generate_series(1, " +
      std::to_string(k_rows) + ") i");
  project.plan("010_fill", GetParam().plan);
  std::mt19937_64 chance(seed_of_this_run());

  std::atomic<bool> over{false};
  std::atomic<int> written{0};
  const auto begin = steady_clock::now();
  std::thread writer([&] {
    PgClient client(project.db().url());
    // Ten new rows and ten changed ones, 25 times a second; what is late is made up for.
    for (int turn = 0; !over; ++turn) {
      std::this_thread::sleep_until(begin + turn * 40ms);
      std::string ids;
      for (int i = 0; i < 10; ++i) ids += (i > 0 ? "," : "") + std::to_string(1 + chance() % k_rows);
      try {
        client.exec("INSERT INTO items (id, word) SELECT i, 'New ' || i FROM generate_series(" +
                    std::to_string(1'000'000 + turn * 10) + ", " + std::to_string(1'000'009 + turn * 10) + ") i");
        client.exec("UPDATE items SET pad = '" + std::to_string(turn) + "' WHERE id IN (" + ids + ")");
        written += 20;
      } catch (const PgError& error) {
        // Ten rows at once, in any order, may deadlock with a batch: PostgreSQL's own answer.
        if (error.sqlstate() != "40P01") ADD_FAILURE() << error.what();
      }
    }
  });
  // Up to constraint whoever leaves the column out has it filled.
  const auto run = project.run({"up", "010_fill", "--through", "backfill"}, 240s);
  const auto seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
  over = true;
  writer.join();
  EXPECT_EQ(run.code, 0) << run.out << run.err;
  EXPECT_EQ(project.phase_state("010_fill", "backfill"), "done");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE m IS NULL"), "0");
  EXPECT_EQ(project.db().value("SELECT count(*) FROM items WHERE id <= 200000 AND m <> lower(word)"), "0");
  std::fprintf(stderr, "%d rows written in %.1f s, %d wanted a second\n", written.load(), seconds, k_rate);
}

INSTANTIATE_TEST_SUITE_P(Fills, BusyTableE2e, ::testing::Values(Fill{"change", k_change}, Fill{"by_hand", k_by_hand}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace pgphase::testing
