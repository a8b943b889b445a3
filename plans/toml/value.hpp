// A TOML document as plain values, each with the place where it was written. The parser's own types stay inside
// plans/toml/parse.cpp. Values only; safe to share between threads once made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pgphase {

struct Position {
  int line = 0;    // 1-based; 0: the file as a whole
  int column = 0;  // 1-based, in characters
  auto operator<=>(const Position&) const = default;
};

inline constexpr std::size_t k_not_verbatim = static_cast<std::size_t>(-1);

// A string and where it was written.
struct Text {
  std::string text;
  Position at;
  std::size_t offset = k_not_verbatim;  // of its first byte in the file; k_not_verbatim when escapes were used
};

struct Entry;
struct Value;

struct Table {
  std::vector<Entry> entries;  // in the order of the file
  Position at;

  const Entry* find(std::string_view key) const;
};

// A TOML date or time: no key of ours takes one, but the error must be able to say what was found.
struct DateOrTime {};

struct Value {
  std::variant<std::string, std::int64_t, double, bool, std::vector<Value>, Table, DateOrTime> data;
  Position at;
  std::size_t offset = k_not_verbatim;  // strings only, as in Text

  const char* kind() const;  // "a string", "an integer", … for messages
};

struct Entry {
  std::string key;
  Position at;  // of the key
  Value value;
};

struct Document {
  std::string file;
  std::string text;
  Table root;
};

}  // namespace pgphase
