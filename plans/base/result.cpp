#include "plans/base/result.hpp"

namespace pgphase {

std::string Error::text() const {
  std::string out = message;
  if (!sqlstate.empty()) out += " (SQLSTATE " + sqlstate + ")";
  if (!detail.empty()) out += "\n  detail: " + detail;
  if (!statement.empty()) out += "\n  statement: " + statement;
  if (!next.empty()) out += "\n  " + next;
  return out;
}

}  // namespace pgphase
