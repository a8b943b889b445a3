#include "orchestrator/cli/step_words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/cli/words.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

std::string set_list(const BackfillBody& body) {
  std::vector<std::string> list;
  for (const auto& [column, expression] : body.set)
    list.push_back(fmt::format("{} = ({})", quote_ident(column), expression));
  return words::joined(list, ", ");
}

// The rows that are still to be done, as far as the plan alone can say it: the types that an exact comparison casts to
// are the server's knowledge.
std::string todo_words(const BackfillBody& body) {
  std::vector<std::string> list;
  const auto among_those_meant = [&body](const std::string& condition) {
    return body.where.empty() ? condition : fmt::format("({}) AND ({})", body.where, condition);
  };
  switch (body.todo) {
    case Todo::where:
      return body.where;
    case Todo::marker:
      return among_those_meant("<not yet marked as done>");
    case Todo::fill_empty:
      for (const auto& [column, expression] : body.set) {
        list.push_back(fmt::format("{} IS NULL AND ({}) IS NOT NULL", quote_ident(column), expression));
      }
      break;
    case Todo::differs:
      for (const auto& [column, expression] : body.set) {
        list.push_back(fmt::format("{} IS DISTINCT FROM ({})", quote_ident(column), expression));
      }
      return among_those_meant(words::joined(list, " OR "));
  }
  return words::joined(list, " OR ");
}

std::string backfill_note(const BackfillBody& body) {
  std::string note = "in small batches, each committed with its checkpoint; locks the rows of one batch at a time";
  if (body.todo == Todo::marker) {
    note +=
        "; a marker column, added and dropped under two short ACCESS EXCLUSIVE locks, makes sure that each row is "
        "set exactly once";
  }
  return note;
}

bool looks_only(const Statement& statement) {
  return statement.kind == StatementKind::require;
}

// What an undo executes: some of its statements stand there for a place only.
std::vector<Statement> that_do_something(std::vector<Statement> statements) {
  std::erase_if(statements, [](const Statement& statement) { return statement.kind == StatementKind::nothing; });
  return statements;
}

std::string counted(std::size_t statements) {
  return statements == 1 ? "one statement, in a transaction"
                         : fmt::format("{} statements, each in a transaction of its own", statements);
}

std::string names_of(const std::vector<LinkedColumn>& columns) {
  std::vector<std::string> names;
  for (const auto& column : columns) names.push_back(column.name);
  return words::joined(names, ", ");
}

struct What {
  std::string operator()(const CreateTableBody& body) const {
    return fmt::format("creates the table {}", display_name(body.table));
  }
  std::string operator()(const AddColumnBody& body) const {
    return fmt::format("adds the column {}.{}", display_name(body.table), body.column);
  }
  std::string operator()(const LinkColumnsBody& body) const {
    return fmt::format("adds {} to {}, and keeps {} in step with {}", names_of(body.targets), display_name(body.table),
                       body.targets.size() == 1 ? "it" : "them", names_of(body.sources));
  }
  std::string operator()(const HandOverBody& body) const {
    if (body.retire.empty()) return fmt::format("ends what keeps the columns of {} in step", body.link_step);
    auto words = fmt::format("retires {} of {}", words::joined(body.retire, ", "), display_name(body.table));
    for (const auto& one : body.rename) words += fmt::format("; {} is called {} from then on", one.from, one.to);
    return words;
  }
  std::string operator()(const RetypeBody& body) const {
    const auto column = fmt::format("{}.{}", display_name(body.table), body.column);
    return body.part == RetypeBody::Part::twins
               ? fmt::format("builds the indexes of {} for the new type", column)
               : fmt::format("makes the constraints of {} for the new type, then turns it into a {}", column,
                             body.type);
  }
  std::string operator()(const DropNotNullBody& body) const {
    return fmt::format("lets {}.{} be left out", display_name(body.table), body.column);
  }
  std::string operator()(const RetireTableBody& body) const {
    return fmt::format("retires the table {}", display_name(body.table));
  }
  std::string operator()(const RenameTableBody& body) const {
    return body.part == RenameTableBody::Part::view
               ? fmt::format("makes {} a view of {}", display_name(body.renamed()), display_name(body.table))
               : fmt::format("gives the table {} the name {}", display_name(body.table), body.to);
  }
  std::string operator()(const KeepOldBody& body) const {
    return fmt::format("makes room in {} for the old values of {}", display_name(body.table),
                       words::joined(body.columns, ", "));
  }
  std::string operator()(const BackfillBody& body) const {
    std::vector<std::string> columns;
    for (const auto& assignment : body.set) columns.push_back(assignment.column);
    return fmt::format("fills {} of {}", words::joined(columns, ", "), display_name(body.table));
  }
  std::string operator()(const SqlBody& body) const {
    const auto looks = static_cast<std::size_t>(std::count_if(body.forward.begin(), body.forward.end(), looks_only));
    if (looks > 0) return "looks whether any row stands in the way, then " + counted(body.forward.size() - looks);
    if (body.forward.size() != 1) return counted(body.forward.size());
    const auto& statement = body.forward.front();
    switch (statement.kind) {
      case StatementKind::create_index_concurrently:
        return fmt::format("builds the index {}", display_name(statement.index));
      case StatementKind::drop_index_concurrently:
        return fmt::format("drops the index {}", display_name(statement.index));
      case StatementKind::rebuild_index:
        return fmt::format("builds the index {} again", display_name(statement.index));
      case StatementKind::validate:
        return "checks the rows that exist against a constraint";
      case StatementKind::maintenance:
        return "maintenance, outside a transaction";
      case StatementKind::transactional:
        return counted(1);
      case StatementKind::require:
        return "looks whether it can be done";
      case StatementKind::nothing:
        return "nothing";
    }
    return {};
  }
};

