// Roles that write a table and may not carry out what its columns are kept in step with: named before every write of
// theirs fails.
#include "phases/sync/rights.hpp"

#include "phases/sync/new_columns.hpp"
#include "tests/pg/retire_fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Roles belong to the whole server: those of a test have its database's name, and go with it.
class SyncRightsPgTest : public RetirePgTest {
 protected:
  SyncRightsPgTest() : app_(db_.name() + "_app"), group_(db_.name() + "_group") {
    db_.exec("CREATE ROLE " + app_ + " LOGIN; CREATE ROLE " + group_);
    db_.exec(
        "CREATE TABLE people (id serial PRIMARY KEY, email text); CREATE TABLE codes (code text, name text);"
        "CREATE SCHEMA far; CREATE FUNCTION far.up(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)';"
        "CREATE FUNCTION up2(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN upper($1); END';"
        "CREATE TYPE far.mood AS ENUM ('good', 'bad');"
        "REVOKE EXECUTE ON FUNCTION up2(text) FROM PUBLIC");
    grant("USAGE ON ALL SEQUENCES IN SCHEMA public", app_);
  }
  ~SyncRightsPgTest() override {
    for (const auto& role : {app_, group_}) db_.exec("DROP OWNED BY " + role + "; DROP ROLE " + role);
  }
  void grant(const std::string& what, const std::string& to) { db_.exec("GRANT " + what + " TO " + to); }
  static LinkColumnsBody makes(const std::string& fill, const std::string& type = "text") {
    return link("people", "email", "made", type, fill);
  }
  std::vector<std::string> lacking(const LinkColumnsBody& body) {
    return rights_that_writers_lack(*session_, body).value();
  }
  // The sentence says what is lacking, and its GRANT is enough for the role to write.
  void expect_lacking(const LinkColumnsBody& body, const std::string& says) {
    auto found = lacking(body);
    EXPECT_THAT(found, Contains(HasSubstr(says)));
    EXPECT_EQ(refused_forward(body).code, Errc::refused);
    EXPECT_THAT(obstacles_to_linking(*session_, body).value(), Contains(HasSubstr(says)));
    for (const auto& sentence : found) {
      const auto from = sentence.find("`GRANT") + 1;
      ASSERT_NE(from, std::string::npos + 1) << sentence;
      db_.exec(sentence.substr(from, sentence.find('`', from) - from));
    }
    EXPECT_THAT(lacking(body), IsEmpty());
    forward(body);
    write_as(app_);
  }
  void write_as(const std::string& role) {
    db_.exec("BEGIN; SET LOCAL ROLE " + role + "; INSERT INTO people (email) VALUES ('ann'); COMMIT");
  }
  std::string app_, group_;
};

TEST_F(SyncRightsPgTest, AFunctionThatAWriterMayNotExecute) {
  EXPECT_THAT(lacking(makes("up2(email)")), IsEmpty()) << "it does not write";
  grant("SELECT, DELETE, REFERENCES ON people", app_);
  EXPECT_THAT(lacking(makes("up2(email)")), IsEmpty()) << "it does not write";
  grant("INSERT ON people", app_);
  EXPECT_THAT(lacking(makes("upper(email)")), IsEmpty());
  expect_lacking(makes("up2(email)"), "role " + app_ + " may write people and may not execute function public.up2(");
}

TEST_F(SyncRightsPgTest, OfColumnsAlone) {
  grant("INSERT (email), UPDATE (email) ON people", app_);
  expect_lacking(makes("public.up2(email)"), "role " + app_);
}

TEST_F(SyncRightsPgTest, ByMembershipAndByPublic) {
  grant("INSERT ON people", group_);
  EXPECT_THAT(lacking(makes("up2(email)")), IsEmpty()) << "nobody is in the group";
  grant(group_, app_);
  EXPECT_THAT(lacking(makes("up2(email)")), SizeIs(1));
  db_.exec("REVOKE " + group_ + " FROM " + app_);
  grant("UPDATE ON people", "PUBLIC");
  EXPECT_THAT(lacking(makes("up2(email)")), Contains(HasSubstr("role " + app_)));
}

// As a pooler's role does that becomes the one who asks.
TEST_F(SyncRightsPgTest, OfARoleThatAnotherOneBecomes) {
  db_.exec("ALTER ROLE " + app_ + " NOINHERIT");
  grant(group_, app_);
  grant("INSERT ON people", group_);
  EXPECT_THAT(lacking(makes("up2(email)")), Contains(HasSubstr("role " + group_ + " may write")));
}

TEST_F(SyncRightsPgTest, ASchemaThatAWriterMayNotUse) {
  grant("INSERT ON people", app_);
  expect_lacking(makes("far.up(email)"), "may not use schema far, where function far.up(text) is");
}

TEST_F(SyncRightsPgTest, TheSchemaOfAType) {
  grant("INSERT ON people", app_);
  expect_lacking(makes("CASE WHEN email = '' THEN 'bad' ELSE 'good' END::far.mood", "far.mood"),
                 "may not use schema far, where type far.mood is");
}

TEST_F(SyncRightsPgTest, ATableThatAnExpressionReads) {
  grant("INSERT ON people", app_);
  expect_lacking(makes("(SELECT name FROM codes WHERE code = email)"), "may not read codes");
}

TEST_F(SyncRightsPgTest, OfSeveralSignaturesOneIsEnough) {
  db_.exec("CREATE FUNCTION up2(text, integer) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'");
  grant("INSERT ON people", app_);
  EXPECT_THAT(lacking(makes("up2(email, 1)")), IsEmpty());
}

}  // namespace
}  // namespace pgphase::testing
