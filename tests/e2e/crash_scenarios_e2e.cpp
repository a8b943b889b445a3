#include "tests/e2e/crash_scenarios.hpp"

#include <stdexcept>

#include "plans/base/hidden_names.hpp"

namespace pgphase::testing {
namespace {

// About ninety pages of ten rows, so that a backfill takes several batches.
const char* const k_counters = R"sql(
CREATE TABLE counters (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 0, label text, code integer)
  WITH (fillfactor = 10, autovacuum_enabled = off);
INSERT INTO counters SELECT i, 0, 'l' || i, i / 2 FROM generate_series(1, 900) i;
CREATE INDEX counters_old ON counters (n);
)sql";

// One of each kind of step, each with its way back.
const char* const k_one_of_each = R"toml(format = 1
[gate.backfill]
approve = true

[[change]]
op = "create_table"
table = "notes"
primary_key = ["id"]
columns = [{ name = "id", type = "integer", identity = "always" }, { name = "body", type = "text" }]

[[change]]
op = "add_column"
table = "counters"
column = "flag"
type = "text"

[[change]]
op = "create_index"
name = "counters_label"
table = "counters"
columns = ["label"]

[[change]]
op = "drop_index"
name = "counters_old"
table = "counters"

[[additive]]
name = "two statements"
sql = ["ALTER TABLE counters ALTER COLUMN flag SET DEFAULT 'new'", "COMMENT ON TABLE counters IS 'counted'"]
rollback = ["COMMENT ON TABLE counters IS NULL", "ALTER TABLE counters ALTER COLUMN flag DROP DEFAULT"]

[[additive]]
name = "statistics"
sql = "ANALYZE counters"
rollback = "ANALYZE counters"

[[backfill]]
name = "flag"
table = "counters"
set = { flag = "label" }

[[backfill]]
name = "shout"
table = "counters"
set = { label = "label || '!'" }
rollback = "UPDATE counters SET label = rtrim(label, '!')"

[[backfill]]
name = "two indexes"
sql = ["CREATE INDEX CONCURRENTLY counters_flag ON counters (flag)",
       "CREATE INDEX CONCURRENTLY counters_code ON counters (code)"]
rollback = ["DROP INDEX CONCURRENTLY counters_code", "DROP INDEX CONCURRENTLY counters_flag"]

[[constraint]]
name = "required"
sql = ["ALTER TABLE counters ADD CONSTRAINT flag_nn CHECK (flag IS NOT NULL) NOT VALID",
       "ALTER TABLE counters VALIDATE CONSTRAINT flag_nn"]
rollback = "ALTER TABLE counters DROP CONSTRAINT IF EXISTS flag_nn"
verify = "SELECT convalidated FROM pg_constraint WHERE conname = 'flag_nn'"
)toml";

// Not to be applied twice, and not to be undone.
const char* const k_count = R"toml(
[[backfill]]
name = "count"
table = "counters"
set = { n = "n + 1" }
irreversible = "what was counted stays counted"
)toml";

Scenario release() {
  return {"release",
          k_counters,
          {{"010_one_of_each", k_one_of_each},
           {"020_count", std::string("format = 1\nrequires = [\"010_one_of_each\"]\n") + k_count}},
          {
              {{{"up"}, 10}},
              {{{"approve", "010_one_of_each", "--phase", "backfill"}, 0}},
              {{{"pause", "--all", "--reason", "freeze"}, 0}},
              {{{"up"}, 11}},
              {{{"resume"}, 0}},
              {{{"up"}, 10}},
              {{{"set", "010_one_of_each", "batch_time=30ms"}, 0}},
              {{{"up", "010_one_of_each", "--approve"}, 0}},
              {{{"rollback", "010_one_of_each", "--phase", "constraint", "--reason", "too early"}, 0}},
              {{{"up", "010_one_of_each", "--approve"}, 0}},
              {{{"up"}, 0}},
          }};
}

// The whole plan forward, back, forward; once with nothing written into what it made, once with rows there. A run that
// was killed may also be taken the other way.
Scenario there_and_back() {
  const Command up{{"up", "010_one_of_each", "--approve"}, 0};
  const Command back{{"rollback", "010_one_of_each"}, 0};
  return {"there_and_back",
          k_counters,
          {{"010_one_of_each", k_one_of_each}},
          {
              {.command = up, .turn = {back, up}},
              {.command = back, .turn = {up, back}},
              {.command = up},
              {.command = back, .sql = "INSERT INTO notes (body) VALUES ('kept')", .turn = {up, back}},
              {.command = up},
          }};
}

