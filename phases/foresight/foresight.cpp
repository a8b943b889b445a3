#include "phases/foresight/foresight.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/backfill/target.hpp"
#include "phases/backfill/todo.hpp"
#include "phases/catalogue/publications_of.hpp"
#include "phases/catalogue/subscriptions_of.hpp"
#include "phases/foresight/fired_triggers.hpp"
#include "phases/foresight/written_by_hand.hpp"
#include "phases/ledger/schema.hpp"
#include "phases/old_values/old_values.hpp"
#include "phases/postgres/row_security.hpp"
#include "phases/rename/table_name.hpp"
#include "phases/retire/added_column.hpp"
#include "phases/retire/naming_triggers.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/stored_rows.hpp"
#include "phases/retire/whole_table.hpp"
#include "phases/retype/obstacles.hpp"
#include "phases/sync/new_columns.hpp"
#include "phases/sync/excluded.hpp"
#include "phases/sync/hand_over.hpp"
#include "phases/sync/links.hpp"
#include "phases/sync/other_plans.hpp"
#include "phases/sync/settings.hpp"
#include "plans/sql/quote.hpp"
#include "plans/sql/statement.hpp"

namespace pgphase {
namespace {

// Text is all that can be read of most functions: both words in it are a reason to look, and so is the column's alone
// where a row of the table, or several, is handed in or out.
constexpr const char* k_functions = R"sql(
WITH of_row AS (
  SELECT t.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_type t ON t.oid = c.reltype OR t.typelem = c.reltype AND t.typcategory = 'A'
   WHERE n.nspname = $3 AND c.relname = $1
)
SELECT p.oid::regprocedure::text, w.has_it
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang,
       LATERAL (SELECT p.prosrc ~* ('(^|\W)' || regexp_replace($1, '([^[:alnum:]_])', '\\\1', 'g') || '(\W|$)')) w(has_it)
 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgphase') AND l.lanname NOT IN ('c', 'internal')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
   AND (w.has_it
        OR EXISTS (SELECT FROM of_row r WHERE r.oid = p.prorettype
                                           OR r.oid = ANY (coalesce(p.proallargtypes, p.proargtypes::oid[]))))
   AND p.prosrc ~* ('(^|\W)' || regexp_replace($2, '([^[:alnum:]_])', '\\\1', 'g') || '(\W|$)')
 ORDER BY 1 LIMIT 10
)sql";

std::string seems_to_use(const Row& function, const TableName& table, const std::string& column) {
  return function.boolean(1)
             ? fmt::format("function {} has the words {} and {} in its text", function.text(0), table.name, column)
             : fmt::format("function {} is given or returns rows of {}, and has the word {} in its text",
                           function.text(0), table.name, column);
}

// PostgreSQL fires UPDATE OF by the columns that a statement names, not by those that a trigger writes.
constexpr const char* k_triggers_of_column = R"sql(
SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (t.tgattr)
 WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT t.tgisinternal ORDER BY 1
)sql";

// Constraints that go on holding for column $3 when nobody sees it any more. Twins of ours go with what they stand for.
constexpr const char* k_constraints_of_column = R"sql(
SELECT CASE k.contype WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion constraint' ELSE 'unique constraint' END, k.conname
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 AND NOT a.attisdropped
 WHERE n.nspname = $1 AND c.relname = $2 AND k.contype IN ('c', 'u', 'x') AND k.conname !~ '^_pgphase_'
   AND (a.attnum = ANY (k.conkey)
        OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = k.conindid
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum))
UNION ALL
SELECT 'unique index', i.relname
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 AND NOT a.attisdropped
 WHERE n.nspname = $1 AND c.relname = $2 AND x.indisunique AND i.relname !~ '^_pgphase_'
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))
   AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.oid
               AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)
 ORDER BY 1, 2
)sql";

class Look {
 public:
  Look(Session& session, const PlanId& plan, const Step& step) : session_(session), plan_(plan), step_(step) {}
  Foresight take() { return std::move(found_); }

  Result<void> rows_of(const TableName& table) {
    PGPHASE_TRY(hidden, row_security_in_the_way(session_, table));
    if (hidden) found_.obstacles.push_back(std::move(*hidden));
    return {};
  }

