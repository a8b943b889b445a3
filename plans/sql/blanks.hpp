// What PostgreSQL's grammar skips between two words: blanks and comments. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgphase {

// Behind the comment /* … */ that begins at `at`; they nest in SQL.
std::size_t skip_comment(std::string_view sql, std::size_t at);

// The first byte from `at` on that belongs to a statement, or the end. Semicolons are skipped, too.
std::size_t skip_blanks(std::string_view sql, std::size_t at);

}  // namespace pgphase
