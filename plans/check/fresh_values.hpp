// Values of enums that a transaction adds: until it has committed the server refuses every statement that uses one
// (SQLSTATE 55P04), unless, since 17, the type itself is of the same transaction. By the words alone: two enums may have
// the same value, so that what is found may be all right.
//
// One transaction at a time; one thread.
#pragma once

#include <set>
#include <string>

#include "plans/base/names.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase {

class FreshValues {
 public:
  explicit FreshValues(int server) : server_(server) {}  // its major version; 0: not known

  // A value that the statement uses and that an earlier one of the transaction added; or empty.
  std::string used_by(const tree::RawStatement& raw) const;
  void note(const tree::RawStatement& raw);
  void end_transaction();

 private:
  int server_;
  std::set<TableName> types_;  // made in the transaction
  std::set<std::string, std::less<>> values_;
};

}  // namespace pgphase