  Result<void> operator()(const SqlBody& body) {
    for (const auto& statement : body.forward) {
      const auto parsed = parse_statements(statement.sql);
      if (!parsed) continue;
      for (const auto& one : *parsed) {
        PGPHASE_TRY(in_the_way, obstacles_to_writing_by_hand(session_, plan_, one));
        PGPHASE_CHECK(note(in_the_way));
      }
    }
    return {};
  }
  Result<void> operator()(const CreateTableBody&) { return {}; }
  Result<void> operator()(const BackfillBody& body) {
    PGPHASE_TRY(obstacles, obstacles_to_backfilling(session_, body));
    PGPHASE_CHECK(note(obstacles));
    PGPHASE_TRY(fired, fired_by(session_, body));
    for (const auto& sentence : fired) warn(sentence);
    PGPHASE_TRY(no_room, no_room_for_a_marker(body.table));
    PGPHASE_TRY(publications, publications_of(session_, body.table));
    if (no_room.empty() && publications.empty()) return {};
    PGPHASE_TRY(needs_a_marker, has_a_marker(body));
    if (!needs_a_marker) return {};
    for (const auto& why : no_room) {
      found_.obstacles.push_back(
          fmt::format("{}, so that the backfill could not have its marker column there: say with a `where` that is "
                      "false for a row once it is set which rows are meant, and none is needed",
                      why));
    }
    for (const auto& publication : publications) {
      warn(fmt::format(
          "publication {} publishes {}: while the backfill has its marker column there, a subscriber without "
          "one stops; say with a `where` that is false for a row once it is set which rows are meant, and none is needed",
          publication, display_name(body.table)));
    }
    return {};
  }
  Result<void> operator()(const AddColumnBody& body) {
    PGPHASE_CHECK(adding(body.table, {added_by(body)}));
    return published(body.table, body.column);
  }

  Result<void> operator()(const DropNotNullBody& body) {
    if (body.unless_there_is_a_default) return {};  // the step that retires the column asks for more
    PGPHASE_TRY(obstacles, obstacles_to_drop_not_null(session_, body));
    return note(obstacles);
  }

  Result<void> operator()(const RetireTableBody& body) {
    PGPHASE_TRY(obstacles, obstacles_to_retiring(session_, body));
    PGPHASE_CHECK(note(obstacles));
    return named_in_functions(body.table, "");
  }

  Result<void> operator()(const KeepOldBody& body) {
    PGPHASE_TRY(obstacles, obstacles_to_keeping(session_, body));
    PGPHASE_CHECK(note(obstacles));
    return adding(body.table, {{"_pgphase_kept", "boolean", "", false, false}});
  }

  Result<void> operator()(const RenameTableBody& body) {
    PGPHASE_TRY(obstacles, obstacles_to_renaming(session_, body));
    PGPHASE_CHECK(note(obstacles));
    if (body.part == RenameTableBody::Part::rename) return named_in_functions(body.table, "");
    PGPHASE_TRY(readers, readers_of_some_columns(session_, body));
    for (const auto& role : readers) {
      warn(
          fmt::format("role {} may read some columns of {} only: it can read nothing under the name {} until "
                      "constraint, because a view with the rights of its user reads every column",
                      role, display_name(body.table), body.to));
    }
    return {};
  }

  Result<void> operator()(const LinkColumnsBody& body) {
    PGPHASE_TRY(obstacles, obstacles_to_linking(session_, body));
    PGPHASE_CHECK(note(obstacles));
    PGPHASE_CHECK(adding(body.table, added_by(body)));
    PGPHASE_TRY(moved, sources_that_moved(session_, {plan_, Phase::additive, step_.name}, body, Asked::beforehand));
    PGPHASE_CHECK(note(moved));
    PGPHASE_TRY(taken, names_that_come_back(session_, plan_, body));
    PGPHASE_CHECK(note(taken));
    PGPHASE_CHECK(in_reach(body.table));
    std::vector<std::string> columns;
    for (const auto& source : body.sources) columns.push_back(source.name);
    PGPHASE_CHECK(claimed(body.table, columns));
    for (const auto& target : body.targets) PGPHASE_CHECK(published(body.table, target.name));
    for (const auto& source : body.sources) {
      if (source.expression.empty()) continue;
      PGPHASE_TRY(triggers, session_.query(k_triggers_of_column, {body.table.schema, body.table.name, source.name}));
      for (const auto& row : triggers) {
        warn(fmt::format("trigger {} of {} fires on UPDATE OF {}: not when the column follows a write to another one",
                         row.text(0), display_name(body.table), source.name));
      }
    }
    PGPHASE_CHECK(without_its_keys(body));
    PGPHASE_CHECK(by_settings(body));
    PGPHASE_TRY(excluded, excluded_values(session_, body));
    for (const auto& [column, value] : excluded) {
      warn(fmt::format(
          "an upsert that leaves {0} out finds {1} in EXCLUDED.{0}, and not NULL, because that row has been through "
          "the "
          "trigger: `ON CONFLICT … DO UPDATE SET {0} = EXCLUDED.{0}` would write it over the value that is there",
          column, value.empty() ? "a value" : value));
    }
    return {};
  }

