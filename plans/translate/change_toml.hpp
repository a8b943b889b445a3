// A [[change]] as an author would write it. Private to plans/translate and plans/check.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"

namespace pgphase::translate {

std::string toml_text(std::string_view text);

class ChangeToml {
 public:
  // An empty name: the change has no table.
  ChangeToml(std::string_view op, const TableName& table);
  ChangeToml& text(std::string_view key, std::string_view value);
  ChangeToml& list(std::string_view key, const std::vector<std::string>& values);
  ChangeToml& yes(std::string_view key);
  ChangeToml& no(std::string_view key);
  ChangeToml& raw(std::string_view key, std::string_view toml);
  // { schema, table, columns }
  ChangeToml& reference(std::string_view key, const TableName& table, const std::vector<std::string>& columns);
  std::string str() const { return out_; }

 private:
  std::string out_;
};

}  // namespace pgphase::translate
