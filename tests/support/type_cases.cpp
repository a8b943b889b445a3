// change_type of columns that keep their names, with all that may hang on one.
#include "tests/support/case_schemas.hpp"

namespace pgphase::testing {
namespace {

// A column with indexes of every kind, checks, a default, keys in both directions.
constexpr const char* k_hung_with = R"sql(
CREATE TABLE shops (id integer PRIMARY KEY);
INSERT INTO shops SELECT generate_series(1, 5);
CREATE TABLE stock (
  shop integer NOT NULL REFERENCES shops ON DELETE CASCADE,
  item integer,
  pieces integer NOT NULL DEFAULT 7 CONSTRAINT "not less than none" CHECK (pieces >= 0),
  serial integer UNIQUE,
  PRIMARY KEY (item, shop),
  CONSTRAINT more_than_its_number CHECK (pieces <> item OR shop > 0),
  CONSTRAINT item_and_pieces UNIQUE (item, pieces) INCLUDE (serial));
INSERT INTO stock SELECT i % 5 + 1, i, i % 90, i FROM generate_series(1, 500) i;
CREATE INDEX stock_pieces ON stock (pieces DESC NULLS LAST, item) WITH (fillfactor = 60);
CREATE INDEX stock_few ON stock (shop) WHERE pieces < 10;
CREATE INDEX stock_dozens ON stock ((pieces / 12), shop);
CREATE UNIQUE INDEX stock_some ON stock (item, pieces) WHERE shop > 2;
CREATE INDEX stock_brin ON stock USING brin (pieces);
CREATE INDEX stock_hash ON stock USING hash (pieces);
COMMENT ON INDEX stock_dozens IS 'dozens';
COMMENT ON CONSTRAINT more_than_its_number ON stock IS 'a rule';
ALTER INDEX stock_dozens ALTER COLUMN 1 SET STATISTICS 300;
ALTER TABLE stock CLUSTER ON stock_pieces;
ALTER TABLE stock ADD CONSTRAINT not_asked_of_old_rows CHECK (pieces < 1000) NOT VALID;
CREATE TABLE counts (item integer, pieces integer, FOREIGN KEY (item, pieces) REFERENCES stock (item, pieces));
INSERT INTO counts SELECT item, pieces FROM stock WHERE item < 50;
)sql";

}  // namespace

std::vector<ChangeCase> cases_of_types_in_place() {
  return {
      {"ChangeTypeOfAPrimaryKey", std::string(k_people) + R"sql(
CREATE TABLE badges (id serial PRIMARY KEY, person integer NOT NULL, CONSTRAINT "whose badge" FOREIGN KEY (person)
  REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE);
INSERT INTO badges (person) SELECT i FROM generate_series(1, 100) i;
COMMENT ON COLUMN people.id IS 'whom it is about';
COMMENT ON CONSTRAINT people_pkey ON people IS 'the key';
COMMENT ON INDEX people_pkey IS 'the index of the key';
COMMENT ON SEQUENCE people_id_seq IS 'numbers of people';
COMMENT ON CONSTRAINT "whose badge" ON badges IS 'a reference';
GRANT SELECT (id), REFERENCES (id) ON people TO PUBLIC;
GRANT USAGE ON SEQUENCE people_id_seq TO PUBLIC;
ALTER TABLE people ALTER id SET STATISTICS 500, ALTER id SET (n_distinct = -1);
ALTER TABLE people CLUSTER ON people_pkey;
)sql",
       R"toml(
[[change]]
op     = "change_type"
table  = "people"
column = "id"
type   = "bigint"
)toml"},
      {"ChangeTypeOfASerial",
       "CREATE TABLE orders (n serial, note text, PRIMARY KEY (n) INCLUDE (note) WITH (fillfactor = 70));"
       "INSERT INTO orders (note) SELECT 'order ' || i FROM generate_series(1, 300) i",
       R"toml(
[[change]]
op     = "change_type"
table  = "orders"
column = "n"
type   = "bigint"
)toml"},
      {"ChangeTypeOfAColumnWithAllThatMayHangOnOne", k_hung_with, R"toml(
[[change]]
op     = "change_type"
table  = "stock"
column = "pieces"
type   = "bigint"
)toml"},
      {"ChangeTypeOfPartOfAPrimaryKeyAndOfAForeignKey", std::string(k_hung_with) + "DROP INDEX stock_some", R"toml(
[[change]]
op     = "change_type"
table  = "stock"
column = "shop"
type   = "bigint"

[[change]]
op     = "change_type"
table  = "stock"
column = "item"
type   = "bigint"
)toml"},
      {"ChangeTypeOfAnIncludedColumn",
       "CREATE TABLE orders (n integer, amount integer DEFAULT 3, PRIMARY KEY (n) INCLUDE (amount));"
       "INSERT INTO orders SELECT i, nullif(i % 9, 0) FROM generate_series(1, 300) i;"
       "CREATE TABLE lines (o integer REFERENCES orders ON DELETE CASCADE);"
       "INSERT INTO lines SELECT generate_series(1, 300)",
       R"toml(
[[change]]
op      = "change_type"
table   = "orders"
column  = "amount"
type    = "numeric(10, 2)"
fill    = "amount / 100.0"
down    = "amount * 100"
default = 0.03
)toml"},
      {"ChangeTypeFromVarcharToText",
       "CREATE TABLE users (id integer PRIMARY KEY, email varchar(100) COLLATE \"C\" NOT NULL UNIQUE CHECK (email LIKE "
       "'%@%'));"
       "INSERT INTO users SELECT i, 'u' || i || '@example.org' FROM generate_series(1, 300) i;"
       "CREATE UNIQUE INDEX ON users (lower(email)); CREATE INDEX ON users (email varchar_pattern_ops);"
       "ALTER TABLE users ALTER email SET STORAGE EXTERNAL",
       R"toml(
[[change]]
op     = "change_type"
table  = "users"
column = "email"
type   = "text"
)toml"},
      {"ChangeTypeWithExpressionsInPlace",
       "CREATE TABLE prices (id integer PRIMARY KEY, amount integer NOT NULL DEFAULT 1, code text);"
       "INSERT INTO prices SELECT i, i % 40, 'c' || i FROM generate_series(1, 300) i; CREATE INDEX ON prices (amount)",
       R"toml(
[[change]]
op      = "change_type"
table   = "prices"
column  = "amount"
type    = "numeric(12, 2)"
fill    = "amount / 100.0"
down    = "amount * 100"
default = 0.01

[[change]]
op       = "change_type"
table    = "prices"
column   = "code"
type     = "integer"
fill     = "substring(code from '[0-9]+')::integer"
down     = "'c' || code"
on_error = "null"
)toml"},
      {"ChangeTypeOfOddNames", std::string(k_odd_names) + R"sql(
ALTER TABLE "Ärger"."Order" ADD CONSTRAINT "the ""key""" PRIMARY KEY ("select");
CREATE INDEX "über x" ON "Ärger"."Order" (("select" + 1), "O'Brien ""x""") WHERE "select" > 3;
CREATE TABLE "Ärger"."Line" ("Order" integer REFERENCES "Ärger"."Order" ("select"));
ALTER TABLE "Ärger"."Order" ADD CHECK ("select" > 0 OR "O'Brien ""x""" IS NULL);
)sql",
       R"toml(
[[change]]
op     = "change_type"
schema = "Ärger"
table  = "Order"
column = "select"
type   = "bigint"

[[change]]
op     = "change_type"
schema = "Ärger"
table  = "Order"
column = "O'Brien \"x\""
type   = "varchar"
)toml"},
  };
}

}  // namespace pgphase::testing
