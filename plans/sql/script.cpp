#include "plans/sql/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "plans/base/utf8.hpp"
#include "plans/sql/blanks.hpp"
#include "plans/sql/tokens.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase {
namespace {

// A function's body after BEGIN ATOMIC holds semicolons of its own, so that its pieces are put together again.
constexpr std::size_t k_most_pieces = 200;

// Where each statement ends: a semicolon that stands in no parentheses, and the end of the text.
std::vector<std::size_t> ends_in(const std::string& sql, Script& out) {
  const auto tokens = tree::scan(sql);
  if (!tokens.error.empty()) {
    out.error = tokens.error;
    out.error_at = tokens.error_at;
    return {};
  }
  std::vector<std::size_t> ends;
  int depth = 0;
  for (const auto& token : tokens.all) {
    if (token.kind == tree::TokenKind::opens) ++depth;
    if (token.kind == tree::TokenKind::closes && depth > 0) --depth;
    if (token.kind == tree::TokenKind::semicolon && depth == 0) ends.push_back(token.begin);
  }
  ends.push_back(sql.size());
  return ends;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view line_at(std::string_view text, std::size_t at) {
  return text.substr(at, std::min(text.find('\n', at), text.size()) - at);
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r") - from + 1);
}

bool copies_from_stdin(std::string_view line) {
  const auto text = lowered(trimmed(line));
  return text.starts_with("copy ") && text.ends_with(";") && text.find(" from stdin") != std::string::npos;
}

// Commands of psql that send the statement before them, as a semicolon would.
bool sends_statement(std::string_view command) {
  constexpr std::string_view k_all[] = {"\\g", "\\gx", "\\gexec", "\\gset", "\\gdesc", "\\crosstabview", "\\watch"};
  command = command.substr(0, command.find_first_of(" \t"));
  return std::find(std::begin(k_all), std::end(k_all), command) != std::end(k_all);
}

// Where such a command stands at the end of a line with SQL before it, or the line's end.
std::size_t sending_command(std::string_view line) {
  const auto at = line.rfind(" \\g");
  return at != std::string_view::npos && sends_statement(trimmed(line.substr(at + 1))) ? at + 1 : line.size();
}

// What psql takes for itself is no SQL, and the scanner would stumble over it: it becomes blanks, byte for byte. The
// places of the commands are noted.
std::string without_psql(std::string_view text, std::vector<std::pair<std::size_t, std::size_t>>& commands) {
  std::string out(text);
  bool data = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto line = line_at(text, at);
    const bool ends_data = data && trimmed(line) == "\\.";
    // A backslash at the very beginning of a line stands in no SQL but inside a string.
    const bool command = !data && !line.empty() && line[0] == '\\';
    if (data || command) std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), line.size(), ' ');
    if (command) commands.emplace_back(at, at + trimmed(line).size());
    if (command && sends_statement(trimmed(line))) out[at] = ';';
    if (const auto sent = sending_command(line); !data && !command && sent < line.size()) {
      std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at + sent), line.size() - sent, ' ');
      out[at + sent] = ';';
      commands.emplace_back(at + sent, at + sent + trimmed(line.substr(sent)).size());
    }
    if (ends_data) {
      data = false;
    } else if (!data && copies_from_stdin(line)) {
      data = true;
    }
    at += line.size() + 1;
  }
  return out;
}

std::size_t without_blanks_behind(std::string_view text, std::size_t begin, std::size_t end) {
  while (end > begin && std::string_view(" \t\r\n\f\v;").find(text[end - 1]) != std::string_view::npos) --end;
  return end;
}

bool parses(std::string_view sql) {
  return static_cast<bool>(tree::parse(sql));
}

// The end of the statement that begins at pieces[from], and the piece after it.
std::size_t end_of_statement(std::string_view text, std::size_t begin, const std::vector<std::size_t>& ends,
                             std::size_t& piece) {
  const std::size_t end = ends[piece];
  if (lowered(text.substr(begin, end - begin)).find("atomic") == std::string::npos) return end;
  if (parses(text.substr(begin, end - begin))) return end;
  for (std::size_t next = piece + 1; next < std::min(ends.size(), piece + k_most_pieces); ++next) {
    if (ends[next] - begin > k_max_sql_bytes) break;
    if (!parses(text.substr(begin, ends[next] - begin))) continue;
    piece = next;
    return ends[next];
  }
  return end;
}

}  // namespace

Script take_apart(std::string_view text) {
  Script out;
  if (text.size() > k_max_script_bytes) {
    out.error = fmt::format("the file has {} bytes; more than {} are refused", text.size(), k_max_script_bytes);
    return out;
  }
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    out.error = "SQL cannot hold a NUL byte";
    out.error_at = nul;
    return out;
  }
  if (const auto wrong = first_not_utf8(text); wrong != std::string_view::npos) {
    out.error = "the text is not UTF-8";
    out.error_at = wrong;
    return out;
  }
  std::vector<std::pair<std::size_t, std::size_t>> commands;
  const std::string sql = without_psql(text, commands);
  const auto ends = ends_in(sql, out);
  std::size_t at = 0;
  std::size_t command = 0;
  const auto note_commands = [&](std::size_t before) {
    for (; command < commands.size() && commands[command].first < before; ++command) {
      out.parts.push_back({ScriptPart::Kind::psql_command, at, commands[command].first, commands[command].second});
      at = commands[command].second;
    }
  };
  for (std::size_t piece = 0; piece < ends.size(); ++piece) {
    const std::size_t begin = skip_blanks(sql, at);
    if (begin >= ends[piece]) continue;
    note_commands(begin);
    const std::size_t end = end_of_statement(sql, begin, ends, piece);
    const std::size_t last = without_blanks_behind(sql, begin, end);
    out.parts.push_back({ScriptPart::Kind::statement, at, begin, last});
    // A command in the middle of a statement is psql's affair.
    while (command < commands.size() && commands[command].first < end) ++command;
    at = end;
    if (at < sql.size() && sql[at] == ';') ++at;
  }
  note_commands(sql.size());
  out.trailing = at;
  return out;
}

Lines::Lines(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

Position Lines::at(std::size_t byte) const {
  byte = std::min(byte, text_.size());
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), byte);
  const std::size_t start = *std::prev(next);
  Position out{static_cast<int>(next - starts_.begin()), 1};
  for (std::size_t i = start; i < byte; ++i) {
    if (!continues_utf8(text_[i])) ++out.column;
  }
  return out;
}

std::string_view Lines::line(int number) const {
  if (number < 1 || number > count()) return {};
  auto out = line_at(text_, starts_[static_cast<std::size_t>(number) - 1]);
  if (out.ends_with('\r')) out.remove_suffix(1);
  return out;
}

std::vector<std::string> comments_of(std::string_view blanks) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view text) {
    if (const auto inner = trimmed(text); !inner.empty()) out.emplace_back(inner);
  };
  for (std::size_t at = 0; at + 1 < blanks.size();) {
    if (blanks.substr(at, 2) == "--") {
      const auto line = line_at(blanks, at);
      add(line.substr(2));
      at += line.size();
    } else if (blanks.substr(at, 2) == "/*") {
      const auto end = skip_comment(blanks, at);
      auto inner = blanks.substr(at + 2, end - at - 2);
      if (inner.ends_with("*/")) inner.remove_suffix(2);
      while (!inner.empty()) {
        const auto line = line_at(inner, 0);
        add(line);
        inner.remove_prefix(std::min(line.size() + 1, inner.size()));
      }
      at = end;
    } else {
      ++at;
    }
  }
  return out;
}

}  // namespace pgphase
