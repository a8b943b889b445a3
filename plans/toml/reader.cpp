#include "plans/toml/reader.hpp"

#include <fmt/format.h>

#include "plans/base/units.hpp"

namespace pgphase {

const Value* TableReader::value(std::string_view key) {
  known_.emplace(key);
  const Entry* entry = table_.find(key);
  return entry ? &entry->value : nullptr;
}

template <class T>
const T* TableReader::typed(std::string_view key, const char* wanted) {
  const Value* found = value(key);
  if (!found) return nullptr;
  if (const T* data = std::get_if<T>(&found->data)) return data;
  findings_.add(found->at, fmt::format("`{}` takes {}, not {}", key, wanted, found->kind()));
  return nullptr;
}

std::optional<Text> TableReader::text(std::string_view key) {
  const auto* data = typed<std::string>(key, "a string");
  if (!data) return std::nullopt;
  const Value& found = *value(key);
  return Text{*data, found.at, found.offset};
}

std::optional<std::string> TableReader::string(std::string_view key) {
  auto found = text(key);
  if (!found) return std::nullopt;
  return std::move(found->text);
}

std::optional<std::vector<Text>> TableReader::texts(std::string_view key) {
  const Value* found = value(key);
  if (!found) return std::nullopt;
  if (const auto* one = std::get_if<std::string>(&found->data)) return {{{*one, found->at, found->offset}}};
  const auto* items = typed<std::vector<Value>>(key, "a string or a list of strings");
  if (!items) return std::nullopt;
  std::vector<Text> out;
  for (const Value& item : *items) {
    const auto* one = std::get_if<std::string>(&item.data);
    if (!one) {
      findings_.add(item.at, fmt::format("`{}` takes a list of strings, not {} in it", key, item.kind()));
      return std::nullopt;
    }
    out.push_back({*one, item.at, item.offset});
  }
  return out;
}

std::optional<std::vector<std::string>> TableReader::strings(std::string_view key) {
  auto found = texts(key);
  if (!found) return std::nullopt;
  std::vector<std::string> out;
  for (Text& one : *found) out.push_back(std::move(one.text));
  return out;
}

std::optional<std::int64_t> TableReader::integer(std::string_view key) {
  const auto* data = typed<std::int64_t>(key, "an integer");
  return data ? std::optional(*data) : std::nullopt;
}

std::optional<double> TableReader::number(std::string_view key) {
  const Value* found = value(key);
  if (found && std::holds_alternative<std::int64_t>(found->data)) {
    return static_cast<double>(std::get<std::int64_t>(found->data));
  }
  const auto* data = typed<double>(key, "a number");
  return data ? std::optional(*data) : std::nullopt;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const auto* data = typed<bool>(key, "true or false");
  return data ? std::optional(*data) : std::nullopt;
}

std::optional<std::chrono::milliseconds> TableReader::duration(std::string_view key) {
  const auto* data = typed<std::string>(key, "a duration in quotes, like \"30s\"");
  if (!data) return std::nullopt;
  auto parsed = parse_duration(*data);
  if (parsed) return *parsed;
  error(key, parsed.error().message, parsed.error().next);
  return std::nullopt;
}

std::optional<std::uint64_t> TableReader::bytes(std::string_view key) {
  const auto* data = typed<std::string>(key, "a size in quotes, like \"16MiB\"");
  if (!data) return std::nullopt;
  auto parsed = parse_bytes(*data);
  if (parsed) return *parsed;
  error(key, parsed.error().message, parsed.error().next);
  return std::nullopt;
}

const Table* TableReader::table(std::string_view key) {
  return typed<Table>(key, "a table");
}

const std::vector<Value>* TableReader::array(std::string_view key) {
  return typed<std::vector<Value>>(key, "a list");
}

std::vector<const Table*> TableReader::tables(std::string_view key) {
  std::vector<const Table*> out;
  const auto* items = typed<std::vector<Value>>(key, "a list of tables");
  if (!items) return out;
  for (const Value& item : *items) {
    if (const auto* one = std::get_if<Table>(&item.data)) {
      out.push_back(one);
    } else {
      findings_.add(item.at, fmt::format("`{}` takes a list of tables, not {} in it", key, item.kind()));
    }
  }
  return out;
}

std::optional<std::string> TableReader::required_string(std::string_view key) {
  if (!has(key)) missing(key);
  return string(key);
}

std::optional<Text> TableReader::required_text(std::string_view key) {
  if (!has(key)) missing(key);
  return text(key);
}

Position TableReader::at(std::string_view key) const {
  const Entry* entry = table_.find(key);
  return entry ? entry->value.at : table_.at;
}

void TableReader::missing(std::string_view key) {
  known_.emplace(key);
  findings_.add(table_.at, fmt::format("`{}` is missing in {}", key, what_));
}

void TableReader::error(std::string_view key, std::string message, std::string suggestion) {
  known_.emplace(key);
  findings_.add(at(key), std::move(message), std::move(suggestion));
}

void TableReader::not_built(std::string_view key, std::string instead) {
  silent_.emplace(key);
  if (const Entry* entry = table_.find(key)) {
    findings_.add(entry->at, fmt::format("`{}` is designed but not built yet in this version of pgphase", key),
                  std::move(instead));
  }
}

void TableReader::refused(std::string_view key, std::string why) {
  silent_.emplace(key);
  if (const Entry* entry = table_.find(key)) findings_.add(entry->at, std::move(why));
}

void TableReader::finish() {
  const std::vector<std::string> candidates(known_.begin(), known_.end());
  for (const Entry& entry : table_.entries) {
    if (known_.contains(entry.key) || silent_.contains(entry.key)) continue;
    const std::string meant = nearest(entry.key, candidates);
    std::string suggestion;
    if (!meant.empty()) {
      suggestion = fmt::format("did you mean `{}`?", meant);
    } else {
      for (const auto& name : candidates) suggestion += (suggestion.empty() ? "known keys: `" : ", `") + name + "`";
    }
    findings_.add(entry.at, fmt::format("`{}` is not a key of {}", entry.key, what_), std::move(suggestion));
  }
}

}  // namespace pgphase
