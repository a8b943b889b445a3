#include "plans/phased_plan.hpp"

#include <fmt/format.h>

#include "plans/sql/quote.hpp"

namespace pgphase {

const char* to_string(LockMode mode) {
  switch (mode) {
    case LockMode::none:
      return "none";
    case LockMode::access_share:
      return "ACCESS SHARE";
    case LockMode::row_share:
      return "ROW SHARE";
    case LockMode::row_exclusive:
      return "ROW EXCLUSIVE";
    case LockMode::share_update_exclusive:
      return "SHARE UPDATE EXCLUSIVE";
    case LockMode::share:
      return "SHARE";
    case LockMode::share_row_exclusive:
      return "SHARE ROW EXCLUSIVE";
    case LockMode::exclusive:
      return "EXCLUSIVE";
    case LockMode::access_exclusive:
      return "ACCESS EXCLUSIVE";
  }
  return "?";
}

std::string AddColumnBody::type() const {
  const auto prefix = fmt::format("ALTER TABLE {} ADD COLUMN {} ", qualified(table), quote_ident(column));
  if (!sql.starts_with(prefix)) return {};
  auto found = sql.substr(prefix.size());
  for (const auto* behind : {" DEFAULT ", " NOT NULL", " GENERATED "}) {
    if (const auto end = found.find(behind); end != std::string::npos) found.erase(end);
  }
  return found;
}

}  // namespace pgphase
