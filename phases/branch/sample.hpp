// Some rows of every table, chosen so that no foreign key dangles: the first ones by chance, then whatever they refer
// to, and what that refers to, until nothing is missing. The schema pgphase keeps its books in is taken whole.
//
// Both ends are psql: what it yields are scripts for the source that print scripts for the copy, whose tables are there
// and whose foreign keys are not yet. Blocking; same threading as the Sessions.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

class Sample {
 public:
  // Reads the catalogue of `source`. `most_rows` of each table, 1 or more.
  static Result<Sample> of(Session& source, int most_rows);

  std::string first() const;
  // For the rows that those in the copy refer to and that are missing there. Empty: none is. A key that the source has
  // no row for either (the foreign key is NOT VALID) is asked for once.
  Result<std::string> referred_to(Session& copy);

 private:
  struct Table {
    TableName name;
    bool partitioned = false;    // holds no rows itself: its partitions do
    double rows = 0, pages = 0;  // as estimated; negative: unknown
    bool whole = false;
    std::vector<std::string> columns;  // quoted; without generated ones
  };
  struct KeyColumn {
    std::string child, parent, type, equals;  // names quoted; the child's type; the operator, parent on the left
  };
  struct ForeignKey {
    TableName child, parent;
    bool child_partitioned = false, parent_partitioned = false;
    std::vector<KeyColumn> columns;
    std::set<std::string> asked;  // keys as SQL rows
  };

  static Result<std::vector<Table>> read_tables(Session& source);
  static Result<std::vector<ForeignKey>> read_foreign_keys(Session& source);
  const Table* find(const TableName& name) const;
  std::string fetch(const ForeignKey& key, const std::vector<std::string>& values) const;

  std::vector<Table> tables_;
  std::vector<ForeignKey> foreign_keys_;
  std::vector<std::string> sequences_;  // statements that print statements
  std::string encoding_;
  int most_rows_ = 0;
};

// The TABLESAMPLE clause with which about twice as many rows come as are wanted, from all over the table; empty where
// the table is small, or its size is not known. `percent` of pages is at least what yields 20 pages, so that one comes
// with none once in e^20. Pure.
std::string table_sample(double rows, double pages, int wanted);

}  // namespace pgphase