// Columns that are kept in step, and a constraint that looks at the rows first.
const char* const k_linked = R"toml(format = 1
[[change]]
op = "add_column"
table = "counters"
column = "tag"
type = "text"
fill = "lower(label)"
down = "upper(tag)"
nullable = false
)toml";

Scenario linked_columns() {
  const Command up{{"up", "010_linked", "--approve"}, 0};
  const Command back{{"rollback", "010_linked"}, 0};
  return {"linked_columns",
          k_counters,
          {{"010_linked", k_linked}},
          {
              {.command = up, .turn = {back, up}},
              {.command = back, .sql = "UPDATE counters SET tag = 'kept' WHERE id = 1", .turn = {up, back}},
              {.command = up},
          }};
}

// Old columns that go out of sight and come back, with a NOT NULL and a foreign key that have to be put back.
const char* const k_replaced = R"toml(format = 1
[[change]]
op = "drop_column"
table = "counters"
column = "label"
restore = "'l?'"

[[change]]
op = "change_type"
table = "counters"
column = "owner"
to = "owner_id"
type = "bigint"
)toml";

const char* const k_replaced_and_linked = R"toml(format = 1
[[change]]
op = "drop_column"
table = "counters"
column = "n"

[[change]]
op = "add_column"
table = "counters"
column = "tag"
type = "text"
fill = "lower(label)"
down = "upper(tag)"
)toml";

Scenario old_columns() {
  const Command up{{"up", "010_replaced", "--approve"}, 0};
  const Command back{{"rollback", "010_replaced"}, 0};
  return {"old_columns",
          std::string(k_counters) + R"sql(
CREATE TABLE owners (id integer PRIMARY KEY);
INSERT INTO owners SELECT generate_series(1, 5);
ALTER TABLE counters ALTER label SET NOT NULL, ADD owner integer NOT NULL DEFAULT 1 REFERENCES owners;
ALTER TABLE counters ALTER owner DROP DEFAULT;
)sql",
          {{"010_replaced", k_replaced}},
          {
              {.command = up, .turn = {back, up}},
              {.command = back, .sql = "INSERT INTO counters (id, owner_id) VALUES (1001, 2)", .turn = {up, back}},
              {.command = up},
          }};
}

// Columns that keep their names: part of a key that others refer to, with an identity and an index that computes; and
// one with a check, NOT NULL and a reference. An application writes what the old type cannot hold.
Scenario changed_types() {
  const Command up{{"up", "010_types", "--approve"}, 0};
  const Command back{{"rollback", "010_types"}, 0};
  return {"changed_types",
          std::string(k_counters) + R"sql(
ALTER TABLE counters ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 1001);
CREATE INDEX counters_computed ON counters ((id % 10), n);
CREATE TABLE owners (id integer PRIMARY KEY);
INSERT INTO owners SELECT generate_series(0, 5);
ALTER TABLE counters ADD CHECK (n > -1), ADD FOREIGN KEY (n) REFERENCES owners;
CREATE TABLE marks (counter integer REFERENCES counters ON DELETE CASCADE);
INSERT INTO marks SELECT generate_series(1, 20);
)sql",
          {{"010_types",
            "format = 1\n[[change]]\nop = \"change_type\"\ntable = \"counters\"\ncolumn = \"id\"\ntype = \"bigint\"\n"
            "[[change]]\nop = \"change_type\"\ntable = \"counters\"\ncolumn = \"n\"\ntype = \"bigint\"\n"}},
          {
              {.command = up, .turn = {back, up}},
              {.command = back, .sql = "INSERT INTO counters (label) VALUES ('kept')", .turn = {up, back}},
              {.command = up},
          }};
}

