// The rows that a query returned, as text. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pgphase {

class Row {
 public:
  explicit Row(std::vector<std::optional<std::string>> values) : values_(std::move(values)) {}
  bool is_null(std::size_t column) const { return !values_.at(column).has_value(); }
  // NULL reads as "", 0 or false; ask is_null where the difference matters.
  std::string text(std::size_t column) const { return values_.at(column).value_or(""); }
  std::int64_t integer(std::size_t column) const {
    return is_null(column) ? 0 : std::stoll(*values_.at(column));
  }
  double number(std::size_t column) const { return is_null(column) ? 0 : std::stod(*values_.at(column)); }
  bool boolean(std::size_t column) const { return text(column) == "t"; }
  std::optional<std::string> maybe(std::size_t column) const { return values_.at(column); }
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<std::optional<std::string>> values_;
};

struct Rows {
  std::vector<Row> rows;
  std::int64_t affected = 0;  // rows inserted, updated or deleted

  bool empty() const { return rows.empty(); }
  std::size_t size() const { return rows.size(); }
  const Row& operator[](std::size_t i) const { return rows.at(i); }
  auto begin() const { return rows.begin(); }
  auto end() const { return rows.end(); }
};

}  // namespace pgphase
