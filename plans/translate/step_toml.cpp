#include "plans/translate/step_toml.hpp"

#include <fmt/format.h>

#include "plans/translate/change_toml.hpp"

namespace pgphase::translate {
namespace {

constexpr std::string_view k_three = "\"\"\"";

// Lines stay lines; what a TOML string cannot hold as it is, is escaped.
std::string multi_line(std::string_view text) {
  std::string out(k_three);
  out += '\n';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + std::string(k_three);
}

std::string list(const std::vector<std::string>& texts) {
  if (texts.size() == 1) return quoted(texts.front());
  std::string out = "[\n";
  for (const auto& text : texts) out += "  " + quoted(text) + ",\n";
  return out + "]";
}

// A key that is no bare one is put in quotes.
std::string key(const std::string& name) {
  const bool bare = !name.empty() && name.find_first_not_of(
                                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789_-") == std::string::npos;
  return bare ? name : toml_text(name);
}

}  // namespace

std::string quoted(std::string_view text) {
  return text.find('\n') == std::string_view::npos ? toml_text(text) : multi_line(text);
}

std::string to_toml(const StepToml& step) {
  std::string out =
      fmt::format("[[{}]]\nname = {}\nsql = {}\n", to_string(step.phase), toml_text(step.name), list(step.sql));
  if (step.stays_with_table) {
    out += "stays_with_table = true\n";
  } else if (!step.irreversible.empty()) {
    out += fmt::format("irreversible = {}\n", toml_text(step.irreversible));
  } else {
    out += fmt::format("rollback = {}\n", list(step.rollback));
  }
  return out;
}

std::string if_not_exists(const std::string& what) {
  return fmt::format("IF NOT EXISTS is left out: where {} is there already, `up` refuses the plan before anything runs",
                     what);
}

std::string if_exists(const std::string& what) {
  return fmt::format("IF EXISTS is left out: where {} is not there, `up` refuses the plan before anything runs", what);
}

std::string backfill_toml(const std::string& name, const TableName& table,
                          const std::vector<std::pair<std::string, std::string>>& set, const std::string& where,
                          bool once) {
  std::string out = fmt::format("[[backfill]]\nname = {}\n", toml_text(name));
  if (table.schema != "public") out += fmt::format("schema = {}\n", toml_text(table.schema));
  out += fmt::format("table = {}\nset = {{ ", toml_text(table.name));
  for (std::size_t i = 0; i < set.size(); ++i) {
    out += fmt::format("{}{} = {}", i == 0 ? "" : ", ", key(set[i].first), toml_text(set[i].second));
  }
  out += " }\n";
  if (!where.empty()) out += fmt::format("where = {}\n", quoted(where));
  if (once) out += "once = true\n";
  return out;
}

}  // namespace pgphase::translate
