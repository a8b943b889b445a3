#include "phases/gates/conditions.hpp"

#include <fmt/format.h>

#include "phases/postgres/transaction.hpp"

namespace pgphase {
namespace {

bool day_is_in(const Window& window, int weekday) { return (window.days >> (weekday - 1)) & 1U; }

}  // namespace

Result<std::optional<std::string>> check_holds(Session& session, const std::string& sql) {
  auto transaction = Transaction::begin(session, "gate.check",
                                        "SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = '60s';");
  if (!transaction) return transaction.error();
  auto rows = session.query(sql);
  if (!rows) {
    if (rows.error().code != Errc::sql) return rows.error();
    return std::optional("its query failed: " + rows.error().message);
  }
  if (rows->size() != 1 || (*rows)[0].size() != 1) {
    return std::optional(fmt::format("its query returned {} rows, not one row with one boolean", rows->size()));
  }
  if ((*rows)[0].boolean(0)) return std::optional<std::string>();
  return std::optional(fmt::format("its query returned {}", (*rows)[0].is_null(0) ? "NULL" : (*rows)[0].text(0)));
}

bool window_contains(const Window& window, int weekday, int minute) {
  const auto from = static_cast<int>(window.from.count());
  const auto to = static_cast<int>(window.to.count());
  if (from < to) return day_is_in(window, weekday) && minute >= from && minute < to;
  const int yesterday = weekday == 1 ? 7 : weekday - 1;
  return (day_is_in(window, weekday) && minute >= from) || (day_is_in(window, yesterday) && minute < to);
}

Result<std::optional<std::string>> window_open(Session& session, const Window& window) {
  auto rows = session.query(
      "SELECT extract(isodow FROM t)::int, extract(hour FROM t)::int * 60 + extract(minute FROM t)::int, "
      "       to_char(t, 'Dy HH24:MI') FROM (SELECT clock_timestamp() AT TIME ZONE $1) AS moment(t)", {window.zone});
  if (!rows) {
    if (rows.error().code != Errc::sql) return rows.error();
    return std::optional(fmt::format("the server does not know it: {}", rows.error().message));
  }
  const auto& now = (*rows)[0];
  if (window_contains(window, static_cast<int>(now.integer(0)), static_cast<int>(now.integer(1)))) {
    return std::optional<std::string>();
  }
  return std::optional(fmt::format("open {}; on the server it is {}", window.text, now.text(2)));
}

}  // namespace pgphase
