#include "plans/base/result.hpp"

namespace pgphase {

namespace {

// A statement is shown as far as it helps to recognise it.
std::string shortened(const std::string& statement) {
  constexpr std::size_t k_longest = 600;
  if (statement.size() <= k_longest) return statement;
  auto end = k_longest;
  while (end > 0 && (static_cast<unsigned char>(statement[end]) & 0xC0) == 0x80) --end;  // not inside a character
  return statement.substr(0, end) + " …";
}

}  // namespace

std::string Error::text() const {
  std::string out = message;
  if (!sqlstate.empty()) out += " (SQLSTATE " + sqlstate + ")";
  if (!detail.empty()) out += "\n  detail: " + detail;
  if (!statement.empty()) out += "\n  statement: " + shortened(statement);
  if (!next.empty()) out += "\n  " + next;
  return out;
}

}  // namespace pgphase
