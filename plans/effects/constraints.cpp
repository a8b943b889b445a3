// ALTER TABLE … ADD, VALIDATE and DROP CONSTRAINT, and SET NOT NULL.
#include <fmt/format.h>

#include <algorithm>

#include "plans/effects/reading.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase::effects {
namespace {

constexpr auto ael = LockMode::access_exclusive;
constexpr auto sre = LockMode::share_row_exclusive;
constexpr auto sue = LockMode::share_update_exclusive;

// What tables that inherit do not have: foreign keys, and keys.
void partitions_only(Reading& r, Subcommand& s, LockMode lock) {
  auto& held = r.on(s.table, lock);
  held.with_partitions = held.with_partitions || s.with_children;
  s.with_children = false;
}

// Only checks, and since 18 NOT NULL, are inherited.
bool inherits(const KnownConstraint& constraint) {
  return constraint.kind == KnownConstraint::Kind::check || constraint.kind == KnownConstraint::Kind::not_null;
}

LockMode add_check(Reading& r, Subcommand& s, const json::object& constraint) {
  const std::string name(tree::text(constraint, "conname"));
  const bool not_valid = tree::flag(constraint, "skip_validation");
  Action action{ActionKind::add_check, s.table, name};
  action.not_valid = not_valid;
  r.out.actions.push_back(std::move(action));
  if (tree::flag(constraint, "is_no_inherit")) s.with_children = false;
  if (not_valid) {
    r.rule("add-check-not-valid", s.table, name);
    return ael;
  }
  r.rule("add-check", s.table, name);
  r.on(s.table, ael).scan = Answer::yes;
  s.note = "scans the table";
  return ael;
}

LockMode add_foreign_key(Reading& r, Subcommand& s, const json::object& constraint) {
  const std::string name(tree::text(constraint, "conname"));
  const bool not_valid = tree::flag(constraint, "skip_validation");
  Action action{ActionKind::add_foreign_key, s.table, name};
  action.not_valid = not_valid;
  r.out.actions.push_back(std::move(action));
  const auto* target = tree::object(constraint, "pktable");
  const TableName to = target ? tree::table_name(*target) : TableName{};
  if (target && to != s.table) r.on(to, sre).with_partitions = true;
  partitions_only(r, s, sre);
  const auto* table = r.find(s.table);
  if (not_valid) {
    r.rule("add-foreign-key-not-valid", s.table, name);
    if (table && table->partitioned.value_or(false)) {
      r.out.fails = r.since(18) == Answer::yes ? Answer::no : Answer::yes;
      if (r.known.server == 0) r.out.fails = Answer::unknown;
      r.out.fails_because = "before 18 a foreign key of a partitioned table cannot be NOT VALID";
    } else if (!table && !r.known.catalogue) {
      r.out.fails = r.known.server >= 18 ? Answer::no : Answer::unknown;
      r.out.fails_because =
          fmt::format("before 18 a foreign key cannot be NOT VALID where {} is partitioned", s.table.name);
      if (r.out.fails == Answer::unknown) r.asks(fmt::format("whether {} is partitioned", s.table.name));
    }
    return sre;
  }
  r.rule("add-foreign-key", s.table, name);
  const bool no_row = table && table->empty.value_or(false);
  r.on(s.table, sre).scan = Answer::yes;
  if (target && !no_row) r.on(to, sre).scan = Answer::yes;
  s.note = "scans the table";
  return sre;
}

// Is NULL ruled out in the column already, so that nothing has to be read?
Answer proven(const Reading& r, const TableName& table, const std::string& column) {
  const auto* found = r.find(table);
  if (!found) return Answer::unknown;
  const auto at = found->columns.find(column);
  if (at != found->columns.end() && at->second.not_null.value_or(false)) return Answer::yes;
  for (const auto& [name, constraint] : found->constraints) {
    if (constraint.kind == KnownConstraint::Kind::check && constraint.validated.value_or(false) &&
        constraint.proves.contains(column)) {
      return Answer::yes;
    }
  }
  // A check of another form may prove it as well; PostgreSQL can tell, and the name of its columns cannot.
  const bool some_check = std::any_of(found->constraints.begin(), found->constraints.end(), [&](const auto& one) {
    const auto& over = one.second.columns;
    return one.second.kind == KnownConstraint::Kind::check && one.second.validated.value_or(false) &&
           std::find(over.begin(), over.end(), column) != over.end();
  });
  if (some_check || !found->complete) return Answer::unknown;
  return Answer::no;
}

// A key of a partitioned table is built on each partition, whose readers go on. Children by inheritance have none of
// it.
void on_partitions(Reading& r, Subcommand& s) {
  const auto* table = r.find(s.table);
  s.with_children = false;
  if (!table || !table->partitioned.has_value()) {
    r.on(s.table, ael).with_partitions = true;
  } else if (*table->partitioned) {
    for (const TableName& child : r.known.descendants(s.table)) {
      auto& held = r.on(child, LockMode::share);
      held.scan = held.index_build = Answer::yes;
    }
  }
}

LockMode add_key(Reading& r, Subcommand& s, const json::object& constraint) {
  const bool primary = tree::text(constraint, "contype") == "CONSTR_PRIMARY";
  const std::string name(tree::text(constraint, "conname"));
  Action action{ActionKind::add_unique, s.table, name};
  action.using_index = constraint.contains("indexname");
  const bool using_index = action.using_index;
  r.out.actions.push_back(std::move(action));
  auto& held = r.on(s.table, ael);
  if (!using_index) {
    held.scan = held.index_build = Answer::yes;
    on_partitions(r, s);
    s.note = "builds an index";
    if (tree::flag(constraint, "nulls_not_distinct")) r.out.since = std::max(r.out.since, 15);
    r.rule(primary ? "add-primary-key" : "add-unique", s.table, name);
    return ael;
  }
  s.note = "no rewrite; a primary key scans for NULLs, unless its columns are NOT NULL";
  s.with_children = false;
  if (!primary) {
    r.rule("add-unique-using-index", s.table, name);
    return ael;
  }
  r.rule("add-primary-key-using-index", s.table, name);
  const auto* table = r.find(s.table);
  const std::string index(tree::text(constraint, "indexname"));
  const auto known = table ? table->indexes.find(index) : decltype(table->indexes.find(index)){};
  Answer scan = Answer::unknown;
  if (table && known != table->indexes.end()) {
    scan = Answer::no;
    for (const auto& column : known->second.columns) {
      const Answer one = proven(r, s.table, column);
      scan = std::max(scan, one == Answer::yes ? Answer::no : one == Answer::no ? Answer::yes : Answer::unknown);
    }
  }
  held.scan = std::max(held.scan, scan);
  if (scan == Answer::unknown) r.asks(fmt::format("whether the columns of index {} are NOT NULL", index));
  return ael;
}

LockMode add_any_constraint(Reading& r, Subcommand& s) {
  const auto& constraint = tree::body_of(s.command.at("def"));
  const auto kind = tree::text(constraint, "contype");
  if (kind == "CONSTR_CHECK") return add_check(r, s, constraint);
  if (kind == "CONSTR_FOREIGN") return add_foreign_key(r, s, constraint);
  if (kind == "CONSTR_UNIQUE" || kind == "CONSTR_PRIMARY") return add_key(r, s, constraint);
  if (kind != "CONSTR_EXCLUSION") {
    r.rule("opaque", s.table);
    r.out.opaque = true;
    return ael;
  }
  const std::string name(tree::text(constraint, "conname"));
  r.out.actions.push_back({ActionKind::add_exclude, s.table, name});
  r.rule("add-exclude", s.table, name);
  auto& held = r.on(s.table, ael);
  held.scan = held.index_build = Answer::yes;
  on_partitions(r, s);
  s.note = "builds an index";
  return ael;
}

}  // namespace