struct Forward {
  std::vector<Statement> operator()(const CreateTableBody& body) const {
    Statement statement;
    statement.sql = body.sql;
    statement.note = "a new table: nobody can be waiting for it";
    return {statement};
  }
  std::vector<Statement> operator()(const AddColumnBody& body) const {
    Statement statement;
    statement.sql = body.sql;
    statement.locks = {{body.table, LockMode::access_exclusive}};
    statement.note = "no scan, no rewrite";
    return {statement};
  }
  std::vector<Statement> operator()(const LinkColumnsBody& body) const {
    std::vector<std::string> columns;
    for (const auto& target : body.targets) {
      columns.push_back(fmt::format("ADD COLUMN {} {}", quote_ident(target.name),
                                    target.type.empty() ? fmt::format("<the type of {}>", target.like) : target.type));
    }
    Statement statement;
    statement.sql = fmt::format("ALTER TABLE {} {}", qualified(body.table), words::joined(columns, ", "));
    statement.locks = {{body.table, LockMode::access_exclusive}};
    statement.note = "no scan, no rewrite; with the sync triggers in the same transaction";
    return {statement};
  }
  std::vector<Statement> operator()(const HandOverBody& body) const {
    Statement statement;
    const auto add = [&](const std::string& sql) { statement.sql += (statement.sql.empty() ? "" : "; ") + sql; };
    const auto alter = [&](const std::string& what) {
      add(fmt::format("ALTER TABLE {} {}", qualified(body.table), what));
    };
    for (const auto& name : body.retire)
      alter(fmt::format("RENAME COLUMN {} TO _pgphase_retired_<n>", quote_ident(name)));
    for (const auto& one : body.rename) {
      alter(fmt::format("RENAME COLUMN {} TO {}", quote_ident(one.from), quote_ident(one.to)));
    }
    for (const auto& one : body.defaults) {
      alter(fmt::format("ALTER COLUMN {} SET DEFAULT {}", quote_ident(one.column), one.expression));
    }
    if (body.retire.empty()) {
      add(fmt::format("DROP TRIGGER \"!pgphase_sync\" ON {0}; DROP TRIGGER \"~pgphase_sync\" ON {0}",
                      qualified(body.table)));
    }
    statement.locks = {{body.table, LockMode::access_exclusive}};
    statement.note = body.retire.empty()
                         ? "no scan, no rewrite; where other columns are in step too, only the function changes"
                         : "no scan, no rewrite; its foreign keys go with a column";
    return {statement};
  }
  // Which ones there are is the database's knowledge.
  std::vector<Statement> operator()(const RetypeBody& body) const {
    const auto table = qualified(body.table), column = quote_ident(body.column);
    const auto one = [&](const char* sql, LockMode mode, const char* note) {
      Statement statement;
      statement.sql = fmt::format(fmt::runtime(sql), fmt::arg("table", table), fmt::arg("column", column));
      statement.locks = {{body.table, mode}};
      statement.note = note;
      return statement;
    };
    if (body.part == RetypeBody::Part::twins) {
      return {
          one("CREATE INDEX CONCURRENTLY <a twin of each index with {column}> ON {table} …",
              LockMode::share_update_exclusive,
              "scans the table twice for each; reads and writes go on. Before, ACCESS EXCLUSIVE for a moment: "
              "PostgreSQL writes the definitions"),
          one("ANALYZE {table}", LockMode::share_update_exclusive, "so that queries are planned as well as before")};
    }
    return {one("ALTER TABLE {table} ADD CONSTRAINT <a twin of each check and foreign key of {column}, and of its NOT "
                "NULL> NOT VALID",
                LockMode::access_exclusive, "no scan; a foreign key locks the table that it refers to as well"),
            one("ALTER TABLE {table} VALIDATE CONSTRAINT <each of them>", LockMode::share_update_exclusive,
                "scans the table; reads and writes go on"),
            one("ALTER TABLE {table} RENAME COLUMN {column} TO _pgphase_retired_<n>; ALTER TABLE {table} RENAME COLUMN "
                "<the new one> TO {column}",
                LockMode::access_exclusive,
                "no scan, no rewrite; with the names of indexes and constraints, primary key, default, sequence or "
                "identity, grants and comments; foreign keys from elsewhere go and come back NOT VALID, under the same "
                "lock on their tables"),
            one("ALTER TABLE <each of these> VALIDATE CONSTRAINT …", LockMode::row_share,
                "scans their tables; reads and writes go on")};
  }
  std::vector<Statement> operator()(const RetireTableBody& body) const {
    Statement statement;
    statement.sql = fmt::format("ALTER TABLE {} SET SCHEMA pgphase_retired", qualified(body.table));
    statement.locks = {{body.table, LockMode::access_exclusive}};
    statement.note =
        "no scan, no rewrite; with its partitions, indexes and sequences; its foreign keys in both directions go";
    return {statement};
  }
  std::vector<Statement> operator()(const RenameTableBody& body) const {
    Statement statement;
    if (body.part == RenameTableBody::Part::view) {
      statement.sql = fmt::format("CREATE VIEW {} AS SELECT <its columns> FROM {}", qualified(body.renamed()),
                                  qualified(body.table));
      statement.locks = {{body.table, LockMode::access_share}};
      statement.note = "with the table's grants";
    } else {
      statement.sql = fmt::format("DROP VIEW {}; ALTER TABLE {} RENAME TO {}", qualified(body.renamed()),
                                  qualified(body.table), quote_ident(body.to));
      statement.locks = {{body.renamed(), LockMode::access_exclusive}, {body.table, LockMode::access_exclusive}};
      statement.note = "no scan, no rewrite";
    }
    return {statement};
  }
  std::vector<Statement> operator()(const DropNotNullBody& body) const {
    Statement statement;
    statement.sql =
        fmt::format("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", qualified(body.table), quote_ident(body.column));
    statement.locks = {{body.table, LockMode::access_exclusive}};
    statement.note = body.unless_there_is_a_default ? "no scan, no rewrite; not where the column has a default"
                                                    : "no scan, no rewrite";
    return {statement};
  }
  std::vector<Statement> operator()(const KeepOldBody& body) const {
    std::vector<std::string> columns;
    for (const auto& name : body.columns) {
      columns.push_back(fmt::format("ADD COLUMN _pgphase_old_<n> <the type of {}>", name));
    }
    columns.emplace_back("ADD COLUMN _pgphase_kept_<n> boolean");
    Statement statement;
    statement.sql = fmt::format("ALTER TABLE {} {}", qualified(body.table), words::joined(columns, ", "));
    statement.locks = {{body.table, LockMode::access_exclusive}};
    statement.note = "no scan, no rewrite; with two triggers that take the mark away when somebody else writes";
    return {statement};
  }
  std::vector<Statement> operator()(const BackfillBody& body) const {
    Statement statement;
    statement.sql = fmt::format("UPDATE {} SET {} WHERE {}", qualified(body.table), set_list(body), todo_words(body));
    statement.locks = {{body.table, LockMode::row_exclusive}};
    statement.note = backfill_note(body);
    return {statement};
  }
  std::vector<Statement> operator()(const SqlBody& body) const { return body.forward; }
};

