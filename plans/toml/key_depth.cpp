#include "plans/toml/key_depth.hpp"

#include <algorithm>
#include <cctype>

namespace pgphase {
namespace {

bool is_bare(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

// The end of the string or comment that begins at `at`, as far as TOML goes: what is malformed, the library tells.
std::size_t end_of_quoted(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const bool multi = at + 2 < text.size() && text[at + 1] == quote && text[at + 2] == quote;
  for (std::size_t i = at + (multi ? 3 : 1); i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (!multi && (text[i] == quote || text[i] == '\n')) {
      return i + (text[i] == quote ? 1 : 0);
    } else if (multi && text.substr(i, 3) == std::string_view(text.data() + at, 3)) {
      i += 3;
      // A string may end in two quotes of its own: """a"""""
      for (int own = 0; own < 2 && i < text.size() && text[i] == quote; ++own) ++i;
      return i;
    }
  }
  return text.size();
}

std::size_t end_of_bare(std::string_view text, std::size_t at) {
  while (at < text.size() && is_bare(text[at])) ++at;
  return at;
}

Position position_of(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<int>(line), static_cast<int>(offset - line_start) + 1};
}

}  // namespace

std::optional<Position> key_too_deep(std::string_view text) {
  std::size_t begin = 0;
  int parts = 0;  // of the key at hand
  bool after_dot = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_bare(c) || c == '"' || c == '\'') {
      if (!after_dot) {
        begin = at;
        parts = 0;
      }
      if (++parts > k_max_key_parts) return position_of(text, begin);
      after_dot = false;
      at = is_bare(c) ? end_of_bare(text, at) : end_of_quoted(text, at);
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else {
      if (c == '.') after_dot = true;
      if (c != '.' && c != ' ' && c != '\t') after_dot = false;
      ++at;
    }
  }
  return std::nullopt;
}

}  // namespace pgphase
