// Forms, a family a file. Private to tests/support/proof/forms.
#pragma once

#include "tests/support/proof/form.hpp"

// Pieces of states, as literals, so that they can be put together.
#define PROOF_CHILD                     \
  "CREATE TABLE child () INHERITS (t);" \
  "INSERT INTO child SELECT i + 5000, i, 'b' || i, 'c' || i, 1, repeat('x', 300) FROM generate_series(1, 1000) i;"
#define PROOF_FK "ALTER TABLE t ADD CONSTRAINT t_r FOREIGN KEY (a) REFERENCES r (id);"
#define PROOF_PARTS                                                                                     \
  "CREATE TABLE p (id int, k int NOT NULL, a int, pad text) PARTITION BY LIST (k);"                     \
  "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2);" \
  "INSERT INTO p SELECT i, 1 + i % 2, i, repeat('x', 300) FROM generate_series(1, 1000) i;"
#define PROOF_DEFAULT                       \
  "CREATE TABLE pd PARTITION OF p DEFAULT;" \
  "INSERT INTO p SELECT i, 100 + i, i, repeat('x', 300) FROM generate_series(1, 1000) i;"
#define PROOF_PART3                                            \
  "CREATE TABLE p3 (id int, k int NOT NULL, a int, pad text);" \
  "INSERT INTO p3 SELECT i, 3, i, repeat('x', 300) FROM generate_series(1, 1000) i;"

namespace pgphase::testing::proof {

inline const std::vector<State> k_alone_or_parent = {{"alone", ""}, {"with a child", PROOF_CHILD}};

std::vector<Form> column_forms();
std::vector<Form> type_forms();
std::vector<Form> constraint_forms();
std::vector<Form> index_forms();
std::vector<Form> table_forms();
std::vector<Form> partition_forms();
std::vector<Form> object_forms();
std::vector<Form> definition_forms();
std::vector<Form> row_forms();
std::vector<Form> other_forms();

}  // namespace pgphase::testing::proof