struct Undo {
  std::vector<Statement> operator()(const CreateTableBody&) const { return {}; }
  std::vector<Statement> operator()(const AddColumnBody&) const { return {}; }
  std::vector<Statement> operator()(const LinkColumnsBody&) const { return {}; }
  std::vector<Statement> operator()(const HandOverBody&) const { return {}; }
  std::vector<Statement> operator()(const RetypeBody&) const { return {}; }
  std::vector<Statement> operator()(const DropNotNullBody&) const { return {}; }
  std::vector<Statement> operator()(const RetireTableBody&) const { return {}; }
  std::vector<Statement> operator()(const RenameTableBody&) const { return {}; }
  std::vector<Statement> operator()(const KeepOldBody&) const { return {}; }
  std::vector<Statement> operator()(const BackfillBody& body) const { return body.undo; }
  std::vector<Statement> operator()(const SqlBody& body) const { return that_do_something(body.undo); }
};

struct HowUndone {
  std::string operator()(const CreateTableBody&) const {
    return "drops the table if it is certainly empty; else hides it with its rows, and the next up brings it back";
  }
  std::string operator()(const AddColumnBody&) const {
    return "drops the column if it is certainly empty; else hides it with its values, and the next up brings it back";
  }
  std::string operator()(const LinkColumnsBody& body) const {
    return fmt::format("hides {} with their values, kept up to date with {}, and the next up brings them back",
                       names_of(body.targets), names_of(body.sources));
  }
  std::string operator()(const HandOverBody& body) const {
    if (body.retire.empty()) return "keeps the columns in step again";
    auto words = fmt::format("brings {} back with every value", words::joined(body.retire, ", "));
    if (!body.link_step.empty()) words += ", and keeps the columns in step again";
    return words;
  }
  std::string operator()(const RetypeBody& body) const {
    return body.part == RetypeBody::Part::twins
               ? std::string("drops these indexes, while everybody goes on")
               : fmt::format(
                     "gives {}.{} its old type back with every value, in one short transaction; refused where "
                     "the primary key holds values that the old type cannot",
                     display_name(body.table), body.column);
  }
  std::string operator()(const RetireTableBody&) const {
    return "brings the table back with every row; its foreign keys are checked while everybody goes on";
  }
  std::string operator()(const RenameTableBody& body) const {
    return body.part == RenameTableBody::Part::view ? "drops the view"
                                                    : "gives the old name back, and makes the view again";
  }
  std::string operator()(const DropNotNullBody& body) const {
    return body.restore.empty()
               ? "requires a value again, without a scan under a lock; rows that lack one stay, and new ones are "
                 "refused"
               : "gives the rows that lack a value one, in batches, and requires it again without a scan under a lock";
  }
  std::string operator()(const KeepOldBody&) const {
    return "drops the room, when the old values are back in their places";
  }
  std::string operator()(const BackfillBody& body) const {
    if (!body.keep_step.empty()) {
      return "restores the old values, in batches, in the rows that nobody has written since";
    }
    return body.undo.empty() ? "nothing to undo: the values stay until the column itself is taken back"
                             : "runs the rollback that the plan gives";
  }
  std::string operator()(const SqlBody& body) const {
    if (body.stays_with)
      return fmt::format("nothing to undo: it stays with {}, and the next up finds it done", display_name(*body.stays_with));
    if (body.undo.size() == 1 && body.undo.front().kind == StatementKind::drop_index_concurrently) {
      return "drops the index; the next up builds it again";
    }
    if (body.undo.size() == 1 && body.undo.front().kind == StatementKind::rebuild_index) {
      return "builds the index again from the definition that the ledger keeps";
    }
    const auto undo = that_do_something(body.undo).size();
    return undo == 1 ? "one statement" : fmt::format("{} statements", undo);
  }
};

