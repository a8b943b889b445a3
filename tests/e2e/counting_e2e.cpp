// A sequence that has counted further than the type that its column is to get: named before anything is changed, and
// the statement that the refusal names is enough.
#include <gmock/gmock.h>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CountingE2e : public ::testing::TestWithParam<const char*> {
 protected:
  CountingE2e() { exec(std::string("CREATE TABLE t (id ") + GetParam() + " PRIMARY KEY, s text)"); }
  void exec(const std::string& sql) { project.db().exec(sql); }
  void change_to(const std::string& type) {
    project.plan("010_type", "format = 1\n[[change]]\nop = \"change_type\"\ntable = \"t\"\ncolumn = \"id\"\ntype = \"" +
                                 type + "\"\n");
  }
  std::string expect(int code, const std::vector<std::string>& args) {
    const auto output = project.run(args);
    EXPECT_EQ(output.code, code) << output.out << output.err;
    return output.err;
  }
  void set_back_as_told(const std::string& words) {
    const auto from = words.find("`SELECT setval") + 1;
    ASSERT_NE(from, std::string::npos + 1) << words;
    exec(words.substr(from, words.find('`', from) - from));
  }
  Project project;
};

TEST_P(CountingE2e, ARollbackThatWouldLeaveEveryInsertFailingIsRefusedBeforeItBegins) {
  exec("INSERT INTO t (s) SELECT 's' FROM generate_series(1, 9)");
  change_to("bigint");
  expect(0, {"up", "010_type", "--approve"});
  exec("SELECT setval(pg_get_serial_sequence('t', 'id'), 3000000000); INSERT INTO t (s) VALUES ('far')");
  exec("DELETE FROM t WHERE s = 'far'");
  const auto before = project.schema_dump();
  for (const auto& args : {std::vector<std::string>{"rollback", "010_type"},
                           std::vector<std::string>{"rollback", "010_type", "--phase", "constraint"}}) {
    const auto words = expect(21, args);
    EXPECT_THAT(words, AllOf(HasSubstr("sequence t_id_seq of column id of table t has counted to 3000000001"),
                             HasSubstr("integer ends at 2147483647")));
    EXPECT_EQ(project.schema_dump(), before);
  }
  set_back_as_told(expect(21, {"rollback", "010_type"}));
  expect(0, {"rollback", "010_type"});
  EXPECT_EQ(project.db().value("INSERT INTO t (s) VALUES ('old code') RETURNING id"), "10");
}

TEST_P(CountingE2e, ASmallerTypeIsRefusedBeforeAnythingRuns) {
  exec("SELECT setval(pg_get_serial_sequence('t', 'id'), 40000)");
  change_to("smallint");
  const auto words = expect(21, {"up", "010_type", "--approve"});
  EXPECT_THAT(words, HasSubstr("has counted to 40000, and smallint ends at 32767"));
  set_back_as_told(words);
  expect(0, {"up", "010_type", "--approve"});
  exec("INSERT INTO t (s) VALUES ('new code')");
  // Used up: its last number was given.
  exec("SELECT setval(pg_get_serial_sequence('t', 'id'), 32767)");
  expect(0, {"rollback", "010_type"});
  exec("INSERT INTO t (s) VALUES ('old code')");
}

INSTANTIATE_TEST_SUITE_P(Of, CountingE2e, ::testing::Values("serial", "integer GENERATED ALWAYS AS IDENTITY"));

}  // namespace
}  // namespace pgphase::testing