LockMode add_constraint(Reading& r, Subcommand& s) {
  const bool all = s.with_children;
  const auto lock = add_any_constraint(r, s);
  // Since 18 whatever is added locks every child, whether it is inherited or not.
  if (all && r.since(18) != Answer::no) r.on(s.table, lock).children_locked = true;
  return lock;
}

namespace {

// PRIMARY KEY and UNIQUE; an exclusion constraint keeps something else out. Where nobody knows, the name may tell.
Answer is_key(const KnownConstraint* known, std::string_view name) {
  if (known) {
    const bool key = known->kind == KnownConstraint::Kind::unique || known->kind == KnownConstraint::Kind::primary_key;
    return key ? Answer::yes : Answer::no;
  }
  return named_like_a_key(name);
}

}  // namespace

LockMode drop_constraint(Reading& r, Subcommand& s) {
  const std::string name(tree::text(s.command, "name"));
  r.out.loss = std::max(r.out.loss, Loss::definition);
  s.note = "no scan, no rewrite; if it is a foreign key, the table it points to is locked as well";
  r.out.actions.push_back({ActionKind::drop_constraint, s.table, name});
  const auto* table = r.find(s.table);
  const auto known = table ? table->constraints.find(name) : decltype(table->constraints.find(name)){};
  const bool found = table && known != table->constraints.end();
  const Answer key = is_key(found ? &known->second : nullptr, name);
  r.rule(key == Answer::no    ? "drop-constraint"
         : key == Answer::yes ? "drop-key"
                              : "drop-constraint-unknown",
         s.table, name);
  if (key == Answer::unknown) r.asks(fmt::format("whether {} is a key", name));
  if (found) {
    if (!inherits(known->second)) partitions_only(r, s, ael);
    if (known->second.kind == KnownConstraint::Kind::foreign_key && known->second.references != s.table) {
      r.on(known->second.references, ael).with_partitions = true;
    }
  } else if (key != Answer::yes) {
    r.unnamed(fmt::format("the table that {} refers to, if it is a foreign key", name), ael);
    r.asks(fmt::format("what {} is, and to which table it refers", name));
  }
  if (tree::text(s.command, "behavior") == "DROP_CASCADE") {
    r.rule("drop-cascade", s.table, name);
    r.unnamed(fmt::format("each table with a foreign key that needs {}", name), ael);
    r.asks(fmt::format("which foreign keys need {}", name));
  }
  return ael;
}

