// SQL as the tokens of PostgreSQL's own scanner, which knows strings, comments and dollars, and no grammar. Private to
// plans/sql; pure; any thread (the scanner keeps its state thread-local).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pgphase::tree {

// Those that say how a text hangs together.
enum class TokenKind { opens, closes, opens_bracket, closes_bracket, comma, semicolon, word_case, word_when, word_end, other };

struct Token {
  TokenKind kind = TokenKind::other;
  std::size_t begin = 0;  // its first byte
};

struct Tokens {
  std::vector<Token> all;
  std::string error;         // why it could not be told into tokens, or empty
  std::size_t error_at = 0;  // in bytes
};
Tokens scan(const std::string& sql);

}  // namespace pgphase::tree
