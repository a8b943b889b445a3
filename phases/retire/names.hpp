// The names that retired things bear, so that a look for the old names in any schema finds nothing. Pure; any thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace pgphase {

inline constexpr const char* k_retired_schema = "pgphase_retired";

// "_pgphase_retired_7": the column of record 7 of pgphase.retired.
std::string retired_column_name(std::int64_t number);
bool is_retired_column_name(std::string_view name);

// Hands out "_pgphase_7_tasks" and the like for everything that one retired table brings with it: at most 63 bytes,
// cut between UTF-8 characters, each name once.
class RetiredNames {
 public:
  explicit RetiredNames(std::int64_t number);
  std::string hide(std::string_view name);

 private:
  std::string prefix_;
  std::set<std::string, std::less<>> taken_;
};

}  // namespace pgphase
