#include "plans/changes/linked.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plans/sql/quote.hpp"

namespace pgphase::linked {
namespace {

// "absent" or "null": true for the first.
bool read_word(TableReader& reader, std::string_view key, std::string_view first, std::string_view second,
               bool unless) {
  const auto word = reader.string(key);
  if (!word) return unless;
  if (*word != first && *word != second) {
    reader.error(key, fmt::format("`{}` is \"{}\" or \"{}\", not \"{}\"", key, first, second, *word));
  }
  return *word == first;
}

}  // namespace

void read_null_means(TableReader& reader, LinkColumnsBody& body) {
  body.null_is_absent = true;
  if (read_word(reader, "null_means", "absent", "null", true)) return;
  if (reader.string("null_means") != "null") return;  // told by read_word
  // Until the backfill has ended, a NULL that somebody has written stands in a row like one that is still to be filled.
  reader.error("null_means",
               "`null_means = \"null\"` is designed but not built yet in this version of pgphase: a NULL that is written "
               "on purpose before the backfill has ended would be filled like one that nobody has written",
               "let code that writes NULL on purpose ship after constraint");
}

void read_on_error(TableReader& reader, LinkColumnsBody& body) {
  body.errors_become_null = read_word(reader, "on_error", "null", "reject", false);
}

void read_manner(TableReader& reader, LinkColumnsBody& body) {
  read_null_means(reader, body);
  read_on_error(reader, body);
}

void read_down(TableReader& reader, LinkColumnsBody& body, bool first) {
  const Value* value = reader.value("down");
  if (!value) return;
  if (!std::holds_alternative<Table>(value->data) && (first || body.sources.size() == 1)) {
    if (auto parsed = keys::expression_or_literal(reader.findings(), *value, "down")) {
      body.sources.front().expression = parsed->text;
    }
    return;
  }
  const Table* down = reader.table("down");  // notes what it is instead
  if (!down) return;
  for (const Entry& entry : down->entries) {
    const auto source = std::find_if(body.sources.begin(), body.sources.end(),
                                     [&](const LinkedColumn& column) { return column.name == entry.key; });
    if (source == body.sources.end()) {
      reader.findings().add(entry.at,
                            fmt::format("`down` leads back to {}, which the new column is not made from", entry.key));
      continue;
    }
    if (auto parsed = keys::expression_or_literal(reader.findings(), entry.value, "down." + entry.key)) {
      source->expression = parsed->text;
    }
  }
}

void add_sources(TableReader& reader, std::string_view key, const keys::Sql& up, LinkColumnsBody& body) {
  const auto& parsed = up.parsed;
  const bool whole_row = parsed.reads_whole_row || std::find(parsed.columns.begin(), parsed.columns.end(),
                                                             body.table.name) != parsed.columns.end();
  if (whole_row) {
    reader.error(key,
                 fmt::format("`{}` reads the whole row, so that pgphase cannot tell which columns it follows", key),
                 "name the columns");
    return;
  }
  for (const auto& column : parsed.columns) {
    const bool known = std::any_of(body.sources.begin(), body.sources.end(),
                                   [&](const LinkedColumn& source) { return source.name == column; });
    if (!known) body.sources.push_back({column, "", "", ""});
  }
}

Step link_step(const std::string& name, const LinkColumnsBody& body) {
  Step step;
  step.name = name;
  step.body = body;
  step.touches = {body.table};
  return step;
}

Step fill_step(const std::string& name, const std::string& link_step, const LinkColumnsBody& body,
               std::vector<std::string> functions) {
  BackfillBody fill;
  fill.table = body.table;
  for (const auto& target : body.targets) fill.set.push_back({target.name, target.expression});
  fill.todo = Todo::fill_empty;
  fill.functions = std::move(functions);
  fill.link_step = link_step;
  Step step;
  step.name = name;
  step.body = std::move(fill);
  step.touches = {body.table};
  return step;
}

Step end_step(const std::string& name, const std::string& link_step, const TableName& table,
              std::vector<Assignment> defaults) {
  Step step;
  step.name = name;
  step.body = HandOverBody{table, link_step, {}, {}, std::move(defaults)};
  step.touches = {table};
  return step;
}

}  // namespace pgphase::linked
