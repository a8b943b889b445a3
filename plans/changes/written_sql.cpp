// A step written by hand as SQL: [[additive]], [[constraint]], and [[backfill]] with `sql`. Each statement is executed
// in a transaction of its own, or outside of any where it must be (CONCURRENTLY). The author writes the undo too.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/changes/written.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase {
namespace {

constexpr const char* k_newer = "SQL that is newer than PostgreSQL 15's grammar: say unchecked = \"why\" in this step";

// Of a statement that changes one table, or rows of it, and no other.
std::optional<TableName> only_table_changed(const ParsedStatement& parsed) {
  constexpr auto k_such = std::to_array<std::string_view>({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "AlterTableStmt"});
  if (std::find(k_such.begin(), k_such.end(), parsed.raw->tag) == k_such.end()) return {};
  const auto* relation = tree::object(parsed.raw->node, "relation");
  if (!relation) return {};
  const auto table = tree::table_name(*relation);
  for (const auto& held : parsed.statement.locks) {
    if (held.mode > LockMode::row_share && held.table != table) return {};
  }
  return table;
}

class WrittenSql : public Change {
 public:
  WrittenSql(Position at, Phase phase, std::string name, written::Common common, std::vector<written::Sql> forward)
      : Change(at), phase_(phase), name_(std::move(name)), common_(std::move(common)), forward_(std::move(forward)) {}

  void declare(PlanFacts& facts) const override {
    for (const auto& one : forward_) {
      for (const Action& action : one.parsed.actions) {
        if (action.kind == ActionKind::create_table) facts.created.emplace(action.table, phase_);
        if (action.kind == ActionKind::add_column && phase_ == Phase::additive) {
          facts.added.emplace(ColumnName{action.table, action.name}, action.has_default);
        }
      }
    }
  }

  void split(const PlanFacts& facts, StepSink& sink, Findings& findings) const override {
    Step step;
    SqlBody body;
    if (common_.stays_with_table) body.stays_with = table_to_stay_with(facts, findings);
    for (const auto& one : forward_) {
      body.forward.push_back(one.parsed.statement);
      written::note_touched(one, step.touches);
    }
    body.undo = common_.undo();
    step.name = name_;
    step.body = std::move(body);
    step.irreversible = common_.irreversible;
    step.verify = common_.verify;
    step.allow = common_.allow;
    sink.by_hand(phase_, name_,
                 {written::places_of(forward_, findings), written::places_of(common_.rollback, findings)});
    sink.add(phase_, std::move(step), at());
  }

 private:
  // That keeps what the step does to it. Notes why it could not.
  std::optional<TableName> table_to_stay_with(const PlanFacts& facts, Findings& findings) const {
    const auto& first = forward_.front();
    const auto table = only_table_changed(first.parsed);
    if (!table || forward_.size() > 1) {
      findings.add(forward_.size() > 1 ? at() : findings.inside(first.source, first.parsed.character),
                   fmt::format("the step \"{}\" says stays_with_table, and is not one INSERT, UPDATE, DELETE, MERGE or "
                               "ALTER TABLE of one table",
                               name_),
                   "write one such statement a step");
    } else if (facts.complete && !facts.hideable.contains(*table)) {
      findings.add(at(),
                   fmt::format("the step \"{}\" says stays_with_table, and no create_table of this plan makes {}", name_,
                               display_name(*table)),
                   "write rollback = \"SQL that undoes it\", or irreversible = \"why it cannot be undone\"");
    }
    return table;
  }

  Phase phase_;
  std::string name_;
  written::Common common_;
  std::vector<written::Sql> forward_;
};

}  // namespace

