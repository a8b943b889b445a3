#include "tests/support/proof/forms/forms.hpp"

namespace pgphase::testing::proof {
namespace {

// What hangs on a changed table is not in the text: a foreign key shows that it may be locked.
const std::vector<State> k_referring = {{"alone", ""}, {"refers", PROOF_FK}};
const std::vector<State> k_referred = {
    {"alone", ""},
    {"is referred to",
     "CREATE TABLE w (id int REFERENCES t (id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO w SELECT "
     "id FROM t WHERE id < 50; CREATE INDEX ON w (id)"}};

}  // namespace

std::vector<Form> row_forms() {
  return {
      {"insert", {"insert"}, "INSERT INTO t (id, a) VALUES (9000, 1)", k_referring},
      {"insert select",
       {"insert-select"},
       "INSERT INTO t (id, a) SELECT id + 9000, id FROM r WHERE id <= 10",
       {{"refers", PROOF_FK},
        {"small", "DELETE FROM r WHERE id > 1500; ALTER TABLE r DROP CONSTRAINT r_pkey CASCADE"}}},
      {"update every row",
       {"update-every-row"},
       "UPDATE t SET n = n + 1",
       {{"alone", ""},
        {"with a child", PROOF_CHILD},
        {"a trigger",
         "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE r SET pad = pad WHERE id = 1; "
         "RETURN NEW; END'; CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()"}}},
      {"update where true", {"update-every-row"}, "UPDATE t SET a = 1 WHERE 1 = 1", k_referring},
      {"update some rows",
       {"update-some-rows"},
       "UPDATE t SET a = a + 1 WHERE a < 10",
       {{"refers", PROOF_FK}, {"no index", "DROP INDEX t_a"}}},
      {"update from",
       {"update-some-rows"},
       "UPDATE t SET a = r.id + 1 FROM r WHERE r.id = t.id AND t.id < 10",
       {{"refers", PROOF_FK},
        {"a large one",
         "INSERT INTO r SELECT i, 'c' || i, repeat('x', 300) FROM generate_series(1001, 20000) i; ANALYZE r"},
        {"no index", "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE r DROP CONSTRAINT r_pkey CASCADE"}}},
      {"delete every row", {"delete-every-row"}, "DELETE FROM t", k_referred},
      {"delete some rows",
       {"delete-some-rows"},
       "DELETE FROM t WHERE id < 100",
       {{"is referred to", k_referred[1].setup}, {"no index", "ALTER TABLE t DROP CONSTRAINT t_pkey"}}},
      {"merge",
       {"merge"},
       "MERGE INTO t USING r ON t.id = r.id AND r.id < 10 WHEN MATCHED THEN UPDATE SET a = r.id + 1",
       {{"refers", PROOF_FK},
        {"no index", "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE r DROP CONSTRAINT r_pkey"}},
       15},
      {"with delete",
       {"delete-some-rows", "insert-select"},
       "WITH gone AS (DELETE FROM t WHERE id < 10 RETURNING id) INSERT INTO r (id, code) SELECT id + 9000, 'z' || id "
       "FROM "
       "gone",
       {{"is referred to", k_referred[1].setup}, {"no index", "ALTER TABLE t DROP CONSTRAINT t_pkey"}}},
      {"insert into partitioned",
       {"insert"},
       "INSERT INTO p (id, k) VALUES (1, 1)",
       {{"refers", PROOF_PARTS "ALTER TABLE p ADD FOREIGN KEY (id) REFERENCES r (id)"}}},
      {"update partitioned",
       {"update-every-row"},
       "UPDATE p SET a = 1",
       {{"refers", PROOF_PARTS "ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES r (id)"}}},
      {"select",
       {"select"},
       "SELECT count(*) FROM t WHERE id = 5",
       {{"an index", ""}, {"none", "ALTER TABLE t DROP CONSTRAINT t_pkey"}}},
      {"select of two",
       {"select"},
       "SELECT t.a FROM t JOIN r ON r.id = t.id WHERE t.id = 5",
       {{"an index", ""}, {"none", "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE r DROP CONSTRAINT r_pkey"}}},
      {"select for update",
       {"select-for-update"},
       "SELECT id FROM t WHERE id > 0 FOR UPDATE",
       {{"all", ""},
        {"few",
         "TRUNCATE t; INSERT INTO t SELECT -i, i, 'b', 'c', 1, repeat('x', 300) FROM generate_series(1, 1000) i;"
         "INSERT INTO t (id) VALUES (1), (2); ANALYZE t"}}},
      {"explain", {"explain"}, "EXPLAIN UPDATE t SET a = 1"},
      {"explain analyze", {"update-every-row"}, "EXPLAIN (ANALYZE) UPDATE t SET a = 1", k_referring},
      {"declare cursor", {"explain"}, "DECLARE cu CURSOR FOR SELECT * FROM t"},
      {"prepare", {"explain"}, "PREPARE st AS SELECT * FROM t"},
      {"copy from", {"copy-from", "copy-program"}, "COPY t (id, a) FROM PROGRAM 'echo 9000,1' WITH (FORMAT csv)", k_referring},
      {"copy to", {"copy-to"}, "COPY t TO '/dev/null'"},
      {"copy query to",
       {"copy-to"},
       "COPY (SELECT a FROM t WHERE id = 1) TO '/dev/null'",
       {{"an index", ""}, {"none", "ALTER TABLE t DROP CONSTRAINT t_pkey"}}},
  };
}

}  // namespace pgphase::testing::proof
