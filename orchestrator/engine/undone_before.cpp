#include "orchestrator/engine/undone_before.hpp"

#include <algorithm>
#include <cctype>

#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// Indexes, defaults, checks and rows stand in nobody's way.
bool harmless(const std::string& sql) {
  for (const auto* start : {"CREATE INDEX", "CREATE UNIQUE INDEX", "DROP INDEX", "INSERT", "UPDATE", "DELETE",
                            "COMMENT", "VACUUM", "ANALYZE"}) {
    if (sql.starts_with(start)) return true;
  }
  if (!sql.starts_with("ALTER TABLE")) return false;
  const auto says = [&sql](const char* word) { return sql.find(word) != std::string::npos; };
  return !says("REFERENCES") && !says("ATTACH") && !says("INHERIT") && !says("REPLICA") && !says("GENERATED");
}

// ALTER TABLE that adds foreign keys with names, and nothing else.
bool only_foreign_keys(const ParsedStatement& statement, const std::string& sql) {
  if (!sql.starts_with("ALTER TABLE") || statement.actions.empty()) return false;
  for (const auto* word : {"ATTACH", "INHERIT", "REPLICA", "GENERATED"}) {
    if (sql.find(word) != std::string::npos) return false;
  }
  return std::all_of(statement.actions.begin(), statement.actions.end(), [](const Action& action) {
    return action.kind == ActionKind::add_foreign_key && !action.name.empty();
  });
}

}  // namespace

TableName UndoneBefore::now(const TableName& table) const {
  auto name = table;
  for (auto one = tables_.rbegin(); one != tables_.rend(); ++one) {
    if (one->first == name) name = one->second;
  }
  return name;
}

std::string UndoneBefore::now(const TableName& table, const std::string& column) const {
  const auto where = now(table);
  auto name = column;
  for (auto one = columns_.rbegin(); one != columns_.rend(); ++one) {
    if (one->table == where && one->without == name) name = one->with;
  }
  return name;
}

bool UndoneBefore::may_take_more_from(const TableName& table) const {
  return anything_ || unknown_.contains(now(table));
}

void UndoneBefore::add_statement(const Statement& statement) {
  if (statement.kind != StatementKind::transactional) return;
  const auto parsed = parse_statements(statement.sql);
  if (!parsed || parsed->size() != 1) {
    anything_ = true;
    return;
  }
  const auto& one = parsed->front();
  const auto sql = in_capitals(one.text);
  if (harmless(sql)) return;
  if (only_foreign_keys(one, sql)) {
    for (const auto& action : one.actions) foreign_keys_.emplace(now(action.table), action.name);
    return;
  }
  if (one.relations.empty()) anything_ = true;
  for (const auto& table : one.relations) unknown_.insert(now(table));
}

void UndoneBefore::add(const PlanId& plan, Phase phase, const Step& step, const std::vector<RetiredRecord>& retired) {
  const StepKey key{plan, phase, step.name};
  if (const auto* written = std::get_if<SqlBody>(&step.body)) {
    for (const auto& statement : written->forward) add_statement(statement);
  }
  if (const auto* renamed = std::get_if<RenameTableBody>(&step.body)) {
    unknown_.insert(now(renamed->table));  // the view of it
    if (renamed->part == RenameTableBody::Part::rename) {
      unknown_.insert(now(renamed->renamed()));
      tables_.emplace_back(renamed->table, renamed->renamed());
    }
  }
  const auto column = [this](const TableName& table, const std::string& without, const std::string& with) {
    columns_.push_back({now(table), without, with});
  };
  if (const auto* handed = std::get_if<HandOverBody>(&step.body)) {
    for (const auto& one : handed->rename) column(handed->table, one.from, one.to);
  }
  for (const auto& one : retired) {
    if (one.key == key && one.kind == "column" && !one.hidden_as.empty()) column(one.table, one.object, one.hidden_as);
  }
}

}  // namespace pgphase
