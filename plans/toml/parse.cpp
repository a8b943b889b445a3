#include "plans/toml/parse.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "plans/base/units.hpp"
#include "plans/toml/key_depth.hpp"

namespace pgphase {
namespace {

Position position_of(const toml::source_position& at) {
  return {static_cast<int>(at.line), static_cast<int>(at.column)};
}

// Turns the library's nodes into ours. The library sorts keys by name and forgets the order of the file: it is
// restored from the positions.
class Converter {
 public:
  explicit Converter(std::string_view text) : text_(text) {
    line_starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') line_starts_.push_back(i + 1);
    }
  }

  Table table(const toml::table& from) const {
    Table out;
    out.at = position_of(from.source().begin);
    for (auto&& [key, node] : from) {
      out.entries.push_back({std::string(key.str()), position_of(key.source().begin), value(node)});
    }
    std::sort(out.entries.begin(), out.entries.end(), [](const Entry& a, const Entry& b) { return a.at < b.at; });
    return out;
  }

 private:
  Value value(const toml::node& from) const {
    Value out;
    out.at = position_of(from.source().begin);
    if (const auto* text = from.as_string()) {
      out.data = text->get();
      out.offset = verbatim_offset(text->get(), from.source());
    } else if (const auto* integer = from.as_integer()) {
      out.data = integer->get();
    } else if (const auto* number = from.as_floating_point()) {
      out.data = number->get();
    } else if (const auto* boolean = from.as_boolean()) {
      out.data = boolean->get();
    } else if (const auto* array = from.as_array()) {
      std::vector<Value> items;
      for (const auto& item : *array) items.push_back(value(item));
      out.data = std::move(items);
    } else if (const auto* inner = from.as_table()) {
      out.data = table(*inner);
    } else {
      out.data = DateOrTime{};
    }
    return out;
  }

  // Where the string's bytes begin in the file, if they stand there as they are (no escapes, no CRLF inside).
  std::size_t verbatim_offset(const std::string& value, const toml::source_region& region) const {
    std::size_t at = offset_of(region.begin);
    const auto rest = text_.substr(std::min(at, text_.size()));
    const bool multi = rest.starts_with("\"\"\"") || rest.starts_with("'''");
    at += multi ? 3 : 1;
    if (multi && text_.substr(at).starts_with("\r\n"))
      at += 2;
    else if (multi && text_.substr(at).starts_with('\n'))
      at += 1;
    return at <= text_.size() && text_.substr(at, value.size()) == value ? at : k_not_verbatim;
  }

  std::size_t offset_of(const toml::source_position& at) const {
    if (at.line == 0 || at.line > line_starts_.size()) return text_.size();
    std::size_t offset = line_starts_[at.line - 1];
    for (unsigned column = 1; column < at.column && offset < text_.size(); ++column) {
      do ++offset;
      while (offset < text_.size() && (static_cast<unsigned char>(text_[offset]) & 0xC0) == 0x80);
    }
    return offset;
  }

  std::string_view text_;
  std::vector<std::size_t> line_starts_;
};

// The library says "Error while parsing key-value pair: cannot redefine …": the first half helps nobody.
std::string without_preamble(std::string_view description) {
  if (description.starts_with("Error while parsing ")) {
    if (const auto colon = description.find(": "); colon != std::string_view::npos)
      description.remove_prefix(colon + 2);
  }
  return std::string(description);
}

std::string too_large(std::size_t bytes) {
  return fmt::format("the file has {} bytes; more than {} is refused", bytes, format_bytes(k_max_file_bytes));
}

// "\u0000" is TOML, but neither a PostgreSQL text nor a C string can hold it: found here, once, for every key.
void note_nul(const Value& value, Findings& findings) {
  if (const auto* text = std::get_if<std::string>(&value.data); text && text->find('\0') != std::string::npos) {
    findings.add(value.at, "the string holds a NUL character");
  } else if (const auto* items = std::get_if<std::vector<Value>>(&value.data)) {
    for (const Value& item : *items) note_nul(item, findings);
  } else if (const auto* table = std::get_if<Table>(&value.data)) {
    for (const Entry& entry : table->entries) {
      if (entry.key.find('\0') != std::string::npos) findings.add(entry.at, "the key holds a NUL character");
      note_nul(entry.value, findings);
    }
  }
}

Diagnostics whole_file(std::string file, std::string message, std::string suggestion = {}) {
  Diagnostic found;
  found.file = std::move(file);
  found.message = std::move(message);
  found.suggestion = std::move(suggestion);
  return {std::move(found)};
}

}  // namespace

Checked<Document> parse_toml(std::string_view text, std::string file) {
  if (text.size() > k_max_file_bytes) return whole_file(std::move(file), too_large(text.size()));
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return whole_file(std::move(file), "the file is empty");
  }
  Findings findings(file, text);
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n') + 1;
    findings.add({static_cast<int>(line), 1}, "the line holds a NUL byte: this is not a text file");
    return findings.take();
  }
  if (const auto at = key_too_deep(text)) {
    findings.add(*at, fmt::format("the key has more than {} parts with dots between them", k_max_key_parts));
    return findings.take();
  }
  try {
    Document document;
    document.root = Converter(text).table(toml::parse(text, std::string_view(file)));
    for (const Entry& entry : document.root.entries) note_nul(entry.value, findings);
    if (!findings.empty()) return findings.take();
    document.file = std::move(file);
    document.text = std::string(text);
    return document;
  } catch (const toml::parse_error& error) {
    std::string why = without_preamble(error.description());
    if (why.find("utf-8") != std::string::npos) {
      why = "the file is not UTF-8 here";
    } else {
      why = "not valid TOML: " + why;
    }
    findings.add(position_of(error.source().begin), std::move(why));
    return findings.take();
  }
}

Checked<std::string> read_text_file(const std::filesystem::path& path) {
  const auto because_of_errno = [&] {
    return whole_file(path.string(), fmt::format("cannot be read: {}", std::strerror(errno)));
  };
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return because_of_errno();
  if (S_ISDIR(info.st_mode)) return whole_file(path.string(), "is a directory, not a file");
  if (!S_ISREG(info.st_mode)) return whole_file(path.string(), "is not a regular file");
  const auto bytes = static_cast<std::size_t>(info.st_size);
  if (bytes > k_max_file_bytes) return whole_file(path.string(), too_large(bytes));
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return because_of_errno();
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return because_of_errno();
  return text;
}

}  // namespace pgphase
