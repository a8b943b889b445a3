#include "phases/backfill/todo.hpp"

#include <fmt/format.h>

#include "phases/postgres/volatility.hpp"
#include "plans/sql/expression.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// The line break ends a comment at the end of the author's text.
std::string in_parentheses(const std::string& sql) {
  return "(" + sql + "\n)";
}

std::string joined(const std::string& left, std::string_view separator, const std::string& right) {
  return left.empty() ? right : left + std::string(separator) + right;
}

// Stable within a transaction, another value in the next: a row set in one batch would look undone to the sweep.
bool reads_clock(const BackfillBody& body) {
  for (const auto& function : body.functions) {
    if (differs_by_transaction(function)) return true;
  }
  for (const auto& assignment : body.set) {
    if (const auto parsed = parse_expression(assignment.expression); parsed && parsed->reads_clock) return true;
  }
  return false;
}

Result<bool> is_volatile(Session& session, const Target& target, const BackfillBody& body) {
  std::vector<std::string> expressions;
  for (const auto& assignment : body.set) expressions.push_back(assignment.expression);
  return any_volatile(session,
                      fmt::format("{}{} AS {}", target.partitioned ? "" : "ONLY ", qualified(target.table),
                                  quote_ident(target.table.name)),
                      expressions);
}

// Not AND alone: PostgreSQL evaluates its sides in the order that it likes, and the condition need not bear rows that the
// author has left out. It stands there once more, as it is, for the indexes, which know nothing of CASE.
std::string among_those_meant(const BackfillBody& body, const std::string& condition) {
  if (body.where.empty()) return condition;
  const auto where = in_parentheses(body.where);
  return fmt::format("({0} AND CASE WHEN {0} THEN {1} ELSE false END)", where, condition);
}

}  // namespace

const char* to_string(Todo todo) {
  switch (todo) {
    case Todo::where:
      return "where";
    case Todo::fill_empty:
      return "fill_empty";
    case Todo::differs:
      return "differs";
    case Todo::marker:
      return "marker";
  }
  return "?";
}

std::optional<Todo> todo_named(std::string_view name) {
  for (const auto todo : {Todo::where, Todo::fill_empty, Todo::differs, Todo::marker}) {
    if (name == to_string(todo)) return todo;
  }
  return std::nullopt;
}

Result<Todo> choose_todo(Session& session, const Target& target, const BackfillBody& body) {
  if (body.todo != Todo::differs) return body.todo;
  if (reads_clock(body)) return Todo::marker;
  PGPHASE_TRY(changes_each_time, is_volatile(session, target, body));
  return changes_each_time ? Todo::marker : Todo::differs;
}

std::string todo_condition(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker) {
  const auto row = quote_ident(target.table.name);
  switch (todo) {
    case Todo::where:
      return in_parentheses(body.where);
    case Todo::marker:
      return among_those_meant(body, row + "." + quote_ident(marker));
    case Todo::fill_empty: {
      std::string any;
      for (const auto& [column, expression] : body.set) {
        any = joined(
            any, " OR ",
            fmt::format("({} AND {})", is_null(row + "." + quote_ident(column)), is_not_null(in_parentheses(expression))));
      }
      return "(" + any + ")";
    }
    case Todo::differs: {
      // Compares images, not values: IS DISTINCT FROM fails on json, and overlooks case in citext and scale in numeric.
      std::string now, wanted;
      for (std::size_t i = 0; i < body.set.size(); ++i) {
        now = joined(now, ", ", row + "." + quote_ident(body.set[i].column));
        wanted = joined(wanted, ", ", in_parentheses(body.set[i].expression) + "::" + target.columns[i].type);
      }
      return among_those_meant(body, fmt::format("pg_catalog.record_image_ne(ROW({}), ROW({}))", now, wanted));
    }
  }
  return "false";
}

std::string needed_at_least(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker) {
  const auto row = quote_ident(target.table.name);
  if (todo == Todo::marker) return row + "." + quote_ident(marker);
  if (todo != Todo::fill_empty) return "true";
  std::string any;
  for (const auto& assignment : body.set)
    any = joined(any, " OR ", is_null(row + "." + quote_ident(assignment.column)));
  return "(" + any + ")";
}

std::string assignments(Todo todo, const BackfillBody& body, const Target& target, const std::string& marker) {
  std::string list;
  for (std::size_t i = 0; i < body.set.size(); ++i) {
    const auto column = quote_ident(body.set[i].column);
    auto value = in_parentheses(body.set[i].expression);
    if (todo == Todo::fill_empty && body.set.size() > 1) {
      // One of the columns may be empty while an application has already written another.
      value = fmt::format("coalesce({}.{}, {}::{})", quote_ident(target.table.name), column, value,
                          target.columns[i].plain_type);
    }
    list = joined(list, ", ", column + " = " + value);
  }
  if (todo == Todo::marker) list = joined(list, ", ", quote_ident(marker) + " = false");
  return list;
}

}  // namespace pgphase
