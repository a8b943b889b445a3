#include "plans/toml/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plans/base/utf8.hpp"

namespace pgphase {
namespace {

// Longer lines are cut for display, around the place that matters.
constexpr std::size_t k_widest_excerpt = 160;

std::string line_of(std::string_view text, int line) {
  for (int at = 1; at < line; ++at) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  std::string out;
  while (!text.empty()) {
    const auto length = utf8_length(text);
    // An excerpt goes to a terminal, where no control character of the file may act, and into JSON, which is UTF-8.
    const bool control = static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7f;
    if (length == 0 || control) {
      out += length == 0 ? '?' : ' ';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

void render_excerpt(std::string& out, const Diagnostic& found) {
  std::string_view line = found.excerpt;
  std::size_t byte = 0;
  for (int column = 1; column < found.column && byte < line.size(); ++column) {
    do ++byte;
    while (byte < line.size() && continues_utf8(line[byte]));
  }
  if (line.size() > k_widest_excerpt) {
    std::size_t from = byte > k_widest_excerpt / 2 ? byte - k_widest_excerpt / 2 : 0;
    while (from < line.size() && continues_utf8(line[from])) ++from;
    std::size_t to = std::min(line.size(), from + k_widest_excerpt);
    while (to < line.size() && continues_utf8(line[to])) ++to;
    line = line.substr(from, to - from);
    byte -= std::min(byte, from);
  }
  const auto width = static_cast<std::size_t>(
      std::count_if(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(std::min(byte, line.size())),
                    [](char c) { return !continues_utf8(c); }));
  out += fmt::format("    {}\n    {}^\n", line, std::string(width, ' '));
}

}  // namespace

std::string render(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& found : diagnostics) {
    out += found.file;
    if (found.line > 0) out += fmt::format(":{}:{}", found.line, found.column);
    out += fmt::format(": {}: {}{}\n", to_string(found.severity), found.message,
                       found.rule.empty() ? "" : fmt::format(" [{}]", found.rule));
    if (!found.excerpt.empty()) render_excerpt(out, found);
    if (!found.suggestion.empty()) out += fmt::format("    {}\n", found.suggestion);
  }
  return out;
}

Error to_error(const Diagnostics& diagnostics, Errc code) {
  std::string text = render(diagnostics);
  if (text.ends_with('\n')) text.pop_back();
  return make_error(code, std::move(text));
}

void throw_exception_from_error(const Diagnostics& diagnostics, const boost::source_location& where) {
  boost::throw_exception(std::logic_error(render(diagnostics)), where);
}

Diagnostic Findings::at(Position place, std::string message, std::string suggestion) const {
  Diagnostic found;
  found.file = file_;
  found.line = place.line;
  found.column = place.column;
  found.message = std::move(message);
  found.suggestion = std::move(suggestion);
  if (place.line > 0) found.excerpt = line_of(text_, place.line);
  return found;
}

Position Findings::inside(const Text& where, std::size_t character) const {
  Position at = where.at;
  if (where.offset == k_not_verbatim || where.offset > text_.size()) return at;
  // Count lines and columns from the beginning of the line in which the string's first byte stands.
  std::size_t line_start = where.offset == 0 ? std::string_view::npos : text_.rfind('\n', where.offset - 1);
  line_start = line_start == std::string_view::npos ? 0 : line_start + 1;
  const auto lines = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(line_start), '\n');
  at.line = static_cast<int>(lines) + 1;
  at.column = 1;
  std::size_t left = character;
  for (std::size_t i = line_start; i < text_.size(); ++i) {
    if (continues_utf8(text_[i])) continue;
    if (i >= where.offset) {
      if (left == 0) break;
      --left;
    }
    if (text_[i] == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return at;
}

void Findings::add(Position place, std::string message, std::string suggestion) {
  found_.push_back(at(place, std::move(message), std::move(suggestion)));
}

void Findings::add_inside(const Text& where, std::size_t character, std::string message, std::string suggestion) {
  add(inside(where, character), std::move(message), std::move(suggestion));
}

void Findings::add_about(Position place, Severity severity, std::string_view rule, std::string message,
                         std::string suggestion) {
  auto found = at(place, std::move(message), std::move(suggestion));
  found.severity = severity;
  found.rule = rule;
  (severity == Severity::error ? found_ : remarks_).push_back(std::move(found));
}

namespace {

Diagnostics in_order(Diagnostics found) {
  std::stable_sort(found.begin(), found.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  return found;
}

}  // namespace

Diagnostics Findings::take() {
  return in_order(std::exchange(found_, {}));
}

Diagnostics Findings::take_remarks() {
  return in_order(std::exchange(remarks_, {}));
}

}  // namespace pgphase
