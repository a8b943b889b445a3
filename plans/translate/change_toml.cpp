#include "plans/translate/change_toml.hpp"

#include <fmt/format.h>

namespace pgphase::translate {
namespace {

std::string list_of(const std::vector<std::string>& values) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + toml_text(value);
  return "[" + out + "]";
}

}  // namespace

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

ChangeToml::ChangeToml(std::string_view op, const TableName& table) : out_("[[change]]\n") {
  text("op", op);
  if (table.schema != "public") text("schema", table.schema);
  if (!table.name.empty()) text("table", table.name);
}

ChangeToml& ChangeToml::text(std::string_view key, std::string_view value) {
  out_ += fmt::format("{} = {}\n", key, toml_text(value));
  return *this;
}

ChangeToml& ChangeToml::list(std::string_view key, const std::vector<std::string>& values) {
  out_ += fmt::format("{} = {}\n", key, list_of(values));
  return *this;
}

ChangeToml& ChangeToml::yes(std::string_view key) {
  return raw(key, "true");
}

ChangeToml& ChangeToml::no(std::string_view key) {
  return raw(key, "false");
}

ChangeToml& ChangeToml::raw(std::string_view key, std::string_view toml) {
  out_ += fmt::format("{} = {}\n", key, toml);
  return *this;
}

ChangeToml& ChangeToml::reference(std::string_view key, const TableName& table,
                                  const std::vector<std::string>& columns) {
  out_ += fmt::format("{} = {{ ", key);
  if (table.schema != "public") out_ += fmt::format("schema = {}, ", toml_text(table.schema));
  out_ += fmt::format("table = {}", toml_text(table.name));
  if (!columns.empty()) out_ += fmt::format(", columns = {}", list_of(columns));
  out_ += " }\n";
  return *this;
}

}  // namespace pgphase::translate
