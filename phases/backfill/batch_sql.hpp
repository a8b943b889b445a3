// The statements of one backfill: the same row condition and the same assignments over different parts of the table.
// Built once, from quoted parts. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "phases/backfill/todo.hpp"

namespace pgphase {

// Heap pages [begin, end) of one leaf.
struct PageRange {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const { return end - begin; }
  bool operator==(const PageRange&) const = default;
};

// Of the rows of each page those whose line number leaves `stripe` when divided by `stripes`; 1: all of them.
struct Lines {
  int stripe = 0, stripes = 1;
};

// The rows that a statement looks at: of some pages, or by their addresses ("(12,3)").
struct Part {
  Part(PageRange of, Lines striped = {}) : pages(of), lines(striped) {}
  explicit Part(std::vector<std::string> addresses) : rows(std::move(addresses)) {}

  PageRange pages;
  Lines lines;
  std::vector<std::string> rows;  // empty: all of the pages
};

class BatchSql {
 public:
  // `also`: further assignments, which the author's own statement has not; may be empty.
  BatchSql(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker,
           const std::string& also = {});

  // The same statements, which leave out the rows at these addresses and evaluate nothing of the author's for them.
  BatchSql passing_over(const std::vector<std::string>& addresses) const;

  // `leaf` is quoted SQL. Each UPDATE returns one row: rows set, and how many of them still match afterwards.
  std::string update(const std::string& leaf, const Part& part) const;
  // Returns nothing: the server says how many it has set, and nobody looks at them once more.
  std::string update_unseen(const std::string& leaf, const Part& part) const;
  // Passes over rows that somebody holds.
  std::string update_unlocked(const std::string& leaf, const Part& part) const;

  std::string count(const std::string& leaf, const Part& part) const;         // rows that match
  // What an index may find: all rows that match, and the addresses of `most` of them, in the order of the pages.
  std::string matching_rows(const std::string& leaf) const;
  std::string harvest(const std::string& leaf, int most, const std::vector<std::string>& but) const;
  std::string row_addresses(const std::string& leaf, PageRange pages) const;  // ctid of every row, as text
  std::string row_xmax(const std::string& leaf, const Part& part) const;      // which transactions hold them

  // At most `most` rows of the whole table that still match, counted in one snapshot: n, and how many lack a marker.
  // `but`: a query for the (relation, address) of rows that do not count; may be empty.
  std::string remaining(int most, const std::string& but = {}) const;

  // Compiles the author's SQL before anything is written, and before a marker column exists.
  std::string compile_only() const;

 private:
  std::string within(PageRange pages) const;
  std::string matching(const Part& part) const;
  std::string counted(const std::string& update) const;

  std::string table_;     // FROM …: with ONLY unless partitioned
  std::string row_;       // alias of the row
  std::string todo_;      // condition
  std::string wanted_;    // the condition, false for rows that are passed over
  std::string at_least_;  // cheap, and true of every row for which the condition is
  std::string set_;       // assignments
  std::string authors_;   // the author's own statement
  std::string unmarked_;  // condition for a row without a marker value
  std::string row_lock_;
};

}  // namespace pgphase
