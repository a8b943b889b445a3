#include "orchestrator/cli/sql_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "plans/base/one_line.hpp"
#include "plans/sql/script.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

Error unreadable(const std::string& path, const std::string& why) {
  return make_error(Errc::usage, fmt::format("{} cannot be read: {}", one_line(path), why));
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}

// As people number files: V2 comes before V10. Otherwise by bytes.
bool comes_first(std::string_view a, std::string_view b) {
  const auto number = [](std::string_view& text) {
    std::size_t end = 0;
    while (end < text.size() && digit(text[end])) ++end;
    auto out = text.substr(0, end);
    text.remove_prefix(end);
    out.remove_prefix(std::min(out.find_first_not_of('0'), out.size()));
    return out;
  };
  while (!a.empty() && !b.empty()) {
    if (digit(a[0]) && digit(b[0])) {
      const auto left = number(a), right = number(b);
      if (left.size() != right.size()) return left.size() < right.size();
      if (left != right) return left < right;
    } else {
      if (a[0] != b[0]) return static_cast<unsigned char>(a[0]) < static_cast<unsigned char>(b[0]);
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  return a.size() < b.size();
}

// What a migration tool runs to go back: golang-migrate's x.down.sql, Diesel's down.sql, Flyway's U2__x.sql.
bool goes_back(const fs::path& file) {
  const auto name = file.filename().string();
  const bool of_flyway = name.size() > 1 && name[0] == 'U' && digit(name[1]) && name.find("__") != name.npos;
  return name == "down.sql" || name.ends_with(".down.sql") || of_flyway;
}

// Flyway's R__x.sql come after all that have a version.
bool is_repeatable(std::string_view path) {
  return path.substr(path.rfind('/') + 1).starts_with("R__");
}

// Flyway's V2__x.sql comes before V2.1__y.sql: the version ends where the name begins.
bool in_order(const std::string& a, const std::string& b) {
  if (is_repeatable(a) != is_repeatable(b)) return is_repeatable(b);
  const auto version = [](std::string_view path) { return path.substr(0, std::min(path.find("__"), path.size())); };
  if (version(a) == version(b)) return comes_first(a, b);
  return comes_first(version(a), version(b));
}

// dbmate and goose write the way back into the same file, behind a mark. It becomes blanks, so that places stay.
void blank_the_way_back(std::string& text) {
  bool back = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    const auto is = [line](std::string_view mark) { return line.starts_with(mark); };
    if (is("-- migrate:down") || is("-- +goose Down")) back = true;
    if (is("-- migrate:up") || is("-- +goose Up")) back = false;
    if (back) std::fill(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    at = end + 1;
  }
}

}  // namespace

Result<std::vector<std::string>> sql_files(const std::string& path) {
  if (path == "-") return std::vector{path};
  std::error_code problem;
  const auto status = fs::status(path, problem);
  if (!fs::exists(status)) return unreadable(path, "there is no such file");
  if (problem) return unreadable(path, problem.message());
  if (!fs::is_directory(status)) return std::vector{path};
  std::vector<std::string> out;
  fs::recursive_directory_iterator entry(path, problem);
  for (const fs::recursive_directory_iterator end; !problem && entry != end; entry.increment(problem)) {
    std::error_code ignored;
    const bool sql = entry->path().extension() == ".sql" && entry->is_regular_file(ignored);
    if (sql && !goes_back(entry->path())) out.push_back(entry->path().string());
  }
  if (problem) return unreadable(path, problem.message());
  if (out.empty()) return unreadable(path, "there is no file *.sql in it");
  std::sort(out.begin(), out.end(), in_order);
  return out;
}

// Of what is too large, enough for that to be seen.
Result<std::string> sql_text(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return unreadable(path, "it cannot be opened");
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string out;
  std::string piece(64UL * 1024, '\0');
  while (out.size() <= k_max_script_bytes && in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    out.append(piece, 0, static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return unreadable(path, "reading it failed");
  // Some editors of Windows begin a file with this mark; PostgreSQL does not know it.
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  blank_the_way_back(out);
  return out;
}

}  // namespace pgphase
