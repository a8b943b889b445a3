#include "plans/sql/tokens.hpp"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include <algorithm>
#include <memory>

namespace pgphase::tree {
namespace {

struct FreeScan {
  void operator()(PgQueryScanResult* result) const {
    pg_query_free_scan_result(*result);
    delete result;
  }
};

struct FreeTokens {
  void operator()(PgQuery__ScanResult* tokens) const { pg_query__scan_result__free_unpacked(tokens, nullptr); }
};

TokenKind kind_of(PgQuery__Token token) {
  switch (token) {
    case PG_QUERY__TOKEN__ASCII_40:
      return TokenKind::opens;
    case PG_QUERY__TOKEN__ASCII_41:
      return TokenKind::closes;
    case PG_QUERY__TOKEN__ASCII_91:
      return TokenKind::opens_bracket;
    case PG_QUERY__TOKEN__ASCII_93:
      return TokenKind::closes_bracket;
    case PG_QUERY__TOKEN__ASCII_44:
      return TokenKind::comma;
    case PG_QUERY__TOKEN__ASCII_59:
      return TokenKind::semicolon;
    case PG_QUERY__TOKEN__CASE:
      return TokenKind::word_case;
    case PG_QUERY__TOKEN__WHEN:
      return TokenKind::word_when;
    case PG_QUERY__TOKEN__END_P:
      return TokenKind::word_end;
    default:
      return TokenKind::other;
  }
}

// PostgreSQL's scanner reads the rest of a run of operator characters again for each comment that begins in it, and one
// inside the other they may be as many as the text is long.
constexpr std::size_t k_most_nested_comments = 1000;
std::size_t nests_comments(std::string_view sql) {
  constexpr std::string_view k_operators = "~!@#^&|`?+-*/%<>=";
  std::size_t begun = 0;
  for (std::size_t i = 0; i + 1 < sql.size(); ++i) {
    if (k_operators.find(sql[i]) == std::string_view::npos) begun = 0;
    if (sql[i] == '/' && sql[i + 1] == '*' && ++begun > k_most_nested_comments) return i;
  }
  return std::string_view::npos;
}

}  // namespace

Tokens scan(const std::string& sql) {
  Tokens out;
  if (const auto at = nests_comments(sql); at != std::string_view::npos) {
    out.error = "comments are nested too deeply";
    out.error_at = at;
    return out;
  }
  const std::unique_ptr<PgQueryScanResult, FreeScan> found(new PgQueryScanResult(pg_query_scan(sql.c_str())));
  if (found->error) {
    out.error = found->error->message;
    const int at = found->error->cursorpos;  // 1-based; 0: unknown
    out.error_at = at > 0 ? std::min(static_cast<std::size_t>(at) - 1, sql.size()) : 0;
    return out;
  }
  const std::unique_ptr<PgQuery__ScanResult, FreeTokens> tokens(pg_query__scan_result__unpack(
      nullptr, found->pbuf.len, reinterpret_cast<const std::uint8_t*>(found->pbuf.data)));
  if (!tokens) {
    out.error = "it could not be told into tokens";
    return out;
  }
  out.all.reserve(tokens->n_tokens);
  for (std::size_t i = 0; i < tokens->n_tokens; ++i) {
    const auto& token = *tokens->tokens[i];
    out.all.push_back({kind_of(token.token), static_cast<std::size_t>(token.start)});
  }
  return out;
}

}  // namespace pgphase::tree
