// A file of SQL, taken apart into its statements without understanding them, so that one that is wrong does not hide
// the others. Places are bytes of the text. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plans/toml/value.hpp"

namespace pgphase {

struct ScriptPart {
  enum class Kind { statement, psql_command };
  Kind kind = Kind::statement;
  std::size_t leading = 0;  // where the blanks and comments before it begin
  std::size_t begin = 0;    // its first byte
  std::size_t end = 0;      // behind its last byte, its semicolon left out
};

struct Script {
  std::vector<ScriptPart> parts;
  std::size_t trailing = 0;  // where what comes after the last part begins: blanks and comments
  std::string error;         // why the rest could not be taken apart, or empty
  std::size_t error_at = 0;
};

// Lines of data after COPY … FROM stdin, as pg_dump writes them, belong to their statement and are passed over.
Script take_apart(std::string_view text);

// Larger files are refused.
inline constexpr std::size_t k_max_script_bytes = 64UL * 1024 * 1024;

// Lines and columns of a text.
class Lines {
 public:
  explicit Lines(std::string_view text);
  Position at(std::size_t byte) const;      // a byte behind the end: the end
  std::string_view line(int number) const;  // without its end; 1-based
  int count() const { return static_cast<int>(starts_.size()); }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

// The comments of a stretch of blanks and comments, without their marks.
std::vector<std::string> comments_of(std::string_view blanks);

}  // namespace pgphase
