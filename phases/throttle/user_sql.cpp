#include "phases/throttle/user_sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "phases/postgres/transaction.hpp"
#include "phases/throttle/why.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

std::string first_word(const std::string& sql) {
  std::string word;
  for (const char c : sql) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) break;
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return word;
}

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

Result<SqlUse> use_of_statement(const std::string& sql) {
  if (parse_query(sql)) return SqlUse::reads;
  const auto statements = parse_statements(sql);
  if (!statements) return make_error(Errc::usage, fmt::format("this is not SQL: {}", statements.error().message));
  if (statements->size() != 1) {
    return make_error(Errc::usage, fmt::format("this must be one statement, not {}", statements->size()));
  }
  constexpr auto k_words =
      std::to_array<std::string_view>({"select", "insert", "update", "delete", "merge", "call", "with"});
  const std::string word = first_word(statements->front().text);
  if (std::find(k_words.begin(), k_words.end(), word) == k_words.end()) {
    return make_error(Errc::usage, "this must be a SELECT, or one INSERT, UPDATE, DELETE, MERGE or CALL");
  }
  return SqlUse::writes;
}

Result<void> must_only_read(const std::string& sql) {
  PGPHASE_TRY(kind, use_of_statement(sql));
  if (kind == SqlUse::reads) return {};
  return make_error(Errc::usage, "this must be a SELECT that changes nothing");
}

Reading read_number(Session& session, Signal signal, const std::string& sql) {
  // It may come from a caller that has not looked: several statements could end the READ ONLY transaction.
  if (const auto checked = must_only_read(sql); !checked) return unreadable(signal, checked.error().message);
  auto transaction = Transaction::begin(session, "throttle.query", "SET TRANSACTION READ ONLY;");
  if (!transaction) return unreadable(signal, why(transaction.error()));
  const auto rows = session.query(sql);
  if (!rows) return unreadable(signal, "its query failed: " + why(rows.error()));
  if (rows->size() != 1 || (*rows)[0].size() != 1) {
    return unreadable(signal, fmt::format("its query returned {} rows of {} columns, not one number", rows->size(),
                                          rows->empty() ? 0 : (*rows)[0].size()));
  }
  const auto text = (*rows)[0].maybe(0);
  if (!text) return unreadable(signal, "its query returned NULL");
  const auto number = number_in(*text);
  if (!number) return unreadable(signal, "its query returned a text that is no number");
  return {signal, *number, fmt::format("its query returned {}", in_words(unit_of(signal), *number))};
}

}  // namespace pgphase
