#include "tests/support/proof/forms/forms.hpp"

namespace pgphase::testing::proof {
namespace {

constexpr const char* k_count = "SELECT count(*) FROM p";

}  // namespace

std::vector<Form> partition_forms() {
  return {
      {"create partition",
       {"create-partition"},
       "CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3)",
       {{"no default", PROOF_PARTS}, {"a default", PROOF_PARTS PROOF_DEFAULT}}},
      {"create default partition",
       {"create-partition"},
       "CREATE TABLE pd PARTITION OF p DEFAULT",
       {{"partitions", PROOF_PARTS}}},
      {"attach partition",
       {"attach-partition"},
       "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES IN (3)",
       {{"bare", PROOF_PARTS PROOF_PART3},
        {"a check", PROOF_PARTS PROOF_PART3 "ALTER TABLE p3 ADD CHECK (k = 3)"},
        {"a check of something else", PROOF_PARTS PROOF_PART3 "ALTER TABLE p3 ADD CHECK (a > 0)"},
        {"a default", PROOF_PARTS PROOF_DEFAULT PROOF_PART3},
        {"a default with a check", PROOF_PARTS PROOF_DEFAULT PROOF_PART3 "ALTER TABLE pd ADD CHECK (k > 50)"},
        {"a default with another check", PROOF_PARTS PROOF_DEFAULT PROOF_PART3 "ALTER TABLE pd ADD CHECK (a > 0)"},
        {"an index to build", PROOF_PARTS PROOF_PART3 "CREATE INDEX ON p (a)"},
        {"an index alike", PROOF_PARTS PROOF_PART3 "CREATE INDEX ON p (a); CREATE INDEX ON p3 (a)"}}},
      {"attach default partition",
       {"attach-partition"},
       "ALTER TABLE p ATTACH PARTITION p3 DEFAULT",
       {{"bare", PROOF_PARTS PROOF_PART3},
        {"a check", PROOF_PARTS PROOF_PART3 "ALTER TABLE p3 ADD CHECK (k = 3)"},
        {"a check of something else", PROOF_PARTS PROOF_PART3 "ALTER TABLE p3 ADD CHECK (a > 0)"},
        {"an index to build", PROOF_PARTS PROOF_PART3 "CREATE INDEX ON p (a)"},
        {"an index alike", PROOF_PARTS PROOF_PART3 "CREATE INDEX ON p (a); CREATE INDEX ON p3 (a)"}}},
      asked(k_count,
            {"detach partition",
             {"detach-partition"},
             "ALTER TABLE p DETACH PARTITION p1",
             {{"no default", PROOF_PARTS},
              {"a default", PROOF_PARTS PROOF_DEFAULT},
              {"refers", PROOF_PARTS "ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES r (id)"},
              {"is referred to", PROOF_PARTS "ALTER TABLE p ADD UNIQUE (id, k); CREATE TABLE w (id int, k int, FOREIGN KEY "
                                             "(id, k) REFERENCES p (id, k))"}}}),
      asked(k_count,
            {"detach partition concurrently",
             {"detach-partition-concurrently"},
             "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
             {{"partitions", PROOF_PARTS}}}),
      {"detach partition finalize",
       {"detach-partition-finalize"},
       "ALTER TABLE p DETACH PARTITION p1 FINALIZE",
       {{"pending", PROOF_PARTS "UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'p1'::regclass"}}},
      {"drop a partition",
       {"drop-table"},
       "DROP TABLE p1",
       {{"no default", PROOF_PARTS},
        {"a default", PROOF_PARTS PROOF_DEFAULT},
        {"refers", PROOF_PARTS "ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES r (id)"}}},
      {"set default of partitioned",
       {"set-default"},
       "ALTER TABLE p ALTER a SET DEFAULT 3",
       {{"partitions", PROOF_PARTS}}},
      {"set not null of partitioned",
       {"set-not-null", "set-not-null-proven"},
       "ALTER TABLE p ALTER a SET NOT NULL",
       {{"partitions", PROOF_PARTS}, {"proven", PROOF_PARTS "ALTER TABLE p ADD CHECK (a IS NOT NULL)"}}},
      {"set statistics of partitioned",
       {"set-statistics"},
       "ALTER TABLE p ALTER a SET STATISTICS 9",
       {{"partitions", PROOF_PARTS}}},
      {"drop column of partitioned",
       {"drop-column"},
       "ALTER TABLE p DROP COLUMN a",
       {{"partitions", PROOF_PARTS}, {"refers", PROOF_PARTS "ALTER TABLE p ADD FOREIGN KEY (a) REFERENCES r (id)"}}},
  };
}

}  // namespace pgphase::testing::proof
