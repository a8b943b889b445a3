// UTF-8, byte by byte. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgphase {

// Bytes of the character at the front of the text, which must not be empty; 0 when there is none.
std::size_t utf8_length(std::string_view text);

// Where the first byte stands that belongs to no character; npos when all do.
std::size_t first_not_utf8(std::string_view text);

constexpr bool continues_utf8(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

}  // namespace pgphase
