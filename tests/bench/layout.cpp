#include "tests/bench/layout.hpp"

#include <algorithm>

namespace pgphase::bench {
namespace {

// Of UTF-8: every byte but those that continue a character.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - width(cells[i]), ' ');
    out += i == 0 ? cells[i] + padding : "  " + padding + cells[i];
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const auto& cell : cells) {
    out += ' ';
    for (const char c : cell) out += c == '|' ? std::string("\\|") : std::string(1, c);
    out += " |";
  }
  return out + "\n";
}

}  // namespace

std::string as_text(const Grid& grid) {
  std::vector<std::size_t> widths(grid.heads.size(), 0);
  const auto widen = [&widths](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths.at(i) = std::max(widths.at(i), width(cells[i]));
  };
  widen(grid.heads);
  for (const auto& row : grid.rows) widen(row);
  std::string out = line(grid.heads, widths);
  for (const auto& row : grid.rows) out += line(row, widths);
  return out;
}

std::string as_markdown(const Grid& grid) {
  std::string out = markdown_line(grid.heads) + "|";
  for (std::size_t i = 0; i < grid.heads.size(); ++i) out += i == 0 ? " --- |" : " ---: |";
  out += "\n";
  for (const auto& row : grid.rows) out += markdown_line(row);
  return out;
}

std::string with_section(const std::string& page, const std::string& name, const std::string& body) {
  const std::string opening = "<!-- " + name + " -->\n";
  const std::string closing = "<!-- /" + name + " -->\n";
  const auto begin = page.find(opening);
  const auto end = begin == std::string::npos ? begin : page.find(closing, begin);
  if (end == std::string::npos) return page + (page.empty() ? "" : "\n") + opening + body + closing;
  return page.substr(0, begin) + opening + body + page.substr(end);
}

}  // namespace pgphase::bench
