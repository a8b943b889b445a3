// add_foreign_key: in the constraint phase, NOT VALID first, so that neither table is scanned under its lock.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using constraints::Part;

struct ForeignKey {
  TableName table;
  std::string name;
  std::vector<std::string> columns;
  TableName target;
  std::vector<std::string> target_columns;
  std::string actions;  // " ON DELETE CASCADE DEFERRABLE", or empty
};

// Rows whose columns are all there and point to nothing: MATCH SIMPLE, PostgreSQL's default.
Part none_dangles(const ForeignKey& key) {
  std::string there, matches;
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    there += fmt::format("{}a.{} IS NOT NULL", i ? " AND " : "", quote_ident(key.columns[i]));
    matches +=
        fmt::format("{}b.{} = a.{}", i ? " AND " : "", quote_ident(key.target_columns[i]), quote_ident(key.columns[i]));
  }
  return {constraints::require(
      fmt::format("SELECT count(*) FROM {} a WHERE {} AND NOT EXISTS (SELECT FROM {} b WHERE {})", qualified(key.table),
                  there, qualified(key.target), matches),
      fmt::format("%n rows of {} point to no row of {}", display_name(key.table), display_name(key.target)),
      "reads both tables; nobody waits")};
}

class AddForeignKey : public Change {
 public:
  AddForeignKey(Position at, ForeignKey key) : Change(at), key_(std::move(key)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    // SHARE ROW EXCLUSIVE on both for a moment.
    Part add{constraints::statement(
                 fmt::format("ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){} NOT VALID",
                             qualified(key_.table), quote_ident(key_.name), quote_list(key_.columns),
                             qualified(key_.target), quote_list(key_.target_columns), key_.actions)),
             constraints::drop(key_.table, key_.name)};
    // ACCESS EXCLUSIVE on both: the triggers of the other one go as well.
    if (key_.target != key_.table) add.undo.locks.push_back({key_.target, LockMode::access_exclusive});
    Part validate{constraints::validate(key_.table, key_.name)};
    if (key_.target != key_.table) validate.forward.locks.push_back({key_.target, LockMode::row_share});
    Step step;
    step.name = fmt::format("add_foreign_key {}.{}", display_name(key_.table), key_.name);
    step.body = constraints::body_of({none_dangles(key_), std::move(add), std::move(validate)});
    step.touches = {key_.table, key_.target};
    sink.add(Phase::constraint, std::move(step), at());
  }

 private:
  ForeignKey key_;
};

// " ON DELETE SET NULL" for `on_delete = "set null"`.
std::string read_action(TableReader& reader, std::string_view key, std::string_view sql) {
  constexpr auto k_actions =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"no action", ""},
                                                                    {"restrict", "RESTRICT"},
                                                                    {"cascade", "CASCADE"},
                                                                    {"set null", "SET NULL"},
                                                                    {"set default", "SET DEFAULT"}});
  const auto word = reader.string(key);
  if (!word) return {};
  const auto found =
      std::find_if(k_actions.begin(), k_actions.end(), [&](const auto& one) { return one.first == *word; });
  if (found == k_actions.end()) {
    reader.error(key, fmt::format("\"{}\" is no action", *word),
                 "known: \"no action\", \"restrict\", \"cascade\", \"set null\", \"set default\"");
    return {};
  }
  return found->second.empty() ? std::string() : fmt::format(" {} {}", sql, found->second);
}

void read_target(TableReader& reader, ForeignKey& key) {
  const auto* references = reader.table("references");
  if (!references) {
    if (!reader.has("references")) reader.missing("references");
    return;
  }
  TableReader target(*references, "`references` of add_foreign_key", reader.findings());
  key.target = keys::table(target).value_or(TableName{});
  key.target_columns = constraints::read_columns(target, "columns");
  target.finish();
  if (!key.columns.empty() && !key.target_columns.empty() && key.columns.size() != key.target_columns.size()) {
    reader.error("references", fmt::format("{} column{} cannot point to {}", key.columns.size(),
                                           key.columns.size() == 1 ? "" : "s", key.target_columns.size()));
  }
}

}  // namespace

ChangePtr read_add_foreign_key(TableReader& reader) {
  const auto before = reader.findings().size();
  ForeignKey key;
  key.name = keys::identifier(reader, "name").value_or("");
  key.table = keys::table(reader).value_or(TableName{});
  key.columns = constraints::read_columns(reader, "columns");
  read_target(reader, key);
  key.actions = read_action(reader, "on_delete", "ON DELETE") + read_action(reader, "on_update", "ON UPDATE");
  key.actions += constraints::read_deferrable(reader);
  reader.refused("not_valid",
                 "`not_valid` is not a key: the rows that exist are always checked, without making anybody "
                 "wait");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<AddForeignKey>(reader.at(), std::move(key));
}

}  // namespace pgphase