struct Keeps {
  std::string operator()(const CreateTableBody& body) const {
    return fmt::format("every row of {} (hidden, and brought back by the next up)", display_name(body.table));
  }
  std::string operator()(const AddColumnBody& body) const {
    return fmt::format("every value of {}.{} (hidden, and brought back by the next up)", display_name(body.table),
                       body.column);
  }
  std::string operator()(const LinkColumnsBody& body) const {
    return fmt::format("every value of {} in {} (hidden, and brought back by the next up)", names_of(body.targets),
                       display_name(body.table));
  }
  std::string operator()(const HandOverBody& body) const {
    if (body.retire.empty()) return "all rows: only triggers change";
    return fmt::format("every value of {} in {}", words::joined(body.retire, ", "), display_name(body.table));
  }
  std::string operator()(const RetypeBody& body) const {
    if (body.part == RetypeBody::Part::twins) return "all rows: only indexes change";
    return fmt::format(
        "every value of {}.{} (those that the old type cannot hold are hidden, and brought back by the "
        "next up)",
        display_name(body.table), body.column);
  }
  std::string operator()(const DropNotNullBody& body) const {
    return fmt::format("every value of {}.{}", display_name(body.table), body.column);
  }
  std::string operator()(const RetireTableBody& body) const {
    return fmt::format("every row of {}", display_name(body.table));
  }
  std::string operator()(const RenameTableBody& body) const {
    return fmt::format("every row of {}: only its name changes", display_name(body.table));
  }
  std::string operator()(const KeepOldBody& body) const {
    return fmt::format("every row of {}", display_name(body.table));
  }
  std::string operator()(const BackfillBody& body) const {
    if (!body.keep_step.empty()) {
      return fmt::format("in {} the old values, and where somebody has written since, the newer one",
                         display_name(body.table));
    }
    return body.undo.empty() ? fmt::format("the values in {}, as they are", display_name(body.table))
                             : fmt::format("in {} what the plan's own rollback keeps", display_name(body.table));
  }
  std::string operator()(const SqlBody& body) const {
    if (body.stays_with) return fmt::format("every row of {}", display_name(*body.stays_with));
    // Steps of pgphase's own that look at the rows first add constraints, and nothing else.
    if (!body.forward.empty() && looks_only(body.forward.front())) return "all rows: only constraints change";
    for (const auto& statement : body.undo) {
      const bool of_index =
          statement.kind == StatementKind::drop_index_concurrently || statement.kind == StatementKind::rebuild_index;
      if (!of_index) return "every row that the plan's own rollback statements do not touch";
    }
    return "all rows: only indexes change";
  }
};

}  // namespace