namespace written {

std::optional<Sql> read_statement(const Text& source, std::string_view key, const std::string& unchecked,
                                  Findings& findings) {
  auto parsed = parse_statements(source.text);
  if (!parsed && !unchecked.empty()) {
    Sql out{source, {}};
    out.parsed.text = source.text;
    out.parsed.statement.sql = source.text;
    out.parsed.statement.note = "not checked: " + unchecked;
    out.parsed.statement.locks_known = false;
    return out;
  }
  if (!parsed) {
    keys::sql_error(findings, source, key, parsed.error(), k_newer);
    return std::nullopt;
  }
  if (parsed->empty()) {
    findings.add(source.at, fmt::format("`{}` holds no statement", key));
    return std::nullopt;
  }
  if (parsed->size() > 1) {
    findings.add_inside(source, (*parsed)[1].character,
                        fmt::format("`{}` holds {} statements in one string", key, parsed->size()),
                        fmt::format("write a list, one statement a string: {} = [\"…\", \"…\"]; each runs in a "
                                    "transaction of its own",
                                    key));
    return std::nullopt;
  }
  Sql out{source, std::move(parsed->front())};
  if (!out.parsed.refused.empty()) {
    findings.add_inside(source, out.parsed.character, fmt::format("`{}`: {}", key, out.parsed.refused));
    return std::nullopt;
  }
  return out;
}

std::vector<Sql> read_statements(TableReader& reader, std::string_view key, const std::string& unchecked) {
  std::vector<Sql> out;
  const auto sources = reader.texts(key);
  if (!sources) return out;
  if (sources->empty()) reader.error(key, fmt::format("`{}` is an empty list", key));
  for (const Text& source : *sources) {
    if (auto one = read_statement(source, key, unchecked, reader.findings())) out.push_back(std::move(*one));
  }
  return out;
}

void note_touched(const Sql& sql, std::vector<TableName>& out) {
  const auto note = [&](const TableName& table) {
    if (std::find(out.begin(), out.end(), table) == out.end()) out.push_back(table);
  };
  const Statement& statement = sql.parsed.statement;
  for (const auto& held : statement.locks) {
    if (held.mode > LockMode::row_share) note(held.table);
  }
  for (const auto& action : sql.parsed.actions) {
    if (action.kind == ActionKind::create_table) note(action.table);
  }
  // Better one table too many than a plan that is let past another.
  if (!statement.locks_known) {
    for (const auto& table : sql.parsed.relations) note(table);
  }
}

std::optional<std::string> read_name(TableReader& reader) {
  auto name = reader.required_string("name");
  if (!name) return std::nullopt;
  constexpr std::size_t k_longest = 100;
  const bool control =
      std::any_of(name->begin(), name->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (name->empty() || name->size() > k_longest || control || name->find('/') != std::string::npos) {
    reader.error("name", fmt::format("a step's name has 1 to {} bytes, no control character and no slash", k_longest));
    return std::nullopt;
  }
  return name;
}

namespace {

// allow = { create-index = "why" }
std::map<std::string, std::string> read_allowances(TableReader& reader) {
  std::map<std::string, std::string> out;
  const Table* table = reader.table("allow");
  if (!table) return out;
  std::vector<std::string> ids;
  for (const auto& rule : all_rules()) ids.emplace_back(rule.id);
  for (const Entry& entry : table->entries) {
    const auto* why = std::get_if<std::string>(&entry.value.data);
    if (std::find(ids.begin(), ids.end(), entry.key) == ids.end()) {
      const auto meant = nearest(entry.key, ids);
      reader.findings().add(entry.at, fmt::format("`allow` names the rule {}, which does not exist", entry.key),
                            meant.empty() ? "`pgphase check` shows each rule's name" : "did you mean " + meant + "?");
    } else if (!why || why->empty()) {
      reader.findings().add(entry.at, fmt::format("`allow` gives no reason for {}", entry.key),
                            fmt::format("write allow = {{ {} = \"why it does no harm here\" }}", entry.key));
    } else {
      out.emplace(entry.key, *why);
    }
  }
  return out;
}

}  // namespace

Common read_common(TableReader& reader) {
  Common out;
  const auto unchecked = reader.string("unchecked");
  if (unchecked && unchecked->empty()) reader.error("unchecked", "`unchecked` says why the parser is skipped");
  out.unchecked = unchecked.value_or("");
  out.rollback = read_statements(reader, "rollback", out.unchecked);
  out.irreversible = reader.string("irreversible");
  if (out.irreversible && out.irreversible->empty()) {
    reader.error("irreversible", "`irreversible` says why the step cannot be undone");
  }
  if (out.irreversible && reader.has("rollback")) {
    reader.error("irreversible", "a step has a `rollback` or is `irreversible`, not both");
  }
  out.verify = keys::query(reader, "verify");
  out.allow = read_allowances(reader);
  for (const char* key : {"down", "restore", "clear_on_rollback"}) {
    reader.not_built(key, "write what the undo does in `rollback`");
  }
  return out;
}

std::vector<Position> places_of(const std::vector<Sql>& statements, const Findings& findings) {
  std::vector<Position> out;
  for (const auto& one : statements) out.push_back(findings.inside(one.source, one.parsed.character));
  return out;
}

std::vector<Statement> Common::undo() const {
  std::vector<Statement> out;
  for (const auto& one : rollback) {
    Statement statement = one.parsed.statement;
    for (const Action& action : one.parsed.actions) {
      if (action.kind == ActionKind::drop_column || action.kind == ActionKind::drop_table) {
        statement.note += "; what was written to it is lost: the add_column and create_table changes keep it";
      }
    }
    out.push_back(std::move(statement));
  }
  return out;
}

}  // namespace written

ChangePtr read_written_sql(TableReader& reader, Phase phase) {
  Findings& findings = reader.findings();
  const auto before = findings.size();
  const auto name = written::read_name(reader);
  auto common = written::read_common(reader);
  if (!reader.has("sql")) reader.missing("sql");
  auto forward = written::read_statements(reader, "sql", common.unchecked);
  common.stays_with_table = reader.boolean("stays_with_table").value_or(false);
  if (common.stays_with_table) {
    for (const char* key : {"rollback", "irreversible", "unchecked"}) {
      if (reader.has(key)) reader.error("stays_with_table", fmt::format("it stands instead of `{}`", key));
    }
  }
  if (!reader.has("rollback") && !common.irreversible && !common.stays_with_table) {
    findings.add(reader.at(), fmt::format("the step \"{}\" has no undo", name.value_or("?")),
                 "write rollback = \"SQL that undoes it\", or irreversible = \"why it cannot be undone\"; of a table that a "
                 "create_table of this plan makes, stays_with_table = true");
  }
  reader.finish();
  if (findings.size() != before) return nullptr;
  return std::make_unique<WrittenSql>(reader.at(), phase, *name, std::move(common), std::move(forward));
}

}  // namespace pgphase