// A value that the old type cannot hold has got past the check that refuses it, while the key was on its way back.
Scenario value_behind_the_proof() {
  const Command back{{"rollback", "010_types", "--phase", "constraint"}, 0};
  return {"value_behind_the_proof",
          k_counters,
          {{"010_types",
            "format = 1\n[[change]]\nop = \"change_type\"\ntable = \"counters\"\ncolumn = \"id\"\ntype = \"bigint\"\n"}},
          {
              {.command = {{"up", "010_types", "--approve"}, 0}},
              {.command = back, .interrupted_at = "retype.prove.after_commit:1"},
              {.command = {back.args, 21}, .sql = R"sql(
DO $$DECLARE name text; definition text;
BEGIN
  SELECT conname, pg_get_constraintdef(oid) INTO name, definition FROM pg_constraint WHERE conname ~ '^_pgphase_not_null_';
  EXECUTE format('ALTER TABLE counters DROP CONSTRAINT %I', name);
  UPDATE counters SET id = 3000000000 WHERE id = 1;
  EXECUTE format('ALTER TABLE counters ADD CONSTRAINT %I %s', name, definition);
END$$)sql"},
              {.command = {{"up", "010_types", "--approve"}, 0}},
              {.command = back, .sql = "DELETE FROM counters WHERE id > 2000000000"},
          }};
}

// A type of the plan's own, which a column that is hidden with its values still needs.
Scenario hidden_type() {
  const Command up{{"up", "010_mood"}, 0};
  const Command back{{"rollback", "010_mood"}, 0};
  return {"hidden_type",
          k_counters,
          {{"010_mood",
            "format = 1\n[[additive]]\nname = \"mood\"\nsql = \"CREATE TYPE mood AS ENUM ('sad', 'ok')\"\n"
            "rollback = \"DROP TYPE mood\"\n"
            "[[change]]\nop = \"add_column\"\ntable = \"counters\"\ncolumn = \"mood\"\ntype = \"mood\"\n"}},
          {
              {.command = up},
              {.command = back, .sql = "UPDATE counters SET mood = 'sad' WHERE id = 1", .turn = {up, back}},
              {.command = up, .turn = {back, up}},
          }};
}

// Rows that are in a table of the plan's own once, however often it is hidden, brought back, or made anew.
Scenario rows_of_its_own() {
  const Command up{{"up", "010_moods"}, 0};
  const Command back{{"rollback", "010_moods"}, 0};
  return {"rows_of_its_own",
          k_counters,
          {{"010_moods",
            "format = 1\n[[change]]\nop = \"create_table\"\nsql = \"CREATE TABLE moods (name text)\"\n"
            "[[additive]]\nname = \"moods\"\nsql = \"INSERT INTO moods (name) VALUES ('sad'), ('ok')\"\n"
            "stays_with_table = true\n"
            "[[additive]]\nname = \"shout\"\nsql = \"UPDATE moods SET name = name || '!'\"\nstays_with_table = true\n"}},
          {
              {.command = up},
              {.command = back, .turn = {up, back}},
              {.command = up, .turn = {back, up}},
          }};
}

// A table that goes, with those that refer to it and to which it refers, and one that gets another name.
Scenario whole_tables() {
  const Command up{{"up", "010_tables", "--approve"}, 0};
  const Command back{{"rollback", "010_tables"}, 0};
  return {"whole_tables",
          std::string(k_counters) + R"sql(
CREATE TABLE owners (id integer PRIMARY KEY);
INSERT INTO owners SELECT generate_series(1, 5);
CREATE TABLE notes (id integer PRIMARY KEY, counter integer REFERENCES counters ON DELETE CASCADE);
INSERT INTO notes SELECT i, i FROM generate_series(1, 20) i;
ALTER TABLE counters ADD owner integer DEFAULT 1 REFERENCES owners ON DELETE CASCADE;
)sql",
          {{"010_tables",
            "format = 1\n[[change]]\nop = \"drop_table\"\ntable = \"counters\"\n"
            "[[change]]\nop = \"rename_table\"\ntable = \"notes\"\nto = \"remarks\"\n"}},
          {
              {.command = up, .turn = {back, up}},
              {.command = back, .sql = "INSERT INTO remarks VALUES (100, 1)", .turn = {up, back}},
              {.command = up},
          }};
}

