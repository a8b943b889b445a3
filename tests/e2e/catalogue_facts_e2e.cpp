// What the catalogue says beforehand is said beforehand: by `explain` and by `up`, before anything of the plan runs.
#include <gmock/gmock.h>

#include <ostream>
#include <regex>

#include "tests/e2e/fixture.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* k_schema = R"sql(
CREATE TABLE o (id integer PRIMARY KEY, k integer, title text);
INSERT INTO o SELECT i, i, 'title ' || i FROM generate_series(1, 20) i;
)sql";

std::string change(const std::string& lines) {
  return "[[change]]\n" + lines + "\n";
}

const auto k_rename = change("op = \"rename_column\"\ntable = \"o\"\ncolumn = \"k\"\nto = \"kk\"");
const auto k_drop = change("op = \"drop_column\"\ntable = \"o\"\ncolumn = \"k\"");
const auto k_in_place = change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"k\"\ntype = \"bigint\"");
const auto k_to = change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"k\"\nto = \"kk\"\ntype = \"bigint\"");
const auto k_split = change(
    "op = \"split_column\"\ntable = \"o\"\ncolumn = \"k\"\ninto = [{ column = \"tens\", type = \"integer\", fill = "
    "\"k / 10\" }, { column = \"ones\", type = \"integer\", fill = \"k % 10\" }]\ndown = \"tens * 10 + ones\"");
const auto k_add_with_default = change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"integer\"\ndefault = 4");
const auto k_fill = [](const std::string& fill) {
  return change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"integer\"\nfill = \"" + fill + "\"");
};
const auto k_add = [](const std::string& type, const std::string& more = "") {
  return change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"" + type + "\"\n" + more);
};
const auto k_sets_title = std::string("[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { title = \"k::text\" }\n") +
                          "irreversible = \"it is made of k\"\n";
const auto k_index = change("op = \"create_index\"\ntable = \"o\"\nname = \"by_k\"\ncolumns = [\"k\"]");
const auto k_again = std::string("[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { k = \"k + 1\" }\n") +
                     "irreversible = \"it counts\"\n";

// Rows of the table, stored elsewhere.
constexpr const char* k_history = "CREATE TABLE h (id integer PRIMARY KEY, snap o); INSERT INTO h SELECT id, o FROM o";

constexpr const char* k_journal =
    "CREATE TABLE l (k integer); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO l SELECT k "
    "FROM nn; RETURN NULL; END'; CREATE TRIGGER journal AFTER INSERT ON o REFERENCING NEW TABLE AS nn FOR EACH STATEMENT "
    "EXECUTE FUNCTION f()";
constexpr const char* k_search =
    "ALTER TABLE o ADD words tsvector; CREATE TRIGGER search BEFORE INSERT OR UPDATE ON o FOR EACH ROW EXECUTE FUNCTION "
    "tsvector_update_trigger(words, 'pg_catalog.english', title)";
const std::string k_partitioned =
    "DROP TABLE o; CREATE TABLE o (id integer NOT NULL, k integer, title text) PARTITION BY RANGE (id); CREATE TABLE o_1 "
    "PARTITION OF o DEFAULT;";
constexpr const char* k_typed = "DROP TABLE o; CREATE TYPE ty AS (id integer, k integer); CREATE TABLE o OF ty";

