#include "tests/support/proof/forms/forms.hpp"

namespace pgphase::testing::proof {
namespace {

// More pages than ANALYZE looks at when it wants few rows.
constexpr std::string_view k_large =
    "INSERT INTO t SELECT i, i, 'b', 'c', 1, repeat('x', 300) FROM generate_series(3001, 40000) i;"
    "ALTER TABLE t ALTER id SET STATISTICS 1, ALTER a SET STATISTICS 1, ALTER b SET STATISTICS 1, ALTER c SET "
    "STATISTICS "
    "1, ALTER n SET STATISTICS 1, ALTER pad SET STATISTICS 1";

}  // namespace

std::vector<Form> other_forms() {
  return {
      {"vacuum", {"vacuum"}, "VACUUM t", {{"new rows", ""}, {"vacuumed", ";;VACUUM (FREEZE) t;;"}}},
      {"vacuum analyze",
       {"vacuum"},
       "VACUUM (ANALYZE) t",
       {{"new rows", ""},
        {"large and vacuumed",
         "INSERT INTO t SELECT i, i, 'b', 'c', 1, repeat('x', 300) FROM generate_series(3001, "
         "40000) i; ALTER TABLE t ALTER id SET STATISTICS 1, ALTER a SET STATISTICS 1, ALTER b SET "
         "STATISTICS 1, ALTER c SET STATISTICS 1, ALTER n SET STATISTICS 1, ALTER pad SET STATISTICS "
         "1;;VACUUM (FREEZE) t;;"}}},
      {"vacuum full", {"vacuum-full"}, "VACUUM FULL t"},
      {"vacuum everything", {"vacuum"}, "VACUUM", {{"as it is", ""}}, 14, 99, "", false},
      {"analyze", {"analyze"}, "ANALYZE t", {{"small", ""}, {"large", k_large}}},
      {"analyze a column", {"analyze"}, "ANALYZE t (a)", {{"small", ""}, {"large", k_large}}},
      {"cluster on 14", {"cluster"}, "CLUSTER t USING t_a", {{"as it is", ""}}, 14, 14},
      {"cluster",
       {"cluster"},
       "CLUSTER t USING i",
       {{"plain", "CREATE INDEX i ON t (a)"},
        {"partitioned", "DROP TABLE t;" PROOF_PARTS "CREATE INDEX i ON p (a); ALTER TABLE p RENAME TO t"}},
       15},
      {"cluster everything", {"cluster"}, "CLUSTER", {{"as it is", ""}}, 14, 16, "", false},
      {"create database", {"create-database"}, "CREATE DATABASE proof_never", {{"as it is", ""}}, 14, 99, "", false},
      {"drop database",
       {"drop-database"},
       "DROP DATABASE IF EXISTS proof_never",
       {{"as it is", ""}},
       14,
       99,
       "",
       false},
      {"alter system", {"alter-system"}, "ALTER SYSTEM RESET work_mem", {{"as it is", ""}}, 14, 99, "", false},
      {"create tablespace",
       {"tablespace"},
       "CREATE TABLESPACE proof_never LOCATION '/nowhere'",
       {{"as it is", ""}},
       14,
       99,
       "",
       false},
      {"drop tablespace",
       {"tablespace"},
       "DROP TABLESPACE IF EXISTS proof_never",
       {{"as it is", ""}},
       14,
       99,
       "",
       false},
      {"create role", {"shared-object"}, "CREATE ROLE proof_never"},
      {"alter role", {"shared-object"}, "ALTER ROLE CURRENT_USER SET work_mem = '5MB'"},
      {"alter database", {"shared-object"}, "ALTER DATABASE postgres CONNECTION LIMIT -1"},
      {"create subscription",
       {"subscription"},
       "CREATE SUBSCRIPTION proof_never CONNECTION 'dbname=x' PUBLICATION p",
       {{"as it is", ""}},
       14,
       99,
       "",
       false},
      {"create subscription without a slot",
       {"subscription"},
       "CREATE SUBSCRIPTION proof_never CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)"},
      {"set", {"session"}, "SET work_mem = '5MB'"},
      {"show", {"session"}, "SHOW work_mem"},
      {"set constraints", {"session"}, "SET CONSTRAINTS ALL IMMEDIATE"},
      {"savepoint", {"session"}, "SAVEPOINT a"},
      {"notify", {"session"}, "NOTIFY proof"},
      {"discard all", {"session"}, "DISCARD ALL", {{"as it is", ""}}, 14, 99, "", false},
      {"do", {"opaque"}, "DO $$ BEGIN UPDATE t SET a = 1; END $$"},
      {"call",
       {"opaque"},
       "CALL f()",
       {{"a procedure", "CREATE PROCEDURE f() LANGUAGE plpgsql AS 'BEGIN TRUNCATE t; END'"}}},
      {"select a function",
       {"opaque"},
       "SELECT f()",
       {{"a function", "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN TRUNCATE t; END'"}}},
      {"create extension", {"opaque"}, "CREATE EXTENSION IF NOT EXISTS plpgsql"},
  };
}

}  // namespace pgphase::testing::proof
