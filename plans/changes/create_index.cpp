// create_index: CREATE INDEX CONCURRENTLY, which never makes a reader or writer wait. In the additive phase, unless it
// covers a column that this plan fills: an index on such a column makes every update of the fill touch every index,
// so it is built when the fill is done, as the last step of the backfill phase (measured: docs/design/backfill.md).
#include <fmt/format.h>

#include <algorithm>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

struct IndexParts {
  TableName table;
  std::string name;
  std::string sql;                   // without CREATE INDEX …
  std::vector<std::string> columns;  // every column it depends on
  bool unique = false;
};

class CreateIndex : public Change {
 public:
  CreateIndex(Position at, IndexParts parts) : Change(at), parts_(std::move(parts)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts& facts, StepSink& sink, Findings&) const override {
    const bool fills = std::any_of(parts_.columns.begin(), parts_.columns.end(), [&](const std::string& column) {
      return facts.filled.contains({parts_.table, column});
    });
    const TableName index{parts_.table.schema, parts_.name};
    Statement build;
    build.kind = StatementKind::create_index_concurrently;
    build.sql = fmt::format("CREATE {}INDEX CONCURRENTLY {} ON {} {}", parts_.unique ? "UNIQUE " : "",
                            quote_ident(parts_.name), qualified(parts_.table), parts_.sql);
    build.locks = {{parts_.table, LockMode::share_update_exclusive}};
    build.note = "scans the table twice; reads and writes go on";
    if (fills) build.note += "; built last, because this plan fills a column of it";
    build.index = index;
    Statement undo;
    undo.kind = StatementKind::drop_index_concurrently;
    undo.sql = "DROP INDEX CONCURRENTLY " + qualified(index);
    undo.locks = build.locks;
    undo.note = "waits for every transaction that uses the table; reads and writes go on";
    undo.index = index;
    Step step;
    step.name = "create_index " + display_name(index);
    step.body = SqlBody{{std::move(build)}, {std::move(undo)}};
    step.touches = {parts_.table};
    if (fills)
      sink.add_last(Phase::backfill, std::move(step), at());
    else
      sink.add(Phase::additive, std::move(step), at());
  }

 private:
  IndexParts parts_;
};

// One of the words, or nothing after noting that it is none.
std::optional<std::string> one_of(TableReader& reader, std::string_view key, std::string_view first,
                                  std::string_view second) {
  const auto word = reader.string(key);
  if (!word || *word == first || *word == second) return word;
  reader.error(key, fmt::format("`{}` is \"{}\" or \"{}\", not \"{}\"", key, first, second, *word));
  return std::nullopt;
}

void read_key_table(const Table& table, Findings& findings, IndexParts& parts, std::string& list) {
  TableReader reader(table, "a column of create_index", findings);
  std::string key;
  if (reader.has("name") == reader.has("expression")) {
    findings.add(table.at, "a column of an index has a `name` or an `expression`");
  }
  if (reader.has("name")) {
    const auto name = keys::identifier(reader, "name").value_or("");
    parts.columns.push_back(name);
    key = quote_ident(name);
  }
  if (const auto expression = keys::expression(reader, "expression")) {
    parts.columns.insert(parts.columns.end(), expression->parsed.columns.begin(), expression->parsed.columns.end());
    key = "(" + expression->text + ")";
  }
  if (reader.has("opclass")) key += " " + quote_ident(keys::identifier(reader, "opclass").value_or(""));
  if (const auto order = one_of(reader, "order", "asc", "desc")) key += *order == "desc" ? " DESC" : " ASC";
  if (const auto nulls = one_of(reader, "nulls", "first", "last")) {
    key += *nulls == "first" ? " NULLS FIRST" : " NULLS LAST";
  }
  reader.finish();
  list += (list.empty() ? "" : ", ") + key;
}

std::string read_keys(TableReader& reader, IndexParts& parts) {
  std::string list;
  const auto* items = reader.array("columns");
  if (!reader.has("columns")) reader.missing("columns");
  if (!items) return list;
  if (items->empty()) reader.error("columns", "an index needs at least one column");
  for (const Value& item : *items) {
    if (const auto* name = std::get_if<std::string>(&item.data)) {
      keys::check_identifier(reader.findings(), item.at, "columns", *name);
      parts.columns.push_back(*name);
      list += (list.empty() ? "" : ", ") + quote_ident(*name);
    } else if (const auto* table = std::get_if<Table>(&item.data)) {
      read_key_table(*table, reader.findings(), parts, list);
    } else {
      reader.findings().add(item.at, fmt::format("a column is a name or a table, not {}", item.kind()));
    }
  }
  return list;
}

}  // namespace

ChangePtr read_create_index(TableReader& reader) {
  Findings& findings = reader.findings();
  const auto before = findings.size();
  IndexParts parts;
  parts.name = keys::identifier(reader, "name").value_or("");
  parts.table = keys::table(reader).value_or(TableName{});
  parts.unique = reader.boolean("unique").value_or(false);
  const std::string list = read_keys(reader, parts);
  if (reader.has("method")) {
    parts.sql = fmt::format("USING {} ", quote_ident(keys::identifier(reader, "method").value_or("")));
  }
  parts.sql += "(" + list + ")";
  if (const auto include = keys::identifiers(reader, "include"); include && !include->empty()) {
    parts.columns.insert(parts.columns.end(), include->begin(), include->end());
    parts.sql += fmt::format(" INCLUDE ({})", quote_list(*include));
  }
  if (const auto where = keys::expression(reader, "where")) {
    parts.columns.insert(parts.columns.end(), where->parsed.columns.begin(), where->parsed.columns.end());
    parts.sql += fmt::format(" WHERE ({})", where->text);
  }
  reader.refused("concurrently", "`concurrently` is not a key: pgphase always builds indexes concurrently");
  reader.finish();
  if (findings.size() != before) return nullptr;
  return std::make_unique<CreateIndex>(reader.at(), std::move(parts));
}

}  // namespace pgphase