  Result<void> operator()(const RetypeBody& body) {
    if (body.part == RetypeBody::Part::twins) return {};
    PGPHASE_TRY(obstacles, obstacles_to_retyping(session_, plan_, body));
    PGPHASE_CHECK(note(obstacles));
    warn(fmt::format(
        "an INSERT or COPY that does not name its columns counts the hidden column in from additive on, and the old "
        "{0} until the purge, in its old place and with its old type: what that cannot hold is rounded or refused, and "
        "COPY needs a value more in each line; have such statements name their columns first. A prepared SELECT * "
        "fails after additive until it is prepared again",
        body.column));
    PGPHASE_TRY(functions, session_.query(k_functions, {body.table.name, body.column, body.table.schema}));
    for (const auto& row : functions) {
      warn(fmt::format("{}: if it returns the column, or keeps it in a variable, it meets a {} from constraint on",
                       seems_to_use(row, body.table, body.column), body.type));
    }
    PGPHASE_CHECK(subscribed(body.table, body.column, "values that are no " + body.type));
    PGPHASE_TRY(triggers, triggers_given(body.table, body.column));
    for (const auto& row : triggers) {
      warn(fmt::format("{} is given the name of column {} as an argument: its function meets a {} from constraint on",
                       row.text(0), body.column, body.type));
    }
    return {};
  }

  Result<void> operator()(const HandOverBody& body) {
    PGPHASE_TRY(obstacles, obstacles_to_hand_over(session_, plan_, body));
    PGPHASE_CHECK(note(obstacles));
    auto going = body.retire;
    for (const auto& one : body.rename) going.push_back(one.from);
    if (body.link_step.empty()) {  // otherwise the step that makes the link asks
      PGPHASE_CHECK(in_reach(body.table));
      PGPHASE_CHECK(claimed(body.table, going));
    }
    for (const auto& column : going) PGPHASE_CHECK(named_in_functions(body.table, column));
    // Without a link nothing is written into what is retired.
    if (!body.link_step.empty()) {
      for (const auto& column : body.retire) PGPHASE_CHECK(still_holding(body.table, column));
    }
    // Its new columns alone are no matter: the worker leaves them out, and the triggers fire for it.
    if (!going.empty()) PGPHASE_CHECK(subscribed(body.table, going.front(), "no column of that name"));
    return {};
  }

 private:
  // Said by the plan, or found out as the backfill will when it begins. Of a table or an expression that cannot be
  // looked at the backfill itself tells, or a step before it makes what is missing.
  Result<bool> has_a_marker(const BackfillBody& body) {
    if (body.todo != Todo::differs) return body.todo == Todo::marker;
    const auto target = inspect_target(session_, body);
    if (!target && target.error().code == Errc::refused) return false;
    if (!target) return target.error();
    const auto todo = choose_todo(session_, *target, body);
    if (!todo && todo.error().code == Errc::sql) return false;
    if (!todo) return todo.error();
    return *todo == Todo::marker;
  }

  // It comes with a default.
  Result<std::vector<std::string>> no_room_for_a_marker(const TableName& table) {
    PGPHASE_TRY(reasons, columns_with_rows_of(session_, table));
    for (auto& who : reasons) who += " stores rows of " + display_name(table);
    PGPHASE_TRY(oid, table_oid(session_, table));
    if (!oid) return reasons;
    PGPHASE_TRY(typed, type_of_typed_table(session_, *oid));
    if (typed) reasons.push_back(fmt::format("{} is a table of the type {}", display_name(table), *typed));
    return std::move(reasons);
  }

  Result<void> adding(const TableName& table, const std::vector<AddedColumn>& columns) {
    const auto found = look_at_adding(session_, table, columns);
    if (!found && found.error().code == Errc::sql) return {};  // a type that is not there is told elsewhere
    if (!found) return found.error();
    found_.rewrites = found->rewrites;
    return note(found->obstacles);
  }

  // Dropping them instead would lose what a rollback is to bring back.
  Result<void> still_holding(const TableName& table, const std::string& column) {
    PGPHASE_TRY(rows, session_.query(k_constraints_of_column, {table.schema, table.name, column}));
    for (const auto& row : rows) {
      warn(fmt::format(
          "{0} {1} of {2} goes on holding for column {3}, which follows the new columns until the purge: from "
          "constraint on, a write whose values it refuses in {3} fails; if the application may write such values then, "
          "drop {1} in a plan before this one",
          row.text(0), row.text(1), display_name(table), column));
    }
    return {};
  }

  Result<Rows> triggers_given(const TableName& table, const std::string& column) {
    return session_.query(
        fmt::format("SELECT pg_describe_object('pg_trigger'::regclass, t.oid, 0) FROM pg_trigger t "
                    "  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                    " WHERE n.nspname = $1 AND c.relname = $3 AND NOT t.tgisinternal AND t.tgnargs > 0 AND {} ORDER BY 1",
                    k_is_in_trigger_arguments),
        {table.schema, column, table.name});
  }

