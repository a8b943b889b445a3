#include <fmt/format.h>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "plans/sql/quote.hpp"
#include "tests/pg/retire_fixture.hpp"
#include "tests/support/dump.hpp"

namespace pgphase::testing {
namespace {

std::unique_ptr<Session> open_session(const std::string& url) {
  SessionOptions options;
  options.conninfo = url;
  options.target = "the test's database";
  return std::move(Session::open(options).value());
}

}  // namespace

RetirePgTest::RetirePgTest() : control_(open_session(db_.url())), session_(open_session(db_.url())) {
  ensure_ledger(*control_).value();
  fence_ = acquire_lease(*control_, "ada@test", "test", TakeOver::if_stale).value();
}

void RetirePgTest::know(const StepKey& key) {
  db_.exec(
      fmt::format("INSERT INTO pgphase.plan (id, description, text, text_sha256, split, split_sha256) "
                  "VALUES ('{0}', '', '', '', '{{}}', '') ON CONFLICT DO NOTHING;"
                  "INSERT INTO pgphase.step (plan, phase, name, position) VALUES ('{0}', '{1}', {2}, "
                  "(SELECT count(*) FROM pgphase.step)) ON CONFLICT DO NOTHING",
                  key.plan.value, to_string(key.phase), quote_literal(key.step)));
}

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

std::string RetirePgTest::literal(const std::string& text) {
  return quote_literal(text);
}

}  // namespace pgphase::testing
