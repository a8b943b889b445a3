#include <thread>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "tests/pg/backfill_fixture.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {

BackfillBody backfill_of(const std::string& table, std::vector<Assignment> set, Todo todo, const std::string& where) {
  BackfillBody body;
  body.table = {"public", table};
  body.set = std::move(set);
  body.todo = todo;
  body.where = where;
  return body;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void BackfillPgTest::SetUp() {
  control = connect();
  auto ledger_made = ensure_ledger(*control);
  ASSERT_TRUE(ledger_made) << ledger_made.error().text();
  auto taken = acquire_lease(*control, "ada@build-7", "test", TakeOver::if_stale);
  ASSERT_TRUE(taken) << taken.error().text();
  fence = *taken;
  session = connect();
}

std::unique_ptr<Session> BackfillPgTest::connect(const std::string& role) const {
  SessionOptions options;
  options.conninfo = db.url();
  options.target = "the test database";
  options.application_name = "pgphase/001_test/fill";
  options.role = role;
  auto opened = Session::open(options);
  if (!opened) throw std::runtime_error(opened.error().text());
  return std::move(*opened);
}

void BackfillPgTest::record_step(const BackfillBody& what) {
  body = what;
  plan.id = key.plan;
  db.exec(
      "INSERT INTO pgphase.plan (id, description, text, text_sha256, split, split_sha256) "
      "VALUES ('001_test', '', '', '', '{}', '') ON CONFLICT DO NOTHING;"
      "INSERT INTO pgphase.phase (plan, phase, state) VALUES ('001_test', 'backfill', 'running') ON CONFLICT DO "
      "NOTHING;"
      "INSERT INTO pgphase.step (plan, phase, name, position, state) VALUES ('001_test', 'backfill', 'fill', 0, "
      "'running') "
      "ON CONFLICT DO NOTHING");
}

void BackfillPgTest::end_session() {
  const auto pid = std::to_string(session->backend().pid);
  session.reset();
  ASSERT_TRUE(eventually(
      [&] { return db.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) == "0"; }));
}

BackfillTick BackfillPgTest::drive(BackfillRun& run) {
  for (;;) {
    auto tick = run.advance(*session);
    if (!tick) {
      ADD_FAILURE() << tick.error().text() << "\n" << tick.error().statement;
      return {};
    }
    ++ticks;
    for (auto& note : tick->notes) notes.push_back(note);
    EXPECT_LE(tick->progress.pages_done, tick->progress.pages_total);
    if (tick->kind == BackfillTick::Kind::done) return *tick;
    if (tick->kind == BackfillTick::Kind::more) continue;
    waited_for = tick->blocked_by.message;
    if (tick->kind == BackfillTick::Kind::blocked) {
      ++blocked;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    } else {
      ++waits;
      std::this_thread::sleep_for(tick->pause);
    }
  }
}

Error BackfillPgTest::drive_to_error(BackfillRun& run) {
  for (;;) {
    auto tick = run.advance(*session);
    if (!tick) return tick.error();
    if (tick->kind == BackfillTick::Kind::done) {
      ADD_FAILURE() << "it came to its end";
      return {};
    }
    if (tick->kind != BackfillTick::Kind::more) std::this_thread::sleep_for(tick->pause);
  }
}

void BackfillPgTest::advance_to_scan(BackfillRun& run) {
  while (db.value("SELECT count(*) FROM pgphase.backfill WHERE stage = 'scan'") == "0") {
    const auto tick = run.advance(*session);
    ASSERT_TRUE(tick) << tick.error().text();
  }
}

BackfillTick BackfillPgTest::fill(const BackfillBody& what) {
  record_step(what);
  auto run = open();
  if (!run) {
    ADD_FAILURE() << run.error().text();
    return {};
  }
  return drive(**run);
}

Error BackfillPgTest::fill_to_error(const BackfillBody& what) {
  record_step(what);
  auto run = open();
  return run ? drive_to_error(**run) : run.error();
}

}  // namespace pgphase::testing
