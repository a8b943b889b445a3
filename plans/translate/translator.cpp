#include "plans/translate/translator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/effects/harm.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/deparse.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/search_path.hpp"
#include "plans/sql/statement.hpp"
#include "plans/translate/names.hpp"
#include "plans/translate/step_toml.hpp"

namespace pgphase::translate {

namespace json = boost::json;

namespace {

constexpr const char* k_version_table = "alembic_version";

// The table in which Alembic notes where it stands: pgphase has its ledger.
bool of_alembic(const tree::RawStatement& raw) {
  constexpr auto k_tags =
      std::to_array<std::string_view>({"CreateStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "DropStmt"});
  if (std::find(k_tags.begin(), k_tags.end(), raw.tag) == k_tags.end()) return false;
  if (const auto* relation = tree::object(raw.node, "relation")) {
    return tree::text(*relation, "relname") == k_version_table;
  }
  const auto& objects = tree::list(raw.node, "objects");
  return raw.tag == "DropStmt" && objects.size() == 1 &&
         tree::table_name(tree::names(objects[0])).name == k_version_table;
}

// What a comment is about, or the table whose column a sequence is to belong to.
std::vector<TableName> said_about(const tree::RawStatement& raw) {
  if (raw.tag == "CommentStmt") {
    const auto kind = tree::text(raw.node, "objtype");
    const bool whole = kind == "OBJECT_TABLE" || kind == "OBJECT_VIEW" || kind == "OBJECT_SEQUENCE" || kind == "OBJECT_MATVIEW";
    const bool part = kind == "OBJECT_COLUMN" || kind == "OBJECT_TABCONSTRAINT" || kind == "OBJECT_TRIGGER" ||
                      kind == "OBJECT_POLICY" || kind == "OBJECT_RULE";
    if (!whole && !part) return {};
    auto names = tree::names(raw.node.at("object"));
    if (part && !names.empty()) names.pop_back();
    return names.empty() ? std::vector<TableName>() : std::vector{tree::table_name(names)};
  }
  std::vector<TableName> out;
  if (raw.tag != "AlterSeqStmt") return out;
  for (const auto& item : tree::list(raw.node, "options")) {
    const auto& option = tree::body_of(item);
    if (tree::text(option, "defname") != "owned_by" || !option.contains("arg")) continue;
    auto names = tree::names(option.at("arg"));
    if (names.size() < 2) continue;  // NONE
    names.pop_back();
    out.push_back(tree::table_name(names));
  }
  return out;
}

bool settings_of_session(const tree::RawStatement& raw) {
  if (raw.tag == "VariableSetStmt" || raw.tag == "TransactionStmt") return true;
  if (raw.tag != "SelectStmt") return false;
  const auto functions = tree::functions(raw.node);
  return functions.size() == 1 && functions.front() == "set_config" && tree::relations(raw.node).empty();
}

// What a statement makes, if it makes a relation that others name.
std::optional<TableName> made_by(const tree::RawStatement& raw) {
  const json::object* made = nullptr;
  if (raw.tag == "CreateStmt") made = tree::object(raw.node, "relation");
  if (raw.tag == "ViewStmt") made = tree::object(raw.node, "view");
  if (raw.tag == "CreateSeqStmt") made = tree::object(raw.node, "sequence");
  if (raw.tag == "CreateTableAsStmt") {
    const auto* into = tree::object(raw.node, "into");
    made = into ? tree::object(*into, "rel") : nullptr;
  }
  return made ? std::optional(tree::table_name(*made)) : std::nullopt;
}

}  // namespace

Translated Translator::statement(const tree::RawStatement& raw) {
  const auto path = tree::search_path_after(raw);
  if (path != tree::SearchPath::untouched) searches_elsewhere_ = path == tree::SearchPath::elsewhere;
  if (searches_elsewhere_ && raw.tag != "TransactionStmt") {
    Translated out;
    out.left =
        "names without a schema mean another one where search_path is set: take that out, and write the schema with each "
        "name";
    return out;
  }
  const auto* relation = tree::object(raw.node, "relation");
  const auto table = relation ? tree::table_name(*relation) : TableName{};
  // Rows of a table that the plan makes are inserted and changed together with it.
  const bool of_rows = raw.tag == "InsertStmt" || raw.tag == "UpdateStmt" || raw.tag == "DeleteStmt";
  const bool at_once = of_rows && own(table) && !pending_work_.has_rows();
  Translated out;
  const auto filled = filled_;
  const auto redefaulted = redefaulted_;
  if (const auto missing = missing_for(raw)) {
    out.left = fmt::format("it needs {}, which is in no plan", display_name(*missing));
  } else if (outlook_.replaces_trigger(raw)) {
    replace_trigger(raw, out);
  } else if (outlook_.drops_and_makes(raw)) {
    out.left =
        "it is dropped and made again by the same SQL, and in phases nobody would have it in between: CREATE OR REPLACE it, "
        "change it with ALTER, or make the new one under another name first";
  } else {
    out = one(raw);
  }
  // Half of a statement in the plan, and half of it to be written by hand, would be done twice by whoever copies it.
  if (!out.left.empty() && !out.entries.empty()) {
    out.entries.clear();
    out.notes.clear();
    filled_ = filled;
    redefaulted_ = redefaulted;
    out.left += "; write that as a statement of its own, and the rest can be split";
  }
  if (out.entries.empty() && !out.left.empty()) note_left_out(raw);
  if (waits_for_purge(raw)) {
    out.notes.push_back("what was retired before keeps its type until `pgphase purge`: this plan can run after that");
  }
  if (!out.entries.empty() && !at_once) pending_work_.note(raw, table);
  const auto fills = [](const std::string& entry) { return entry.starts_with("[[backfill]]"); };
  if (std::any_of(out.entries.begin(), out.entries.end(), fills)) pending_work_.note_filled(table);
  return out;
}

// Since 14 one statement does both.
void Translator::replace_trigger(const tree::RawStatement& raw, Translated& out) {
  if (raw.tag == "DropStmt") {
    out.dropped = "CREATE OR REPLACE TRIGGER takes its place";
    return;
  }
  json::object replacing = raw.node;
  replacing["replace"] = true;
  const auto sql = tree::deparse(raw.tag, replacing);
  if (!sql || tree::flag(raw.node, "isconstraint")) {
    out.left = "write it as CREATE OR REPLACE TRIGGER, which a constraint trigger cannot be";
    return;
  }
  one_way(Phase::additive, "replace trigger " + std::string(tree::text(raw.node, "trigname")), *sql,
          "what it was before is not in the SQL", out);
}

std::optional<TableName> Translator::missing_for(const tree::RawStatement& raw) const {
  if (left_out_.empty()) return {};
  auto needed = tree::relations(raw.node);
  if (raw.tag == "DropStmt") {
    for (const auto& object : tree::list(raw.node, "objects")) needed.push_back(tree::table_name(tree::names(object)));
  }
  const auto found =
      std::find_if(needed.begin(), needed.end(), [this](const auto& one) { return left_out_.contains(one); });
  return found == needed.end() ? std::nullopt : std::optional(*found);
}

void Translator::note_left_out(const tree::RawStatement& raw) {
  if (const auto made = made_by(raw)) left_out_.insert(*made);
}

Translated Translator::one(const tree::RawStatement& raw) {
  Translated out;
  if (of_alembic(raw)) {
    out.dropped = "pgphase keeps in its ledger where it stands";
  } else if (settings_of_session(raw)) {
    out.dropped = "transactions and settings are pgphase's";
  } else if (raw.tag == "ConstraintsSetStmt") {
    out.dropped = "each step is a transaction of its own, and looks at its constraints when it ends";
  } else if (raw.tag == "CreateStmt") {
    create_table(raw, out);
  } else if (raw.tag == "AlterTableStmt") {
    alter_table(raw, out);
  } else if (raw.tag == "RenameStmt") {
    rename(raw, out);
  } else if (raw.tag == "IndexStmt") {
    create_index(raw, out);
  } else if (raw.tag == "DropStmt") {
    drop(raw, out);
  } else if (!rows(raw, out) && !definition(raw, out)) {
    out.left = "pgphase does not know how to do this in phases";
  }
  return out;
}

bool Translator::needs_new_plan(const tree::RawStatement& raw) const {
  if (pending_work_.comes_before(raw)) return true;
  auto tables = tree::relations(raw.node);
  if (raw.tag == "DropStmt") {
    for (const auto& object : tree::list(raw.node, "objects")) tables.push_back(tree::table_name(tree::names(object)));
  }
  const auto about = said_about(raw);
  tables.insert(tables.end(), about.begin(), about.end());
  if (raw.tag == "CommentStmt" && tree::text(raw.node, "objtype") == "OBJECT_TABCONSTRAINT") {
    const auto names = tree::names(raw.node.at("object"));
    // Constraints of tables that are in use come in the constraint phase.
    if (names.size() > 1 && !own(about.front()) && names_.contains({about.front().schema, names.back()})) return true;
  }
  // What a rename has made is known by its new name from here on.
  if (raw.tag == "RenameStmt") {
    const auto* relation = tree::object(raw.node, "relation");
    if (relation) tables.push_back({tree::table_name(*relation).schema, std::string(tree::text(raw.node, "newname"))});
  }
  // A table of the plan's own whose rows come behind those that they are made from: it cannot be changed before.
  const auto* changed = raw.tag == "AlterTableStmt" ? tree::object(raw.node, "relation") : nullptr;
  if (changed && own(tree::table_name(*changed)) && pending_work_.has_rows_of(tree::table_name(*changed))) return true;
  const bool changes_rows = raw.tag == "InsertStmt" || raw.tag == "UpdateStmt" || raw.tag == "MergeStmt";
  return std::any_of(tables.begin(), tables.end(), [&](const TableName& table) {
    return taken_.contains(table) || (changes_rows && keyed_.contains(table));
  });
}

bool Translator::waits_for_purge(const tree::RawStatement& raw) const {
  const bool drops = raw.tag == "DropStmt" && retires_;
  const bool renames = raw.tag == "RenameStmt" && retypes_;
  const auto what = drops ? tree::text(raw.node, "removeType") : tree::text(raw.node, "renameType");
  return (drops || renames) && (what == "OBJECT_TYPE" || what == "OBJECT_DOMAIN");
}

void Translator::begin_plan() {
  steps_.clear();
  pending_work_ = {};
  taken_.clear();
  keyed_.clear();
  new_columns_.clear();
  hideable_.clear();
  apart_.clear();
  written_.clear();
  made_here_.clear();
}

void end_plan(Known& known) {
  known.new_functions.clear();
  known.new_types.clear();
  for (auto& [name, relation] : known.relations) {
    relation.own = false;
    relation.empty = std::nullopt;
  }
}

void Translator::by_hand(Phase phase, const std::string& name, const std::vector<std::string>& sql,
                         const std::vector<std::string>& rollback, Translated& out) {
  out.entries.push_back(to_toml({phase, unique_step(phase, name), sql, rollback, {}, false}));
}

void Translator::staying(Phase phase, const std::string& name, const std::string& sql, Translated& out) {
  out.entries.push_back(to_toml({phase, unique_step(phase, name), {sql}, {}, {}, true}));
}

void Translator::one_way(Phase phase, const std::string& name, const std::string& sql, const std::string& why,
                         Translated& out) {
  out.entries.push_back(to_toml({phase, unique_step(phase, name), {sql}, {}, why, false}));
}

std::optional<Phase> Translator::home_of(const std::string& sql, Translated& out) const {
  const auto parsed = parse_with(sql, known_);
  if (!parsed) {
    out.left = parsed.error().message;
    return std::nullopt;
  }
  auto home = Phase::additive;
  for (const auto& statement : *parsed) {
    if (!statement.refused.empty()) {
      out.left = statement.refused;
      return std::nullopt;
    }
    for (const Harm& harm : harms_of(statement.effects)) {
      // Code that breaks is what a plan's phases are for; what may hold somebody up has no place in them.
      const auto gravity = harm.rule->gravity;
      if (gravity == Gravity::breaks) home = Phase::constraint;
      const bool has_no_place =
          gravity == Gravity::slow || gravity == Gravity::loses || gravity == Gravity::spoils;
      if (harm.severity == Severity::note || !has_no_place) continue;
      out.left = harm.message;
      if (!harm.rule->recipe.empty()) out.left += fmt::format("; instead: {}", harm.rule->recipe);
      return std::nullopt;
    }
  }
  return home;
}

// A step's name is unique within its phase, has at most 100 bytes, and neither slash nor control character.
std::string Translator::unique_step(Phase phase, std::string name) {
  constexpr std::size_t k_longest = 90;
  for (char& c : name) {
    if (c == '/' || static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (name.size() > k_longest) {
    name.resize(k_longest);
    while (!name.empty() && (static_cast<unsigned char>(name.back()) & 0x80) != 0) name.pop_back();
  }
  auto& wanted = steps_[phase];
  std::string unique = name;
  // Counted, because a script may have thousands of the same; a name that was written so by somebody is passed over.
  while (wanted.contains(unique)) unique = fmt::format("{} ({})", name, ++wanted[name]);
  wanted.emplace(unique, 1);
  return unique;
}

std::string Translator::unique_name(const TableName& table, std::string_view middle, const std::string& label) {
  const auto free = [&](const std::string& name) {
    const auto* relation = known_.find(table);
    const bool there = relation && (relation->constraints.contains(name) || relation->indexes.contains(name));
    return !there && !names_.contains({table.schema, name});
  };
  std::string name = object_name(table.name, middle, label);
  for (int i = 1; !free(name); ++i) name = object_name(table.name, middle, label + std::to_string(i));
  names_.insert({table.schema, name});
  return name;
}

}  // namespace pgphase::translate
