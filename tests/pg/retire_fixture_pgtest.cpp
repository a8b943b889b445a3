#include <fmt/format.h>

#include "phases/backfill/backfill.hpp"
#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/rename/table_name.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/whole_table.hpp"
#include "phases/sync/columns.hpp"
#include "phases/sync/hand_over.hpp"
#include "phases/sync/links.hpp"
#include "plans/sql/quote.hpp"
#include "tests/pg/retire_fixture.hpp"
#include "tests/support/dump.hpp"

namespace pgphase::testing {
namespace {

constexpr int k_attempts = 12;

std::string link_step(const LinkColumnsBody& body) {
  return "link " + body.targets.front().name;
}

}  // namespace

RetirePgTest::RetirePgTest() : control_(open_session()), session_(open_session()) {
  ensure_ledger(*control_).value();
  fence_ = acquire_lease(*control_, "ada@test", "test", TakeOver::if_stale).value();
}

std::unique_ptr<Session> RetirePgTest::open_session(const std::string& role) const {
  SessionOptions options;
  options.conninfo = db_.url();
  options.target = "the test's database";
  options.role = role;
  return std::move(Session::open(options).value());
}

// --- steps -----------------------------------------------------------------------------------------------------------

StepSite RetirePgTest::site(const CreateTableBody& body) const {
  return at(Phase::additive, "create " + body.table.name);
}
StepSite RetirePgTest::site(const AddColumnBody& body) const {
  return at(Phase::additive, "add " + body.column);
}
StepSite RetirePgTest::site(const LinkColumnsBody& body) const {
  return at(Phase::additive, link_step(body));
}
StepSite RetirePgTest::site(const HandOverBody& body) const {
  return at(Phase::constraint, fmt::format("hand over {}", body.retire.empty() ? body.link_step : body.retire.front()));
}
StepSite RetirePgTest::site(const DropNotNullBody& body) const {
  return at(Phase::additive, "drop_not_null " + body.column);
}
StepSite RetirePgTest::site(const RetireTableBody& body) const {
  return at(Phase::constraint, "drop " + body.table.name);
}
StepSite RetirePgTest::site(const RenameTableBody& body) const {
  return body.part == RenameTableBody::Part::view ? at(Phase::additive, "view " + body.to)
                                                  : at(Phase::constraint, "rename " + body.table.name);
}

RetirePgTest::Operation RetirePgTest::operation(Direction direction, const CreateTableBody& body) {
  return [=](Session& session, const StepSite& site, bool) {
    return direction == Direction::forward ? create_or_restore_table(session, site, body)
                                           : undo_create_table(session, site, body);
  };
}
RetirePgTest::Operation RetirePgTest::operation(Direction direction, const AddColumnBody& body) {
  return [=](Session& session, const StepSite& site, bool) {
    return direction == Direction::forward ? add_or_restore_column(session, site, body)
                                           : undo_add_column(session, site, body);
  };
}
RetirePgTest::Operation RetirePgTest::operation(Direction direction, const LinkColumnsBody& body) {
  return [=](Session& session, const StepSite& site, bool) {
    return direction == Direction::forward ? link_or_restore_columns(session, site, body)
                                           : undo_link_columns(session, site, body);
  };
}
RetirePgTest::Operation RetirePgTest::operation(Direction direction, const HandOverBody& body) {
  return [=](Session& session, const StepSite& site, bool begun) {
    return direction == Direction::forward ? hand_over(session, site, body) : take_back(session, site, body, begun);
  };
}
RetirePgTest::Operation RetirePgTest::operation(Direction direction, const DropNotNullBody& body) {
  return [=](Session& session, const StepSite& site, bool begun) {
    if (direction == Direction::forward) return drop_not_null(session, site, body);
    return begun ? require_value_again(session, site, body) : refuse_new_nulls(session, site, body);
  };
}
RetirePgTest::Operation RetirePgTest::operation(Direction direction, const RetireTableBody& body) {
  return [=](Session& session, const StepSite& site, bool begun) {
    return direction == Direction::forward ? retire_whole_table(session, site, body)
                                           : bring_whole_table_back(session, site, body, begun);
  };
}
RetirePgTest::Operation RetirePgTest::operation(Direction direction, const RenameTableBody& body) {
  return [=](Session& session, const StepSite& site, bool) {
    return direction == Direction::forward ? take_new_name(session, site, body) : take_old_name(session, site, body);
  };
}

void RetirePgTest::know(const StepKey& key) {
  db_.exec(
      fmt::format("INSERT INTO pgphase.plan (id, description, text, text_sha256, split, split_sha256) "
                  "VALUES ('{0}', '', '', '', '{{}}', '') ON CONFLICT DO NOTHING;"
                  "INSERT INTO pgphase.phase (plan, phase, state) VALUES ('{0}', '{1}', 'running') "
                  "ON CONFLICT DO NOTHING;"
                  "INSERT INTO pgphase.step (plan, phase, name, position) VALUES ('{0}', '{1}', {2}, "
                  "(SELECT count(*) FROM pgphase.step)) ON CONFLICT DO NOTHING",
                  key.plan.value, to_string(key.phase), quote_literal(key.step)));
}

RetireOutcome RetirePgTest::attempted(const StepSite& site, const Operation& operation, bool begun) {
  know(site.key);
  std::string blocked;
  for (int attempt = 0; attempt < k_attempts; ++attempt) {
    auto outcome = operation(*session_, site, begun);
    if (!outcome) {
      ADD_FAILURE() << outcome.error().text() << "\n" << outcome.error().statement;
      return {};
    }
    if (outcome->attempt.done) return *outcome;
    blocked = outcome->attempt.blocked.text();
  }
  ADD_FAILURE() << "still blocked after " << k_attempts << " attempts: " << blocked;
  return {};
}

std::string RetirePgTest::carried_out(const StepSite& site, const Operation& operation, const std::string& state) {
  std::string what;
  for (bool begun = false;; begun = true) {
    const auto outcome = attempted(site, operation, begun);
    if (!outcome.attempt.done) return "failed";
    if (!outcome.what.empty()) what += (what.empty() ? "" : "; ") + outcome.what;
    if (outcome.more) continue;
    // Of several attempts it is the orchestrator that writes the end into the ledger.
    if (begun) step_finished(*session_, site.key, StepState::undone).value();
    EXPECT_EQ(db_.value(fmt::format("SELECT state FROM pgphase.step WHERE name = {} AND phase = '{}'",
                                    quote_literal(site.key.step), to_string(site.key.phase))),
              state);
    return what;
  }
}

Error RetirePgTest::refusal(const StepSite& site, const Operation& operation) {
  know(site.key);
  const auto schema_before = schema();
  const auto ledger_before = ledger();
  auto outcome = operation(*session_, site, false);
  EXPECT_EQ(schema(), schema_before);
  EXPECT_EQ(ledger(), ledger_before);
  if (!outcome) return outcome.error();
  ADD_FAILURE() << "was not refused: " << outcome->what;
  return {};
}

std::int64_t RetirePgTest::fill(const LinkColumnsBody& body) {
  BackfillBody what;
  what.table = body.table;
  for (const auto& target : body.targets) what.set.push_back({target.name, target.expression});
  what.todo = Todo::fill_empty;
  const auto link = link_of(*session_, site(body).key).value();
  return fill(at(Phase::backfill, "fill " + body.targets.front().name).key, what, link.value().link.key);
}

std::int64_t RetirePgTest::fill(const StepKey& key, const BackfillBody& body, const std::string& sets_as) {
  know(key);
  BackfillSettings settings;
  settings.sets_as = sets_as;
  auto run = BackfillRun::open(*session_, fence_, key, body, settings);
  while (run) {
    const auto tick = (*run)->advance(*session_);
    if (!tick) {
      ADD_FAILURE() << tick.error().text() << "\n" << tick.error().statement;
      return -1;
    }
    if (tick->kind == BackfillTick::Kind::done) return tick->progress.rows_done;
  }
  ADD_FAILURE() << run.error().text();
  return -1;
}

// --- bodies ----------------------------------------------------------------------------------------------------------

CreateTableBody RetirePgTest::table(const std::string& name, const std::string& definition) {
  CreateTableBody body;
  body.table.name = name;
  body.sql = fmt::format("CREATE TABLE {} ({})", qualified(body.table), definition);
  return body;
}

AddColumnBody RetirePgTest::column(const std::string& table, const std::string& name, const std::string& type,
                                   const std::string& default_sql) {
  AddColumnBody body;
  body.table.name = table;
  body.column = name;
  body.default_sql = default_sql;
  body.sql = fmt::format("ALTER TABLE {} ADD COLUMN {} {}{}", qualified(body.table), quote_ident(name), type,
                         default_sql.empty() ? "" : " DEFAULT " + default_sql);
  return body;
}

LinkColumnsBody RetirePgTest::link(const std::string& table, const std::string& source, const std::string& target,
                                   const std::string& type, const std::string& up, const std::string& down) {
  LinkColumnsBody body;
  body.table.name = table;
  body.sources = {{source, "", "", down}};
  body.targets = {{target, type, "", up}};
  return body;
}

HandOverBody RetirePgTest::goes(const LinkColumnsBody& link) {
  return {link.table, link_step(link), {link.sources.front().name}, {}};
}

HandOverBody RetirePgTest::goes(const std::string& table, const std::string& column) {
  HandOverBody body;
  body.table.name = table;
  body.retire = {column};
  return body;
}

// --- looks -----------------------------------------------------------------------------------------------------------

std::string RetirePgTest::sqlstate_of(const std::string& sql) {
  try {
    db_.client().exec(sql);
  } catch (const PgError& error) {
    return error.sqlstate();
  }
  return "";
}

std::string RetirePgTest::schema() {
  return schema_dump(db_.url());
}

std::string RetirePgTest::ledger() {
  return db_.value(
      "SELECT coalesce((SELECT string_agg(s::text, '' ORDER BY name) FROM pgphase.step s), '') || "
      "coalesce((SELECT string_agg(r::text, '' ORDER BY id) FROM pgphase.retired r), '')");
}

std::string RetirePgTest::named(const std::string& name) {
  return db_.value(
      fmt::format("SELECT (SELECT count(*) FROM pg_class WHERE relname = {0}) + "
                  "(SELECT count(*) FROM pg_constraint WHERE conname = {0}) + "
                  "(SELECT count(*) FROM pg_type WHERE typname = {0})",
                  quote_literal(name)));
}

}  // namespace pgphase::testing