struct Case {
  std::string name, make, change, words;
  int since = 14, before = 99;  // major versions
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

std::vector<Case> refused() {
  const std::string stores = "column snap of table h stores rows with column k of table o";
  return {
      {"StoredRowsOfADroppedColumn", k_history, k_drop, stores},
      {"StoredRowsOfARenamedColumn", k_history, k_rename, stores},
      {"StoredRowsOfAnotherType", k_history, k_in_place, stores},
      {"StoredRowsOfAnotherTypeUnderAnotherName", k_history, k_to, stores},
      {"StoredRowsOfASplitColumn", k_history, k_split, stores},
      {"StoredArraysOfRows", "CREATE TABLE h (id integer, snap o[])", k_drop, stores},
      {"StoredDomainsOverRows", "CREATE DOMAIN od AS o; CREATE TABLE h (id integer, snap od[])", k_drop, stores},
      {"StoredCompositesOfRows", "CREATE TYPE oc AS (who text, what o); CREATE TABLE h (id integer, snap oc)", k_drop,
       stores},
      {"RowsInAMaterializedView", "CREATE MATERIALIZED VIEW m AS SELECT o AS snap FROM o", k_in_place,
       "column snap of materialized view m stores rows"},
      {"StoredRowsOfAPartition",
       "DROP TABLE o; CREATE TABLE o (id integer, k integer) PARTITION BY RANGE (id); CREATE TABLE o_1 PARTITION OF o "
       "DEFAULT; CREATE TABLE h (id integer, snap o_1)",
       k_drop, stores},
      {"StoredRowsAndADefault", k_history, k_add_with_default,
       "column snap of table h stores rows of o, and PostgreSQL adds no column n with a default"},
      {"StoredRowsAndAMarker", k_history, k_again, "could not have its marker column there"},
      // Domains.
      {"ARenamedColumnOfADomain",
       "CREATE DOMAIN few AS integer CHECK (VALUE < 100); ALTER TABLE o ALTER k TYPE few", k_rename,
       "few is a domain with conditions, and PostgreSQL would write every row that is there anew"},
      {"ARenamedColumnOfADomainOverADomain",
       "CREATE DOMAIN below AS integer CHECK (VALUE < 100); CREATE DOMAIN few AS below; ALTER TABLE o ALTER k TYPE few",
       k_rename, "column kk of o the type integer"},
      {"ARenamedColumnOfADomainThatRefusesNull",
       "CREATE DOMAIN must AS integer NOT NULL; ALTER TABLE o ALTER k TYPE must", k_rename,
       "must is a domain with NOT NULL, and PostgreSQL would refuse every row that comes without the column"},
      {"ANewColumnOfADomain", "CREATE DOMAIN few AS numeric(5,2) CHECK (VALUE < 100)", k_add("few"),
       "column n of o the type numeric(5,2)"},
      {"ANewColumnOfADomainThatRefusesNull", "CREATE DOMAIN must AS integer NOT NULL; DELETE FROM o", k_add("must"),
       "must is a domain with NOT NULL, and PostgreSQL would refuse every row"},
      {"AFilledColumnOfADomain", "CREATE DOMAIN few AS integer CHECK (VALUE < 100)", k_add("few", "fill = \"k\""),
       "few is a domain with conditions"},
      {"AnotherTypeThatIsADomain", "CREATE DOMAIN few AS integer CHECK (VALUE < 100)",
       change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"k\"\nto = \"kk\"\ntype = \"few\""),
       "few is a domain with conditions"},
      // Triggers that know a column by its name.
      {"ATransitionTableOfARenamedColumn", k_journal, k_rename, "trigger journal on table o names column k"},
      {"ATransitionTableOfADroppedColumn", k_journal, k_drop, "trigger journal on table o names column k"},
      {"ATransitionTableOfAnotherType", k_journal, k_to, "trigger journal on table o names column k"},
      {"ATriggersArgumentThatIsRenamed", k_search,
       change("op = \"rename_column\"\ntable = \"o\"\ncolumn = \"title\"\nto = \"name\""),
       "trigger search on table o is given the name of column title of table o as an argument"},
      {"ATriggersArgumentThatIsDropped", k_search, change("op = \"drop_column\"\ntable = \"o\"\ncolumn = \"title\""),
       "is given the name of column title of table o as an argument"},
      {"ATriggersArgumentOfAnotherType", k_search,
       change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"title\"\ntype = \"jsonb\"\nfill = \"to_jsonb(title)\""
              "\ndown = \"title #>> '{}'\""),
       "may take no jsonb"},
      {"ATriggersArgumentOutsideOfAscii",
       "ALTER TABLE o ADD \"größe\" text; CREATE TRIGGER own BEFORE UPDATE ON o FOR EACH ROW EXECUTE FUNCTION "
       "suppress_redundant_updates_trigger('id, größe')",
       change("op = \"drop_column\"\ntable = \"o\"\ncolumn = \"größe\""), "trigger own on table o is given the name"},
      // What a backfill meets.
      {"ARuleOnUpdate", "CREATE TABLE l (k integer); CREATE RULE r AS ON UPDATE TO o DO ALSO INSERT INTO l VALUES (new.k)",
       k_rename, "o has a rule that rewrites UPDATE; drop the rule for the time"},
      {"APublicationOfRowsThatNobodyCouldTell",
       "ALTER TABLE o DROP CONSTRAINT o_pkey; CREATE PUBLICATION p FOR TABLE o", k_sets_title,
       "publication p publishes updates of o, which has no replica identity"},
      {"APublicationOfAPartitionThatNobodyCouldTell",
       "DROP TABLE o; CREATE TABLE o (id integer, k integer, title text) PARTITION BY RANGE (id); CREATE TABLE o_1 "
       "PARTITION OF o DEFAULT; CREATE PUBLICATION p FOR TABLE o",
       k_sets_title, "publication p publishes updates of o_1"},
      // Partitioned tables.
      {"AnIndexOfAPartitionedTable", k_partitioned, k_index, "o is partitioned, and PostgreSQL builds no index CONCURRENTLY"},
      {"AUniqueIndexOfAPartitionedTable", k_partitioned,
       change("op = \"add_unique\"\ntable = \"o\"\nname = \"u\"\ncolumns = [\"id\"]"), "o is partitioned"},
      {"APrimaryKeyOfAPartitionedTable", k_partitioned,
       change("op = \"add_primary_key\"\ntable = \"o\"\nname = \"u\"\ncolumns = [\"id\"]"), "o is partitioned"},
      {"AForeignKeyOfAPartitionedTable", k_partitioned + "CREATE TABLE t (id integer PRIMARY KEY)",
       change("op = \"add_foreign_key\"\ntable = \"o\"\nname = \"f\"\ncolumns = \"k\"\nreferences = { table = \"t\", "
              "columns = \"id\" }"),
       "before 18 PostgreSQL adds no foreign key NOT VALID to it", 14, 18},
      // Expressions.
      {"AFillThatMakesSeveralValues", "", k_fill("generate_series(1, k)"),
       "set-returning functions are not allowed where one value is computed for each row"},
      {"AFillOverSeveralRows", "", k_fill("max(k)"), "aggregate functions are not allowed where one value"},
      {"AFillByAWindow", "", k_fill("row_number() OVER ()"), "window functions are not allowed where one value"},
      {"AWayBackThatMakesSeveralValues", "",
       k_add("integer", "fill = \"k\"\ndown = \"generate_series(1, n)\""), "set-returning functions are not allowed"},
      {"AWayBackOverSeveralRowsInPlace", "",
       change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"k\"\ntype = \"bigint\"\nfill = \"k\"\ndown = "
              "\"max(k)\""),
       "aggregate functions are not allowed"},
      {"ABackfillOverSeveralRows", "",
       "[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { k = \"max(id)\" }\nirreversible = \"it counts\"\n",
       "aggregate functions are not allowed where one value"},
      {"ADefaultOfAnotherType", "", k_add("integer", "fill = \"k\"\ndefault = \"'abc'\""),
       "invalid input syntax for type integer: \"abc\""},
      // Tables whose columns are somebody else's.
      {"ANewColumnOfATypedTable", k_typed, k_add("integer"), "o is a table of the type ty, and takes no further columns"},
      {"ARenamedColumnOfATypedTable", k_typed, k_rename, "column k of table o is one of the type ty"},
      {"ADroppedColumnOfATypedTable", k_typed, k_drop, "column k of table o is one of the type ty"},
      {"OldValuesOfATypedTable", k_typed, "[[backfill]]\nname = \"b\"\ntable = \"o\"\nset = { k = \"1\" }\n",
       "o is a table of the type ty"},
  };
}

