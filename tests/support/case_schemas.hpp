// Schemas that cases of several files begin with, and the cases that have a file of their own. Shared by change_cases
// and type_cases alone.
#pragma once

#include "tests/support/change_cases.hpp"

namespace pgphase::testing {

// Names that must be quoted, in a schema of their own: mixed case, a reserved word, letters beyond ASCII, a quote, 63
// bytes.
inline constexpr const char* k_odd_names = R"sql(
CREATE SCHEMA "Ärger";
CREATE TABLE "Ärger"."Order" ("select" integer, "O'Brien ""x""" text,
  this_name_is_as_long_as_postgresql_lets_any_name_be_in_63_bytes integer);
INSERT INTO "Ärger"."Order" SELECT i, 'x' || i, i FROM generate_series(1, 50) i;
)sql";

// Columns with all that may hang on one.
inline constexpr const char* k_people = R"sql(
CREATE TABLE teams (id integer PRIMARY KEY, title text);
INSERT INTO teams SELECT i, 'team ' || i FROM generate_series(1, 20) i;
CREATE TABLE people (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  email text UNIQUE,
  age integer NOT NULL DEFAULT 0 CHECK (age >= 0),
  team integer NOT NULL REFERENCES teams ON DELETE CASCADE,
  boss integer REFERENCES people ON DELETE SET NULL,
  seen timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO people (name, email, age, team, boss)
SELECT 'First' || i || ' Last' || i, CASE WHEN i % 3 > 0 THEN 'p' || i || '@example.org' END, i % 90, i % 20 + 1,
       CASE WHEN i % 4 > 0 THEN i / 4 + 1 END
  FROM generate_series(1, 500) i;
CREATE INDEX people_name ON people (name text_pattern_ops) WHERE age > 10;
CREATE INDEX people_lower_name ON people (lower(name), age DESC);
COMMENT ON COLUMN people.name IS 'as people write it';
)sql";

// change_type of columns that keep their names: type_cases.cpp.
std::vector<ChangeCase> cases_of_types_in_place();

}  // namespace pgphase::testing