// Values that a backfill overwrites, twice, and that come back; an application has written some of them meanwhile.
Scenario old_values() {
  const Command up{{"up", "010_overwrite"}, 0};
  const Command back{{"rollback", "010_overwrite"}, 0};
  return {"old_values",
          k_counters,
          {{"010_overwrite",
            "format = 1\n[[backfill]]\nname = \"count\"\ntable = \"counters\"\nset = { n = \"n + 1\" }\n"
            "[[backfill]]\nname = \"shout\"\ntable = \"counters\"\nset = { label = \"upper(label)\" }\n"}},
          {
              {.command = up, .turn = {back, up}},
              {.command = back, .sql = "UPDATE counters SET n = 77 WHERE id = 1; DELETE FROM counters WHERE id = 2",
               .turn = {up, back}},
              {.command = up},
          }};
}

// Old values were on their way back, and then it goes forward again.
Scenario half_a_way_back() {
  return {"half_a_way_back",
          k_counters,
          {{"010_count", "format = 1\n[[backfill]]\nname = \"count\"\ntable = \"counters\"\nset = { n = \"n + 1\" }\n"}},
          {
              {.command = {{"up"}, 0}},
              {.command = {{"rollback", "010_count"}, 0}, .interrupted_at = "backfill.chunk.after_commit:1"},
              {.command = {{"up", "010_count"}, 0}},
          }};
}

// What is retired goes for good: a column, one that is kept up to date, a table, and what a rolled-back plan made.
Scenario purge() {
  return {"purge",
          std::string(k_counters) + "CREATE TABLE notes (id integer PRIMARY KEY); INSERT INTO notes VALUES (1);"
          "CREATE INDEX counters_code_idx ON counters (code);",
          {{"010_columns", k_replaced_and_linked},
           {"020_table", "format = 1\n[[change]]\nop = \"drop_table\"\ntable = \"notes\"\n"},
           {"030_index", "format = 1\n[[change]]\nop = \"drop_index\"\nname = \"counters_code_idx\"\n"
                         "table = \"counters\"\n"}},
          {
              {.command = {{"up", "010_columns", "--approve"}, 0}},
              {.command = {{"up", "020_table", "--approve"}, 0}},
              {.command = {{"up", "030_index", "--approve"}, 0}},
              {.command = {{"purge", "--yes", "--retain-for", "0s"}, 0}},
              {.command = {{"purge", "030_index", "--yes", "--retain-for", "0s"}, 0}},
          }};
}

// A row without a value has got past the triggers that refuse it, while a rollback was on its way to NOT NULL.
Scenario null_behind_the_guard() {
  const auto check = not_null_proof_name({"public", "counters"}, "label");
  return {"null_behind_the_guard",
          std::string(k_counters) + "ALTER TABLE counters ALTER label SET NOT NULL;",
          {{"010_null", "format = 1\n[[change]]\nop = \"drop_not_null\"\ntable = \"counters\"\ncolumn = \"label\"\n"}},
          {
              {.command = {{"up"}, 0}},
              {.command = {{"rollback", "010_null"}, 0}, .interrupted_at = "not_null.guard.after_commit:1"},
              {.command = {{"rollback", "010_null"}, 0},
               .sql = "ALTER TABLE counters DISABLE TRIGGER ALL; UPDATE counters SET label = NULL WHERE id = 1;"
                      "ALTER TABLE counters ADD CONSTRAINT " +
                      check + " CHECK (label IS NOT NULL) NOT VALID"},
              {.command = {{"up", "010_null"}, 0}},
          }};
}

// A backfill whose table is rewritten while nobody works on it, and one that leaves a row to a sweep.
Scenario moved_rows() {
  return {"moved_rows",
          std::string(k_counters) + R"sql(
UPDATE counters SET label = NULL WHERE id > 700;
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.counters (id) VALUES (100000) ON CONFLICT DO NOTHING; RETURN NULL; END';
CREATE TRIGGER late AFTER UPDATE OF label ON counters FOR EACH ROW WHEN (OLD.id = 900) EXECUTE FUNCTION late();
)sql",
          {{"010_count", std::string("format = 1\n") + k_count + R"toml(
[[backfill]]
name = "labels"
table = "counters"
set = { label = "'filled'" }
where = "label IS NULL"
irreversible = "nobody needs the old ones"
)toml"}},
          {
              {.command = {{"up"}, 0}, .interrupted_at = "backfill.chunk.after_commit:1"},
              {.command = {{"up"}, 0}, .sql = "VACUUM FULL counters"},
          }};
}