// As one line: a terminal's are broken.
std::string unfolded(const std::string& text) {
  return std::regex_replace(text, std::regex("\\s+"), " ");
}

class CatalogueFactE2e : public ::testing::TestWithParam<Case> {
 protected:
  bool applies() const {
    return test_server_major() >= GetParam().since && test_server_major() < GetParam().before;
  }
};

// Behind a change that is right: half of the plan must not be done.
TEST_P(CatalogueFactE2e, IsRefusedBeforeAnythingRuns) {
  if (!applies()) return;
  Project project;
  project.db().exec(k_schema);
  project.db().exec(GetParam().make);
  project.db().exec("CREATE TABLE other (id integer PRIMARY KEY)");
  project.plan("001_a", "format = 1\n" +
                            change("op = \"add_column\"\ntable = \"other\"\ncolumn = \"z\"\ntype = \"int\"") +
                            GetParam().change);
  const auto before = project.schema_dump();
  const auto explained = project.run({"explain", "001_a"});
  EXPECT_EQ(explained.code, 0) << explained.err;
  EXPECT_THAT(unfolded(explained.out + explained.err), HasSubstr(GetParam().words));
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 21) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr(GetParam().words));
  EXPECT_EQ(project.schema_dump(), before);
}

INSTANTIATE_TEST_SUITE_P(Of, CatalogueFactE2e, ::testing::ValuesIn(refused()),
                         [](const auto& instance) { return instance.param.name; });

