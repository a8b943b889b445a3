// What a rollback has put out of sight stands in nobody's way.
#include <ostream>

#include "tests/e2e/fixture.hpp"

namespace pgphase::testing {
namespace {

struct OutOfSight {
  std::string name, change;
};
void PrintTo(const OutOfSight& one, std::ostream* out) {
  *out << one.name;
}

std::vector<OutOfSight> cases() {
  return {{"ATypeInPlace",
           "op = \"change_type\"\ncolumn = \"k\"\ntype = \"integer\"\nfill = \"k::integer\"\n"
           "down = \"k::text\"\n"},
          {"ATypeUnderANewName",
           "op = \"change_type\"\ncolumn = \"k\"\nto = \"n\"\ntype = \"integer\"\n"
           "fill = \"k::integer\"\ndown = \"n::text\"\nnullable = false\n"},
          {"ASplit",
           "op = \"split_column\"\ncolumn = \"k\"\ninto = [{ column = \"a\", type = \"integer\", fill = "
           "\"substr(k, 1, 1)::integer\" }, { column = \"b\", type = \"integer\", fill = "
           "\"substr(k, 1, 1)::integer\" }]\ndown = \"a || ''\"\n"},
          {"AFill", "op = \"add_column\"\ncolumn = \"n\"\ntype = \"varchar(3)\"\nfill = \"k\"\n"}};
}

class OutOfSightE2e : public ::testing::TestWithParam<OutOfSight> {};

TEST_P(OutOfSightE2e, OldCodeWritesWhatItLikesAfterEachRollback) {
  Project project;
  project.db().exec("CREATE TABLE o (id serial PRIMARY KEY, k text); INSERT INTO o (k) VALUES ('1'), ('2')");
  project.plan("001_a", "format = 1\n[[change]]\ntable = \"o\"\n" + GetParam().change);
  const auto done = [&](const std::vector<std::string>& args) {
    const auto output = project.run(args);
    ASSERT_EQ(output.code, 0) << output.out << output.err;
  };
  const auto old_code_writes = [&] {
    project.db().exec("INSERT INTO o (k) VALUES ('xyz long'); UPDATE o SET k = 'abc long' WHERE id = 2");
    project.db().exec("UPDATE o SET k = '2' WHERE k ~ 'long'");
  };
  for (const auto* through : {"additive", "backfill", "constraint"}) {
    done({"up", "001_a", "--through", through, "--approve"});
    done({"rollback", "001_a"});
    old_code_writes();
  }
  done({"up", "001_a", "--approve"});
}

INSTANTIATE_TEST_SUITE_P(Of, OutOfSightE2e, ::testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace pgphase::testing
