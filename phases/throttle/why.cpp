#include "phases/throttle/why.hpp"

#include <fmt/format.h>

#include "phases/postgres/sqlstate.hpp"

namespace pgphase {

std::string why(const Error& error) {
  if (error.sqlstate == sqlstate::query_canceled) return "the query took longer than its timeout";
  if (error.sqlstate.empty()) return error.message;
  return fmt::format("{} (SQLSTATE {})", error.message, error.sqlstate);
}

std::string needs_pg_monitor(Session& session, std::string_view view) {
  const auto role = session.query("SELECT current_user");
  return fmt::format("the role {} may not see other sessions in {}; it needs pg_monitor (or pg_read_all_stats)",
                     role ? (*role)[0].text(0) : std::string("at work"), view);
}

}  // namespace pgphase