constexpr const char* k_statement_journal =
    "CREATE TABLE l (k integer); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO l SELECT id "
    "FROM nn; RETURN NULL; END'; CREATE TRIGGER journal AFTER UPDATE ON o REFERENCING NEW TABLE AS nn FOR EACH STATEMENT "
    "EXECUTE FUNCTION f()";

TEST(StatementTriggersE2e, AreToldToFireForABackfill) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec(k_statement_journal);
  project.plan("001_a", "format = 1\n" + k_rename);
  const auto explained = project.run({"explain", "001_a"});
  EXPECT_THAT(unfolded(explained.out), HasSubstr("trigger journal of o fires for each batch of the backfill"));
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 0) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr("trigger journal of o fires for each batch of the backfill"));
  EXPECT_EQ(project.db().value("SELECT count(*) FROM l"), "20");
}

TEST(TriggerArgumentsE2e, AreToldWhereTheFunctionMayTakeTheOtherType) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec(k_search);
  project.plan("001_a", "format = 1\n" +
                            change("op = \"change_type\"\ntable = \"o\"\ncolumn = \"title\"\ntype = \"varchar\""));
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 0) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr("trigger search on table o is given the name of column title as an argument: its "
                                "function meets a varchar from constraint on"));
  project.db().exec("UPDATE o SET title = 'new words' WHERE id = 1");
  EXPECT_EQ(project.db().value("SELECT words FROM o WHERE id = 1"), "'new':1 'word':2");
}

// What is kept for the way back keeps its constraints, and new code is told of them before it meets them.
TEST(OldConstraintsE2e, AreToldWhereNewValuesMeetThem) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec(
      "ALTER TABLE o ADD CONSTRAINT once UNIQUE (k); ALTER TABLE o ADD CONSTRAINT above CHECK (k > 0);"
      "CREATE UNIQUE INDEX halves ON o ((k * 2)) WHERE k > 5");
  project.plan("001_a", "format = 1\n" + k_split);
  const auto explained = unfolded(project.run({"explain", "001_a"}).out);
  for (const auto* what : {"check above of o", "unique constraint once of o", "unique index halves of o"}) {
    EXPECT_THAT(explained, HasSubstr(std::string(what) + " goes on holding for column k"));
  }
  const auto up = project.run({"up", "001_a", "--approve"});
  ASSERT_EQ(up.code, 0) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr("unique constraint once of o goes on holding for column k"));
  try {
    project.db().exec("INSERT INTO o (id, tens, ones) VALUES (101, 0, 5)");
    ADD_FAILURE() << "it holds";
  } catch (const PgError& e) {
    EXPECT_EQ(e.sqlstate(), "23505");
  }
}

TEST(OldConstraintsE2e, OfColumnsThatStayAreNoMatter) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec("ALTER TABLE o ADD CONSTRAINT once UNIQUE (title); ALTER TABLE o ADD CHECK (id > 0)");
  project.plan("001_a", "format = 1\n" + k_split);
  project.plan("002_b", "format = 1\n" + change("op = \"rename_column\"\ntable = \"o\"\ncolumn = \"title\"\nto = \"t\""));
  EXPECT_THAT(unfolded(project.run({"explain"}).out), Not(HasSubstr("goes on holding")));
}

TEST(DomainsE2e, ExplainDoesNotSayThatNoRowIsWritten) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec("CREATE DOMAIN few AS integer CHECK (VALUE < 100)");
  project.plan("001_a", "format = 1\n" + k_add("few"));
  const auto explained = project.run({"explain", "001_a"});
  EXPECT_THAT(explained.out, HasSubstr("rewrites the table"));
  EXPECT_THAT(explained.out, Not(HasSubstr("no scan, no rewrite")));
  project.db().exec("TRUNCATE o");
  const auto up = project.run({"up", "001_a"});
  EXPECT_EQ(up.code, 0) << "there is no row to write: " << up.out << up.err;
}

TEST(DomainsE2e, ADomainWithoutConditionsIsATypeAsAnyOther) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec("CREATE DOMAIN any_number AS integer; ALTER TABLE o ALTER k TYPE any_number");
  project.plan("001_a", "format = 1\n" + k_rename);
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 0) << up.out << up.err;
}