  // `column` empty: the table alone.
  Result<void> named_in_functions(const TableName& table, const std::string& column) {
    PGPHASE_TRY(functions,
                session_.query(k_functions, {table.name, column.empty() ? table.name : column, table.schema}));
    for (const auto& row : functions) {
      warn(column.empty()
               ? fmt::format(
                     "function {} has the word {} in its text: if it uses the table, it fails from constraint on",
                     row.text(0), table.name)
               : fmt::format("{}: if it uses the column, it fails from constraint on",
                             seems_to_use(row, table, column)));
    }
    return {};
  }

  Result<void> claimed(const TableName& table, const std::vector<std::string>& columns) {
    PGPHASE_TRY(claims, claimed_by_other_plans(session_, plan_, table, columns));
    return note(claims);
  }

  // The table cannot be written to as it is, and no step that makes its triggers anew can help that.
  Result<void> in_reach(const TableName& table) {
    PGPHASE_TRY(version, ledger_version(session_));
    if (version < k_first_ledger_with_links) return {};
    PGPHASE_TRY(out_of_reach, columns_out_of_reach(session_, table));
    for (auto& sentence : out_of_reach) found_.obstacles.push_back(sentence + ": " + k_bring_columns_back);
    return {};
  }

  // The copy of a renamed column is like it, and bears none of its indexes.
  Result<void> without_its_keys(const LinkColumnsBody& body) {
    for (const auto& target : body.targets) {
      if (target.like.empty()) continue;
      PGPHASE_TRY(unique, session_.query("SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
                                         "  JOIN pg_namespace n ON n.oid = c.relnamespace "
                                         "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = $3 "
                                         " WHERE n.nspname = $1 AND c.relname = $2 AND i.indisunique "
                                         "   AND a.attnum = ANY (i.indkey) LIMIT 1",
                                         {body.table.schema, body.table.name, target.like}));
      if (unique.empty()) continue;
      warn(fmt::format("ON CONFLICT ({0}), and GROUP BY {0} without what depends on it, work from constraint on: until "
                       "then the unique index is {1}'s alone",
                       target.name, target.like));
    }
    return {};
  }

  Result<void> by_settings(const LinkColumnsBody& body) {
    PGPHASE_TRY(oid, table_oid(session_, body.table));
    if (!oid) return {};
    PGPHASE_TRY(columns, computed_by_settings(session_, body, *oid));
    for (const auto& column : columns) {
      warn(
          fmt::format("the value of {} may depend on settings of a session: whoever writes, it is computed with "
                      "TimeZone UTC, DateStyle ISO and IntervalStyle postgres; say what is meant, as in AT TIME ZONE "
                      "'Europe/Berlin'",
                      column));
    }
    return {};
  }

  Result<void> note(const std::vector<std::string>& obstacles) {
    found_.obstacles.insert(found_.obstacles.end(), obstacles.begin(), obstacles.end());
    return {};
  }
  void warn(std::string sentence) { found_.warnings.push_back(std::move(sentence)); }

  Result<void> subscribed(const TableName& table, const std::string& column, const std::string& what) {
    PGPHASE_TRY(subscriptions, subscriptions_of(session_, table));
    for (const auto& one : subscriptions) {
      warn(fmt::format("subscription {} fills {}: if the publisher sends column {}, its worker stops at {} from "
                       "constraint on; change the publisher first",
                       one, display_name(table), column, what));
    }
    return {};
  }

  Result<void> published(const TableName& table, const std::string& column) {
    PGPHASE_TRY(publications, publications_of(session_, table));
    for (const auto& publication : publications) {
      warn(
          fmt::format("publication {} publishes {}: a subscriber without a column {} stops, and while it is published "
                      "the column cannot be taken back",
                      publication, display_name(table), column));
    }
    return {};
  }

  Session& session_;
  const PlanId& plan_;
  const Step& step_;
  Foresight found_;
};

// Something is computed, counted or compared in all rows, if only on the way back.
bool reads_rows(const Step& step) {
  if (const auto* written = std::get_if<SqlBody>(&step.body)) {
    return std::any_of(written->forward.begin(), written->forward.end(),
                       [](const Statement& one) { return one.kind == StatementKind::require; });
  }
  return !std::holds_alternative<CreateTableBody>(step.body) && !std::holds_alternative<AddColumnBody>(step.body) &&
         !std::holds_alternative<RetireTableBody>(step.body) && !std::holds_alternative<RenameTableBody>(step.body);
}

}  // namespace

Result<Foresight> foresee(Session& session, const PlanId& plan, const Step& step) {
  Look look(session, plan, step);
  if (reads_rows(step)) {
    for (const auto& table : step.touches) PGPHASE_CHECK(look.rows_of(table));
  }
  PGPHASE_CHECK(std::visit(look, step.body));
  return look.take();
}

}  // namespace pgphase
