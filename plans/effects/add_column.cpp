// ALTER TABLE … ADD COLUMN: what is written beside the column decides.
#include <fmt/format.h>

#include "plans/effects/reading.hpp"
#include "plans/sql/expression.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;

bool is_null(const json::value& expression) {
  return tree::tag_of(expression) == "A_Const" && tree::flag(tree::body_of(expression), "isnull");
}

struct Cost {
  Answer rewrite = Answer::no;
  Answer scan = Answer::no;
  bool index = false;
  std::string why;  // of a rewrite that is certain
};

void note_default(Reading& r, const Subcommand& s, const json::value& expression, Action& action, Cost& cost) {
  action.has_default = !is_null(expression);
  if (!action.has_default) return;
  switch (gives_another_value(expression, r.known)) {
    case Answer::yes:
      r.rule("add-column-volatile-default", s.table, action.name);
      cost.rewrite = Answer::yes;
      for (const auto& name : tree::functions(expression)) {
        const auto found = r.known.functions.find(name);
        const bool volatile_one =
            found == r.known.functions.end() ? known_volatile(name) : found->second == Answer::yes;
        if (volatile_one) cost.why = fmt::format("{}() gives every row another value", name);
      }
      return;
    case Answer::unknown:
      r.rule("add-column-unknown-default", s.table, action.name);
      cost.rewrite = std::max(cost.rewrite, Answer::unknown);
      for (const auto& name : tree::functions(expression)) r.asks(fmt::format("whether {}() is volatile", name));
      return;
    case Answer::no:
      r.rule("add-column-default", s.table, action.name);
      return;
  }
}

void note_type(Reading& r, const Subcommand& s, const json::object& column, const Action& action, Cost& cost) {
  const auto* type_name = tree::object(column, "typeName");
  if (!type_name) return;
  const SqlType type = type_of(*type_name);
  if (TypeName{type.name.name}.serial()) {
    r.rule("add-column-serial", s.table, action.name);
    cost.rewrite = Answer::yes;
    cost.why = "a serial column gives every row its own number";
    return;
  }
  const Answer checked = constrained(type, r.known);
  if (checked == Answer::no) return;
  r.rule("add-column-domain", s.table, action.name);
  cost.rewrite = std::max(cost.rewrite, checked);
  if (checked == Answer::yes) {
    cost.why = "a domain with a constraint is checked for every row";
  } else {
    r.asks(fmt::format("whether {} is a domain with a constraint", type.name.name));
  }
}

}  // namespace

LockMode add_column(Reading& r, Subcommand& s) {
  const auto& column = tree::body_of(s.command.at("def"));
  Action action{ActionKind::add_column, s.table, std::string(tree::text(column, "colname"))};
  Cost cost;
  bool checks = false;
  bool foreign_key = false;
  const auto rules_before = r.out.rules.size();
  note_type(r, s, column, action, cost);
  for (const auto& item : tree::list(column, "constraints")) {
    const auto& constraint = tree::body_of(item);
    const auto kind = tree::text(constraint, "contype");
    if (kind == "CONSTR_NOTNULL" || kind == "CONSTR_PRIMARY") action.not_null = true;
    if (kind == "CONSTR_DEFAULT") note_default(r, s, constraint.at("raw_expr"), action, cost);
    if (kind == "CONSTR_IDENTITY") {
      r.rule("add-column-identity", s.table, action.name);
      cost.rewrite = Answer::yes;
      cost.why = "an identity column gives every row its own number";
    }
    if (kind == "CONSTR_GENERATED") {
      r.rule("add-column-generated", s.table, action.name);
      cost.rewrite = Answer::yes;
      cost.why = "a stored generated column is computed for every row";
    }
    if (kind == "CONSTR_CHECK") {
      r.rule("add-column-check", s.table, action.name);
      checks = true;
    }
    if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") {
      r.rule("add-column-unique", s.table, action.name);
      r.out.actions.push_back({ActionKind::add_unique, s.table, action.name});
      s.note = "builds an index";
      cost.index = true;
    }
    if (const auto* target = tree::object(constraint, "pktable"); target && kind == "CONSTR_FOREIGN") {
      foreign_key = true;
      const TableName to = tree::table_name(*target);
      if (to != s.table) r.on(to, LockMode::share_row_exclusive).with_partitions = true;
    }
  }
  // A foreign key beside a column without a default finds only NULLs, and PostgreSQL skips the scan.
  action.inline_scan = checks || (foreign_key && action.has_default);
  const bool has_values = action.has_default || cost.rewrite != Answer::no;
  if (foreign_key) {
    const bool reads = action.has_default;
    r.rule(reads ? "add-column-foreign-key-default" : "add-column-foreign-key", s.table, action.name);
    for (const auto& item : tree::list(column, "constraints")) {
      const auto* target = tree::object(tree::body_of(item), "pktable");
      if (!target || !reads) continue;
      r.on(tree::table_name(*target), LockMode::share_row_exclusive).scan = Answer::yes;
    }
  }
  if (action.not_null && !has_values) {
    r.rule("add-column-not-null", s.table, action.name);
    const auto* table = r.find(s.table);
    const bool none = table && table->empty.value_or(false);
    r.out.fails = none ? Answer::no : table && table->empty.has_value() ? Answer::yes : Answer::unknown;
    r.out.fails_because = fmt::format("rows that exist would have no value in {}", action.name);
    if (r.out.fails == Answer::unknown) r.asks(fmt::format("whether {} has a row", s.table.name));
    cost.scan = Answer::yes;
  }
  if (action.inline_scan || cost.index) cost.scan = Answer::yes;
  cost.scan = std::max(cost.scan, cost.rewrite);
  if (r.out.rules.size() == rules_before) r.rule("add-column", s.table, action.name);
  auto& held = r.on(s.table, ael);
  held.rewrite = std::max(held.rewrite, cost.rewrite);
  held.scan = std::max(held.scan, cost.scan);
  if (cost.index) held.index_build = Answer::yes;
  if (action.inline_scan) s.note = "scans the table";
  if (cost.rewrite == Answer::yes) {
    s.note = "rewrites the table";
    action.rewrite = cost.why;
  }
  r.out.actions.push_back(std::move(action));
  return ael;
}

}  // namespace pgphase::effects
