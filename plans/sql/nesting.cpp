#include "plans/sql/nesting.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "plans/sql/tokens.hpp"

namespace pgphase::tree {

std::size_t deepest_nesting(const std::string& sql) {
  const auto tokens = scan(sql);
  if (!tokens.error.empty()) return std::numeric_limits<std::size_t>::max();
  struct Level {
    std::size_t since_comma = 0;
    bool of_case = false;
  };
  std::vector<Level> levels(1);
  std::size_t here = 0, deepest = 0;
  const auto close = [&] {
    here -= levels.back().since_comma;
    levels.pop_back();
  };
  // The parenthesis itself, or the CASE, is around the next item, too.
  const auto next_item = [&] {
    const std::size_t around = levels.size() > 1 ? 1 : 0;
    here -= levels.back().since_comma - around;
    levels.back().since_comma = around;
  };
  for (const auto& [kind, begin] : tokens.all) {
    switch (kind) {
      case TokenKind::opens:
      case TokenKind::opens_bracket:
      case TokenKind::word_case:
        levels.push_back({1, kind == TokenKind::word_case});
        ++here;
        break;
      case TokenKind::closes:
      case TokenKind::closes_bracket:
        while (levels.size() > 1 && levels.back().of_case) close();
        if (levels.size() > 1) close();
        break;
      case TokenKind::word_end:
        if (levels.back().of_case) close();
        break;
      case TokenKind::word_when:
        if (levels.back().of_case) next_item();
        break;
      case TokenKind::comma:
      case TokenKind::semicolon:
        next_item();
        break;
      case TokenKind::other:
        ++levels.back().since_comma;
        ++here;
        break;
    }
    deepest = std::max(deepest, here);
  }
  return deepest;
}

}  // namespace pgphase::tree
