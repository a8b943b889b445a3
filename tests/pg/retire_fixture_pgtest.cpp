#include <fmt/format.h>

#include <sstream>

#include "phases/ledger/ledger.hpp"
#include "phases/ledger/schema.hpp"
#include "plans/sql/quote.hpp"
#include "tests/pg/retire_fixture.hpp"
#include "tests/support/process.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

// One line each thing, in the order of pg_attribute where it has one.
constexpr const char* k_catalogue = R"sql(
WITH rel AS (SELECT c.*, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname !~ '^pg_|^information_schema$|^pgphase$' OR n.nspname = 'pgphase_retired')
SELECT line FROM (
  SELECT format('schema %s %s', nspname, nspacl) FROM pg_namespace
   WHERE nspname !~ '^pg_|^information_schema$|^pgphase$' OR nspname = 'pgphase_retired'
  UNION ALL SELECT format('relation %s.%s %s %s %s %s', nspname, relname, relkind, relacl, relreplident, reloptions)
    FROM rel
  UNION ALL SELECT format('column %s.%s %s %s %s %s %s %s %s', nspname, relname,
      row_number() OVER (PARTITION BY rel.oid ORDER BY attnum), attname, format_type(atttypid, atttypmod), attnotnull,
      attidentity, pg_get_expr(adbin, adrelid), attacl)
    FROM rel JOIN pg_attribute a ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = rel.oid AND adnum = attnum
  UNION ALL SELECT format('constraint %s.%s %s %s', nspname, relname, conname, pg_get_constraintdef(k.oid))
    FROM rel JOIN pg_constraint k ON conrelid = rel.oid
  UNION ALL SELECT pg_get_indexdef(indexrelid) FROM rel JOIN pg_index ON indrelid = rel.oid
  UNION ALL SELECT pg_get_triggerdef(t.oid) FROM rel JOIN pg_trigger t ON tgrelid = rel.oid AND NOT tgisinternal
  UNION ALL SELECT format('sequence %s %s %s %s', seqrelid::regclass, seqstart, seqincrement, seqmax)
    FROM rel JOIN pg_sequence ON seqrelid = rel.oid
  UNION ALL SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description)
    FROM pg_description JOIN rel ON objoid = rel.oid
  UNION ALL SELECT format('publication %s', pubname) FROM pg_publication
  UNION ALL SELECT format('policy %s', polname) FROM pg_policy
  UNION ALL SELECT format('function %s', oid::regprocedure) FROM pg_proc
   WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$|^pgphase$')
) lines(line) ORDER BY line)sql";

std::string without_random_lines(const std::string& dump) {
  std::istringstream in(dump);
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")) out += line + "\n";
  }
  return out;
}

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
  if (test_server_major() > 15) {
    std::string lines;
    for (const auto& row : db_.query(k_catalogue)) lines += row[0].value_or("") + "\n";
    return lines;
  }
  const auto dump = run({"pg_dump", "--schema-only", "-N", "pgphase", "-d", db_.url()});
  EXPECT_EQ(dump.code, 0) << dump.err;
  return without_random_lines(dump.out);
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