// A row that cannot be set is passed over, and is set once somebody has mended it.
Scenario bad_row() {
  return {"bad_row",
          k_counters,
          {{"010_share",
            "format = 1\n[[backfill]]\nname = \"share\"\ntable = \"counters\"\nset = { n = \"1000 / code\" }\n"
            "max_bad_rows = 1\nirreversible = \"nobody needs the old ones\"\n"}},
          {
              {.command = {{"up"}, 41}},
              {.command = {{"up"}, 0}, .sql = "UPDATE counters SET code = 1 WHERE id = 1"},
          }};
}

// What goes wrong, and what people do then.
Scenario trouble() {
  const std::string requires_before = "format = 1\nrequires = [\"";
  return {"trouble",
          std::string(k_counters) + "ALTER TABLE counters ADD COLUMN odd integer;",
          {{"010_unique",
            "format = 1\n[[backfill]]\nname = \"unique\"\n"
            "sql = \"CREATE UNIQUE INDEX CONCURRENTLY counters_code ON counters (code)\"\n"
            "rollback = \"DROP INDEX CONCURRENTLY counters_code\"\n"},
           {"020_blocked", requires_before + "010_unique\"]\n[[change]]\nop = \"add_column\"\ntable = \"counters\"\n"
                                             "column = \"extra\"\ntype = \"text\"\n"},
           {"030_by_hand", requires_before + "020_blocked\"]\n[[additive]]\nname = \"odd\"\n"
                                             "sql = \"ALTER TABLE counters ADD COLUMN odd integer\"\n"
                                             "rollback = \"ALTER TABLE counters DROP COLUMN odd\"\n"},
           {"040_stamped", requires_before + "030_by_hand\"]\n[[additive]]\nname = \"comment\"\n"
                                             "sql = \"COMMENT ON TABLE counters IS 'stamped'\"\n"
                                             "rollback = \"COMMENT ON TABLE counters IS NULL\"\n"},
           {"050_gate", requires_before +
                            "040_stamped\"]\n[[additive]]\nname = \"comment\"\n"
                            "sql = \"COMMENT ON TABLE counters IS 'gate'\"\n"
                            "rollback = \"COMMENT ON TABLE counters IS NULL\"\n"
                            "[[constraint]]\nname = \"positive\"\n"
                            "sql = \"ALTER TABLE counters ADD CONSTRAINT positive CHECK (n >= 0) NOT VALID\"\n"
                            "rollback = \"ALTER TABLE counters DROP CONSTRAINT positive\"\n"}},
          {
              {.command = {{"up", "010_unique"}, 41}},
              {.command = {{"up", "010_unique"}, 0}, .sql = "UPDATE counters SET code = id"},
              {.command = {{"up", "020_blocked"}, 30}, .blocker = "LOCK TABLE counters IN ACCESS SHARE MODE"},
              {.command = {{"up", "020_blocked"}, 0}},
              {.command = {{"rollback", "020_blocked"}, 30}, .blocker = "LOCK TABLE counters IN ACCESS SHARE MODE"},
              {.command = {{"up", "020_blocked"}, 0}},
              {.command = {{"up", "030_by_hand"}, 41}},
              {.command = {{"step", "030_by_hand", "additive/odd", "--done", "--reason", "was there"}, 0}},
              {.command = {{"up", "030_by_hand"}, 0}},
              {.command = {{"stamp", "040_stamped"}, 0}},
              {.command = {{"up", "050_gate"}, 10}},
              {.command = {{"up", "050_gate", "--wait", "--deadline", "1s"}, 12}},
              {.command = {{"rollback", "050_gate"}, 0}, .beside = {"up", "050_gate", "--wait"}},
          }};
}

}  // namespace

const std::vector<Scenario>& crash_scenarios() {
  static const std::vector<Scenario> all{
      release(),      there_and_back(), linked_columns(), old_columns(), changed_types(), value_behind_the_proof(), hidden_type(), rows_of_its_own(),
      null_behind_the_guard(),
      whole_tables(), old_values(), half_a_way_back(), purge(), moved_rows(), bad_row(),
      trouble()};
  return all;
}

const Scenario& crash_scenario(const std::string& name) {
  for (const auto& scenario : crash_scenarios()) {
    if (scenario.name == name) return scenario;
  }
  throw std::invalid_argument("no scenario " + name);
}

}  // namespace pgphase::testing