namespace {

// ADD CONSTRAINT … NOT VALID, VALIDATE CONSTRAINT …: under the lock of the first.
bool adds_by_the_same_statement(const Reading& r, std::string_view name) {
  const auto& commands = tree::list(r.node, "cmds");
  return std::any_of(commands.begin(), commands.end(), [name](const json::value& item) {
    const auto& command = tree::body_of(item);
    return tree::text(command, "subtype") == "AT_AddConstraint" &&
           tree::text(tree::body_of(command.at("def")), "conname") == name;
  });
}

}  // namespace

LockMode validate_constraint(Reading& r, Subcommand& s) {
  const std::string name(tree::text(s.command, "name"));
  r.out.kind = StatementKind::validate;
  r.rule("validate-constraint", s.table, name);
  s.note = "scans the table; reads and writes go on";
  const auto* table = r.find(s.table);
  const auto known = table ? table->constraints.find(name) : decltype(table->constraints.find(name)){};
  const bool found = table && known != table->constraints.end();
  if (found && !inherits(known->second)) partitions_only(r, s, sue);
  auto& held = r.on(s.table, sue);
  if (adds_by_the_same_statement(r, name)) {
    held.scan = Answer::yes;
  } else if (!found || !known->second.validated.has_value()) {
    held.scan = std::max(held.scan, Answer::unknown);
    r.asks(fmt::format("whether {} is valid already", name));
  } else if (!*known->second.validated) {
    held.scan = Answer::yes;
  }
  if (found && known->second.kind == KnownConstraint::Kind::foreign_key && !known->second.validated.value_or(false)) {
    auto& to = r.on(known->second.references, LockMode::row_share);
    to.scan = Answer::yes;
  } else if (!found) {
    auto& to = r.unnamed(fmt::format("the table that {} refers to, if it is a foreign key", name), LockMode::row_share);
    to.scan = Answer::unknown;
  }
  return sue;
}

LockMode set_not_null(Reading& r, Subcommand& s) {
  const std::string column(tree::text(s.command, "name"));
  r.out.actions.push_back({ActionKind::set_not_null, s.table, column});
  s.note = "scans the table, unless a valid CHECK proves it";
  const Answer known = proven(r, s.table, column);
  if (known == Answer::yes) {
    r.rule("set-not-null-proven", s.table, column);
    return ael;
  }
  r.rule("set-not-null", s.table, column);
  auto& held = r.on(s.table, ael);
  held.scan = std::max(held.scan, known == Answer::no ? Answer::yes : Answer::unknown);
  if (known == Answer::unknown) {
    r.asks(fmt::format("whether {} is NOT NULL already, or a valid CHECK of {} proves it", column, s.table.name));
  }
  return ael;
}

}  // namespace pgphase::effects