// Of a key that holds for a period PostgreSQL compares no integers of different sizes, as it does of others.
TEST(TemporalKeysE2e, AColumnOfOneKeepsItsType) {
  if (test_server_major() < 18) return;
  Project project;
  // What makes an integer a part of such a key; not every server has it.
  if (project.db().value("SELECT count(*) FROM pg_available_extensions WHERE name = 'btree_gist'") == "0") return;
  project.db().exec(
      "CREATE EXTENSION btree_gist;"
      "CREATE TABLE t (id integer, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));"
      "CREATE TABLE o (id integer PRIMARY KEY, k integer, valid daterange, CONSTRAINT f FOREIGN KEY (k, PERIOD valid) "
      "REFERENCES t (id, PERIOD valid))");
  project.plan("001_a", "format = 1\n" + k_in_place);
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 21) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr("foreign key f of o uses column k of table o and holds for a PERIOD"));
}

// A publisher may have been changed already, so that the column is to go here; the table's name is the publisher's.
TEST(SubscriptionsE2e, AreToldOfColumnsAndKeepTheirTable) {
  Project project;
  project.db().exec(k_schema);
  project.db().exec(
      "CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false);"
      "SET allow_system_table_mods = on;"
      "INSERT INTO pg_subscription_rel SELECT s.oid, 'o'::regclass, 'r', NULL FROM pg_subscription s "
      " WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())");
  project.plan("001_a", "format = 1\n" + k_drop);
  project.plan("002_b", "format = 1\n" + k_in_place);
  project.plan("003_c", "format = 1\n" + change("op = \"rename_table\"\ntable = \"o\"\nto = \"oo\""));
  project.plan("004_d", "format = 1\n" + change("op = \"drop_table\"\ntable = \"o\""));
  EXPECT_THAT(unfolded(project.run({"explain", "001_a"}).out),
              HasSubstr("subscription s fills o: if the publisher sends column k, its worker stops at no column"));
  EXPECT_THAT(unfolded(project.run({"explain", "002_b"}).out),
              HasSubstr("subscription s fills o: if the publisher sends column k, its worker stops at values"));
  for (const auto* plan : {"003_c", "004_d"}) {
    const auto up = project.run({"up", plan, "--approve"});
    EXPECT_EQ(up.code, 21) << up.out << up.err;
    EXPECT_THAT(up.err, HasSubstr("subscription s fills table o, and would stop without it"));
  }
  project.db().exec("ALTER SUBSCRIPTION s DISABLE; ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s");
}

// Somebody may have begun to store them while the plan waited.
TEST(StoredRowsE2e, AreLookedForAgainBeforeTheColumnGoes) {
  Project project;
  project.db().exec(k_schema);
  project.plan("001_a", "format = 1\n" + k_in_place);
  ASSERT_EQ(project.run({"up", "001_a", "--through", "backfill"}).code, 0);
  project.db().exec("CREATE TABLE h (id integer, snap o); INSERT INTO h SELECT id, o FROM o");
  const auto up = project.run({"up", "001_a", "--approve"});
  EXPECT_EQ(up.code, 21) << up.out << up.err;
  EXPECT_THAT(up.err, HasSubstr("column snap of table h stores rows with column k of table o"));
  EXPECT_EQ(project.db().value("SELECT sum((snap).k) FROM h"), "210");
}

// An undo is no time to stop: the column waits with its name, and comes back with what is stored elsewhere.
TEST(StoredRowsE2e, FindTheirValuesAgainWhenAnUndoneColumnComesBack) {
  Project project;
  project.db().exec("CREATE TABLE o (id integer PRIMARY KEY)");
  project.plan("001_a", "format = 1\n" + change("op = \"add_column\"\ntable = \"o\"\ncolumn = \"n\"\ntype = \"integer\""));
  ASSERT_EQ(project.run({"up", "001_a"}).code, 0);
  project.db().exec("CREATE TABLE h (id integer, snap o); INSERT INTO h VALUES (1, row(1, 7))");
  const auto back = project.run({"rollback", "001_a"});
  ASSERT_EQ(back.code, 0) << back.out << back.err;
  const auto up = project.run({"up", "001_a"});
  ASSERT_EQ(up.code, 0) << up.out << up.err;
  EXPECT_EQ(project.db().value("SELECT (snap).n FROM h"), "7");
}

}  // namespace
}  // namespace pgphase::testing
