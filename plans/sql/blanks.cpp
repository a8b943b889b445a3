#include "plans/sql/blanks.hpp"

#include <algorithm>

namespace pgphase {

std::size_t skip_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  do {
    if (sql.substr(at, 2) == "/*") {
      ++depth;
      at += 2;
    } else if (sql.substr(at, 2) == "*/") {
      --depth;
      at += 2;
    } else {
      ++at;
    }
  } while (depth > 0 && at < sql.size());
  return std::min(at, sql.size());
}

std::size_t skip_blanks(std::string_view sql, std::size_t at) {
  while (at < sql.size()) {
    if (std::string_view(" \t\r\n\f\v;").find(sql[at]) != std::string_view::npos) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = std::min(sql.find('\n', at), sql.size());
    } else if (sql.substr(at, 2) == "/*") {
      at = skip_comment(sql, at);
    } else {
      break;
    }
  }
  return at;
}

}  // namespace pgphase
