// What a rollback takes away, or gives another name, before it comes to a step: what stands in the way of that step now
// and will not when it is its turn. Pure values; any thread.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "phases/ledger/records.hpp"

namespace pgphase {

class UndoneBefore {
 public:
  // In the order of undoing. `retired`: what the step's plan has retired.
  void add(const PlanId& plan, Phase phase, const Step& step, const std::vector<RetiredRecord>& retired);

  // Names as they are now, of what will have these when all that was added is undone.
  TableName now(const TableName& table) const;
  std::string now(const TableName& table, const std::string& column) const;

  // Foreign keys that are gone by then, by table and name as they are now.
  const std::set<std::pair<TableName, std::string>>& foreign_keys() const { return foreign_keys_; }

  // SQL written by hand, or a view of ours, may have made anything that uses the table: whether it goes away is known
  // when it is undone. False where all that was added is known to the word.
  bool may_take_more_from(const TableName& table) const;

 private:
  struct Renamed {
    TableName table;
    std::string without, with;  // the step: a column's names
  };
  void add_statement(const Statement& statement);

  std::vector<Renamed> columns_;
  std::vector<std::pair<TableName, TableName>> tables_;  // without and with the step
  std::set<std::pair<TableName, std::string>> foreign_keys_;
  std::set<TableName> unknown_;
  bool anything_ = false;
};

}  // namespace pgphase
