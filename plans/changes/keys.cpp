#include "plans/changes/keys.hpp"

#include <fmt/format.h>

#include <cmath>

namespace pgphase::keys {

bool check_identifier(Findings& findings, Position at, std::string_view key, const std::string& name) {
  // NAMEDATALEN - 1. PostgreSQL would cut a longer one silently, and two names could become one.
  constexpr std::size_t k_longest = 63;
  std::string why;
  if (name.empty())
    why = "is empty";
  else if (name.size() > k_longest)
    why = fmt::format("has {} bytes; PostgreSQL keeps {}", name.size(), k_longest);
  else if (name.find('\0') != std::string::npos)
    why = "holds a NUL byte";
  else if (name == "pgphase" || name.starts_with("_pgphase_") || name == "pgphase_retired") {
    why = "is a name that pgphase keeps for itself";
  }
  if (!why.empty()) findings.add(at, fmt::format("the name in `{}` {}", key, why));
  return why.empty();
}

std::optional<std::string> identifier(TableReader& reader, std::string_view key) {
  auto name = reader.required_string(key);
  if (!name || !check_identifier(reader.findings(), reader.at(key), key, *name)) return std::nullopt;
  return name;
}

std::string schema(TableReader& reader) {
  auto name = reader.string("schema");
  if (!name || !check_identifier(reader.findings(), reader.at("schema"), "schema", *name)) return "public";
  return *name;
}

std::optional<TableName> table(TableReader& reader) {
  const std::string in_schema = schema(reader);
  auto name = identifier(reader, "table");
  if (!name) return std::nullopt;
  return TableName{in_schema, *name};
}

std::optional<std::vector<std::string>> identifiers(TableReader& reader, std::string_view key) {
  const auto found = reader.texts(key);
  if (!found) return std::nullopt;
  std::vector<std::string> out;
  for (const Text& one : *found) {
    if (!check_identifier(reader.findings(), one.at, key, one.text)) return std::nullopt;
    out.push_back(one.text);
  }
  return out;
}

void sql_error(Findings& findings, const Text& where, std::string_view key, const SqlError& error,
               std::string suggestion) {
  findings.add_inside(where, error.character, fmt::format("`{}`: {}", key, error.message), std::move(suggestion));
}

std::optional<Sql> expression(Findings& findings, const Text& text, std::string_view key) {
  auto parsed = parse_expression(text.text);
  if (!parsed) {
    sql_error(findings, text, key, parsed.error());
    return std::nullopt;
  }
  return Sql{text.text, std::move(*parsed)};
}

std::optional<Sql> expression(TableReader& reader, std::string_view key) {
  const auto found = reader.text(key);
  if (!found) return std::nullopt;
  return expression(reader.findings(), *found, key);
}

std::optional<Sql> expression_or_literal(Findings& findings, const Value& value, std::string_view key) {
  Sql out;
  out.parsed.stands_bare = true;
  if (const auto* text = std::get_if<std::string>(&value.data)) {
    return expression(findings, {*text, value.at, value.offset}, key);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value.data)) {
    out.text = fmt::format("{}", *integer);
  } else if (const auto* number = std::get_if<double>(&value.data); number && std::isfinite(*number)) {
    out.text = fmt::format("{}", *number);
  } else if (const auto* boolean = std::get_if<bool>(&value.data)) {
    out.text = *boolean ? "true" : "false";
  } else {
    findings.add(value.at, fmt::format("`{}` takes SQL in a string, a number or a boolean, not {}", key,
                                       number ? "a float that is not finite" : value.kind()));
    return std::nullopt;
  }
  return out;
}

std::optional<ColumnType> type(TableReader& reader) {
  const auto found = reader.required_text("type");
  if (!found) return std::nullopt;
  auto parsed = parse_type(found->text);
  if (!parsed) {
    sql_error(reader.findings(), *found, "type", parsed.error());
    return std::nullopt;
  }
  return ColumnType{found->text, std::move(*parsed)};
}

std::string default_clause(const Sql& value) {
  return value.parsed.stands_bare ? " DEFAULT " + value.text : " DEFAULT (" + value.text + ")";
}

std::optional<std::string> restore(TableReader& reader) {
  const Value* value = reader.value("restore");
  if (!value) return std::nullopt;
  const auto parsed = expression_or_literal(reader.findings(), *value, "restore");
  return parsed ? std::optional(parsed->text) : std::nullopt;
}

std::string query(TableReader& reader, std::string_view key) {
  const auto found = reader.text(key);
  if (!found) return {};
  if (auto parsed = parse_query(found->text); !parsed) sql_error(reader.findings(), *found, key, parsed.error());
  return found->text;
}

}  // namespace pgphase::keys