std::string what_it_does(const Step& step) {
  return std::visit(What{}, step.body);
}
std::vector<Statement> forward_statements(const Step& step) {
  return std::visit(Forward{}, step.body);
}
std::vector<Statement> undo_statements(const Step& step) {
  return std::visit(Undo{}, step.body);
}

std::string how_it_is_undone(const Step& step) {
  if (step.irreversible) return "cannot be undone: " + *step.irreversible;
  return std::visit(HowUndone{}, step.body);
}

std::string what_undo_keeps(const Step& step) {
  if (step.irreversible) return fmt::format("{} cannot be undone ({})", step.name, *step.irreversible);
  return std::visit(Keeps{}, step.body);
}

const char* to_string(StatementKind kind) {
  switch (kind) {
    case StatementKind::transactional:
      return "transactional";
    case StatementKind::validate:
      return "validate";
    case StatementKind::create_index_concurrently:
      return "create_index_concurrently";
    case StatementKind::drop_index_concurrently:
      return "drop_index_concurrently";
    case StatementKind::rebuild_index:
      return "rebuild_index";
    case StatementKind::maintenance:
      return "maintenance";
    case StatementKind::require:
      return "require";
    case StatementKind::nothing:
      return "nothing";
  }
  return "?";
}

}  // namespace pgphase
