#include "tests/support/proof/forms/forms.hpp"

namespace pgphase::testing::proof {
namespace {

// A table with a column of the old type, filled.
#define PROOF_OF(type, value)                                                                 \
  "CREATE TABLE w (id int, x " type ", pad text); INSERT INTO w SELECT i, (" value ")::" type \
  ", repeat('x', 300) FROM generate_series(1, 1000) i;"
#define PROOF_INDEX "CREATE INDEX w_x ON w (x);"

// The old type is not in the text: a second one, from which the rows have to be written again, or need not be, stands
// beside each.
Form change(std::string_view name, std::string_view statement, std::vector<State> states) {
  Form out{name, {"change-type-unknown", "change-type-kept", "change-type-rewrite"}, statement, std::move(states)};
  out.shown = Shown::main;
  return out;
}

constexpr State k_from_bigint{"from bigint", PROOF_OF("bigint", "i") PROOF_INDEX "ALTER TABLE w ADD CHECK (x > 0)"};
constexpr State k_from_int{"from int", PROOF_OF("int", "i") PROOF_INDEX};

}  // namespace

std::vector<Form> type_forms() {
  return {
      change("int to bigint", "ALTER TABLE w ALTER COLUMN x TYPE bigint",
             {k_from_int, {"already", PROOF_OF("bigint", "i") PROOF_INDEX}}),
      change("int to numeric", "ALTER TABLE w ALTER COLUMN x TYPE numeric",
             {k_from_int,
              {"from numeric(9,2)", PROOF_OF("numeric(9,2)", "i") PROOF_INDEX},
              {"from bigint", PROOF_OF("bigint", "i")}}),
      change("to wider varchar", "ALTER TABLE w ALTER COLUMN x TYPE varchar(40)",
             {{"from varchar(20)", PROOF_OF("varchar(20)", "i::text") PROOF_INDEX},
              {"from varchar(50)", PROOF_OF("varchar(50)", "i::text") PROOF_INDEX},
              {"from text", PROOF_OF("text", "i::text")},
              {"from char(20)", PROOF_OF("char(20)", "i::text") PROOF_INDEX}}),
      change("to varchar", "ALTER TABLE w ALTER COLUMN x TYPE varchar",
             {{"from text", PROOF_OF("text", "i::text") PROOF_INDEX}, {"from int", PROOF_OF("int", "i")}}),
      change("to text", "ALTER TABLE w ALTER COLUMN x TYPE text",
             {{"from varchar(20)", PROOF_OF("varchar(20)", "i::text") PROOF_INDEX},
              {"with a check", PROOF_OF("varchar(20)", "i::text") "ALTER TABLE w ADD CHECK (length(x) > 0)"},
              {"from char(5)", PROOF_OF("char(5)", "i::text")},
              {"from xml", PROOF_OF("json", "'{}'")},
              {"from uuid", PROOF_OF("uuid", "md5(i::text)") PROOF_INDEX}}),
      change("to char", "ALTER TABLE w ALTER COLUMN x TYPE char(30)",
             {{"from char(30)", PROOF_OF("char(30)", "i::text") PROOF_INDEX},
              {"from char(20)", PROOF_OF("char(20)", "i::text") PROOF_INDEX}}),
      change("to bpchar", "ALTER TABLE w ALTER COLUMN x TYPE bpchar",
             {{"from text", PROOF_OF("text", "i::text") PROOF_INDEX}, {"from int", PROOF_OF("int", "i")}}),
      change("to wider numeric", "ALTER TABLE w ALTER COLUMN x TYPE numeric(12, 2)",
             {{"from numeric(10,2)", PROOF_OF("numeric(10,2)", "i") PROOF_INDEX},
              {"from numeric(10,1)", PROOF_OF("numeric(10,1)", "i") PROOF_INDEX},
              {"from numeric", PROOF_OF("numeric", "i")}}),
      change("to timestamp(6)", "ALTER TABLE w ALTER COLUMN x TYPE timestamp(6)",
             {{"from timestamp(3)", PROOF_OF("timestamp(3)", "'2020-01-01'") PROOF_INDEX},
              {"from timestamp", PROOF_OF("timestamp", "'2020-01-01'") PROOF_INDEX},
              {"from date", PROOF_OF("date", "'2020-01-01'") PROOF_INDEX}}),
      change("to timestamptz", "ALTER TABLE w ALTER COLUMN x TYPE timestamptz",
             {{"in UTC", PROOF_OF("timestamp", "'2020-01-01'") PROOF_INDEX
               "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database()); END $$"},
              {"in Berlin", PROOF_OF("timestamp", "'2020-01-01'") PROOF_INDEX
               "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Europe/Berlin''', current_database()); "
               "END $$"}}),
      change("to inet", "ALTER TABLE w ALTER COLUMN x TYPE inet USING x::inet",
             {{"from cidr", PROOF_OF("cidr", "'10.0.0.0/8'") PROOF_INDEX},
              {"from inet", PROOF_OF("inet", "'10.0.0.1'")},
              {"from text", PROOF_OF("text", "'10.0.0.1'") PROOF_INDEX}}),
      change("to varbit", "ALTER TABLE w ALTER COLUMN x TYPE varbit(16)",
             {{"from bit", PROOF_OF("bit(8)", "B'10101010'") PROOF_INDEX},
              {"from varbit", PROOF_OF("varbit", "B'10101010'") PROOF_INDEX},
              {"from varbit(8)", PROOF_OF("varbit(8)", "B'10101010'") PROOF_INDEX}}),
      change("to jsonb", "ALTER TABLE w ALTER COLUMN x TYPE jsonb",
             {{"from json", PROOF_OF("json", "'{}'")}, {"from jsonb", PROOF_OF("jsonb", "'{}'") PROOF_INDEX}}),
      change("to oid", "ALTER TABLE w ALTER COLUMN x TYPE oid",
             {{"from int", PROOF_OF("int", "i") PROOF_INDEX}, {"from bigint", PROOF_OF("bigint", "i")}}),
      change("to a domain", "ALTER TABLE w ALTER COLUMN x TYPE d",
             {{"bare", PROOF_OF("int", "i") PROOF_INDEX "CREATE DOMAIN d AS int"},
              {"with a check", PROOF_OF("int", "i") PROOF_INDEX "CREATE DOMAIN d AS int CHECK (value > 0)"}}),
      {"int to bigint by an expression",
       {"change-type-rewrite"},
       "ALTER TABLE w ALTER COLUMN x TYPE bigint USING x + 1",
       {k_from_int, k_from_bigint},
       14,
       99,
       "",
       true,
       Shown::main},
      change("int to bigint by a cast", "ALTER TABLE w ALTER COLUMN x TYPE bigint USING x::bigint",
             {k_from_int, {"already", PROOF_OF("bigint", "i")}, k_from_bigint}),
      change("text with another collation", "ALTER TABLE w ALTER COLUMN x TYPE text COLLATE \"C\"",
             {{"with an index", PROOF_OF("text", "i::text") PROOF_INDEX},
              {"without", PROOF_OF("text", "i::text")},
              {"from int", PROOF_OF("int", "i")},
              {"the same",
               "CREATE TABLE w (id int, x text COLLATE \"C\", pad text); INSERT INTO w SELECT i, 'x', "
               "repeat('x', 300) FROM generate_series(1, 1000) i;" PROOF_INDEX}}),
      change(
          "varchar with a foreign key", "ALTER TABLE w ALTER COLUMN x TYPE text",
          {{"refers", PROOF_OF("varchar(20)", "'c' || i") "ALTER TABLE w ADD FOREIGN KEY (x) REFERENCES r (code)"},
           {"is referred to",
            PROOF_OF("varchar(20)",
                     "'c' || i") "ALTER TABLE w ADD UNIQUE (x); ALTER TABLE r ADD FOREIGN KEY (code) REFERENCES w (x)"},
           {"with a check", PROOF_OF("varchar(20)", "i::text") "ALTER TABLE w ADD CHECK (length(x) > 0)"},
           {"neither", PROOF_OF("int", "i")}}),
      change("int with a foreign key", "ALTER TABLE w ALTER COLUMN x TYPE bigint",
             {{"refers", PROOF_OF("int", "i") "ALTER TABLE w ADD FOREIGN KEY (x) REFERENCES r (id)"},
              {"already", PROOF_OF("bigint", "i")},
              k_from_bigint}),
      change("of a partitioned table", "ALTER TABLE p ALTER COLUMN a TYPE bigint",
             {{"partitions", PROOF_PARTS}, {"already", PROOF_PARTS "ALTER TABLE p ALTER COLUMN a TYPE bigint"}}),
  };
}

}  // namespace pgphase::testing::proof
