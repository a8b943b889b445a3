#include "phases/retire/not_null.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/ledger/ledger.hpp"
#include "phases/postgres/sqlstate.hpp"
#include "phases/retire/domains.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retire/without_value.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

constexpr const char* k_kind = "not_null";
constexpr const char* k_nullable_already = "it was nullable already";
constexpr const char* k_default_is_enough = "it has a default: whoever leaves it out gets that";

std::string describe(const RequiredColumn& column) {
  return fmt::format("column {} of table {}", column.column, display_name(column.table));
}

RequiredColumn column_of(const DropNotNullBody& body, const std::string& constraint = {}) {
  return {body.table, body.column, constraint};
}

std::string guard_name(const RequiredColumn& column, char event) {
  return quote_ident(null_guard_name(column.table, column.column, event));
}

std::string proof_name(const RequiredColumn& column) {
  return quote_ident(not_null_proof_name(column.table, column.column));
}

// A column as the catalogue has it, with what pgphase has put there.
struct State {
  bool required = false;
  bool has_value_of_its_own = false;  // a default, also of its domain; an identity; generated
  std::string constraint;             // from 18
  bool guarded = false;
  bool proof = false, proof_valid = false;
};

Result<std::optional<State>> state_of(Session& session, const RequiredColumn& column) {
  const char* constraint =
      session.server_version() < 180000
          ? "NULL"
          : "(SELECT conname FROM pg_constraint n WHERE n.contype = 'n' AND n.conrelid = a.attrelid "
            "AND n.conkey[1] = a.attnum)";
  PGPHASE_TRY(
      rows, session.query(
                fmt::format("SELECT a.attnotnull, a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL, {}, "
                            "       EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgname = $4), "
                            "       p.oid IS NOT NULL, coalesce(p.convalidated, false) "
                            "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                            "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                            "  JOIN pg_type t ON t.oid = a.atttypid "
                            "  LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.conname = $5 "
                            " WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attname = $3",
                            constraint),
                {column.table.schema, column.table.name, column.column,
                 null_guard_name(column.table, column.column, 'i'), not_null_proof_name(column.table, column.column)}));
  if (rows.empty()) return std::optional<State>();
  const auto& row = rows[0];
  return std::optional(
      State{row.boolean(0), row.boolean(1), row.text(2), row.boolean(3), row.boolean(4), row.boolean(5)});
}

std::string alter(const RequiredColumn& column, const std::string& what) {
  return fmt::format("ALTER TABLE {} {};", qualified(column.table), what);
}

std::string drop_guard_sql(const RequiredColumn& column) {
  return fmt::format("DROP TRIGGER IF EXISTS {0} ON {2}; DROP TRIGGER IF EXISTS {1} ON {2};", guard_name(column, 'i'),
                     guard_name(column, 'u'), qualified(column.table));
}

StepChange way_back(const RequiredColumn& column, std::string doing, LockMode mode) {
  StepChange step;
  step.more = true;  // the step ends when the next look finds nothing to do
  step.doing = std::move(doing);
  step.direction = Direction::back;
  step.locks = {{column.table, mode}};
  return step;
}

RetireOutcome ended(std::string what) {
  RetireOutcome outcome;
  outcome.attempt.done = true;
  outcome.what = std::move(what);
  return outcome;
}

// Under ACCESS EXCLUSIVE, without a scan: the valid check proves it.
Result<RetireOutcome> set(Session& session, const StepSite& site, const RequiredColumn& column, bool required_already,
                          const std::function<Result<void>(Session&)>& then) {
  auto step = way_back(column, "requiring a value in " + describe(column), LockMode::access_exclusive);
  step.label = "not_null.set";
  step.prepare = then;
  step.change = [&](Session& s) -> Result<std::string> {
    std::string sql;
    const auto name = quote_ident(column.column);
    if (!required_already) {
      sql = column.constraint.empty()
                ? alter(column, fmt::format("ALTER COLUMN {} SET NOT NULL", name))
                : alter(column, fmt::format("ADD CONSTRAINT {} NOT NULL {}", quote_ident(column.constraint), name));
    }
    sql += alter(column, "DROP CONSTRAINT IF EXISTS " + proof_name(column));
    PGPHASE_CHECK(s.script(sql + drop_guard_sql(column)));
    return fmt::format("{} is NOT NULL again", column.column);
  };
  return attempt_step(session, site, step);
}

// SHARE UPDATE EXCLUSIVE: everybody goes on meanwhile.
Result<RetireOutcome> validate_proof(Session& session, const StepSite& site, const RequiredColumn& column) {
  auto step =
      way_back(column, "checking that every row has a value in " + describe(column), LockMode::share_update_exclusive);
  step.label = "not_null.validate";
  step.long_running = true;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(column, "VALIDATE CONSTRAINT " + proof_name(column))));
    return std::string();
  };
  return attempt_step(session, site, step);
}

// ACCESS EXCLUSIVE for a moment. It binds nothing that the guard does not: no row lacks a value any more.
Result<RetireOutcome> add_proof(Session& session, const StepSite& site, const RequiredColumn& column) {
  auto step = way_back(column, "requiring a value in " + describe(column), LockMode::access_exclusive);
  step.label = "not_null.prove";
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(column, fmt::format("ADD CONSTRAINT {} CHECK ({} IS DISTINCT FROM NULL) NOT VALID",
                                                     proof_name(column), quote_ident(column.column)))));
    return std::string();
  };
  return attempt_step(session, site, step);
}

// Somebody has got a NULL past the guard, as a superuser may: the check would refuse every change of that row.
Result<RetireOutcome> drop_proof(Session& session, const StepSite& site, const RequiredColumn& column) {
  auto step = way_back(column, "taking back a check on " + describe(column), LockMode::access_exclusive);
  step.label = "not_null.give_up";
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(s.script(alter(column, "DROP CONSTRAINT IF EXISTS " + proof_name(column))));
    return std::string();
  };
  return attempt_step(session, site, step);
}

Result<std::int64_t> rows_without_value(Session& session, const RequiredColumn& column) {
  auto look =
      Transaction::begin(session, "not_null.count",
                         "SET TRANSACTION READ ONLY;" + set_local_ms("statement_timeout", k_long_deadline) + ";");
  if (!look) return look.error();
  PGPHASE_TRY(found, session.query(fmt::format("SELECT count(*) FROM {} WHERE {} IS NOT DISTINCT FROM NULL",
                                               qualified(column.table), quote_ident(column.column))));
  PGPHASE_CHECK(look->commit());
  return found[0].integer(0);
}

Result<std::string> kept_constraint(Session& session, const StepKey& key) {
  PGPHASE_TRY(kept, retired_by(session, key, k_kind));
  if (!kept) return std::string();
  try {
    return json::value_to<std::string>(json::parse(kept->definition).at("constraint"));
  } catch (const std::exception& e) {
    return make_error(Errc::bug, fmt::format("the ledger's record of a NOT NULL cannot be read: {}", e.what()),
                      "Nothing was changed.");
  }
}

}  // namespace

std::string refuse_new_nulls_sql(const RequiredColumn& column) {
  const auto name = quote_ident(column.column);
  const auto trigger = [&](char event, const char* on, const std::string& when) {
    return fmt::format(
        "CREATE TRIGGER {0} BEFORE {1} ON {2} FOR EACH ROW WHEN ({3}) EXECUTE FUNCTION pgphase.refuse_null({4});"
        "ALTER TABLE {2} ENABLE ALWAYS TRIGGER {0};",
        guard_name(column, event), on, qualified(column.table), when, quote_literal(column.column));
  };
  return "CREATE OR REPLACE FUNCTION pgphase.refuse_null() RETURNS trigger LANGUAGE plpgsql SET search_path = "
         "pg_catalog "
         "AS $$BEGIN\n"
         "  RAISE EXCEPTION 'null value in column \"%\" of relation \"%\"', TG_ARGV[0], TG_TABLE_NAME USING\n"
         "    ERRCODE = 'not_null_violation', COLUMN = TG_ARGV[0], TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,\n"
         "    HINT = 'A migration was rolled back that had taken NOT NULL off the column. It is not set again yet, "
         "because rows without a value were written meanwhile.';\n"
         "END$$;" +
         drop_guard_sql(column) + trigger('i', "INSERT", fmt::format("NEW.{} IS NOT DISTINCT FROM NULL", name)) +
         trigger('u', "UPDATE",
                 fmt::format("NEW.{0} IS NOT DISTINCT FROM NULL AND OLD.{0} IS DISTINCT FROM NULL", name));
}

std::string let_nulls_in_sql(const RequiredColumn& column) {
  return drop_guard_sql(column) + alter(column, "DROP CONSTRAINT IF EXISTS " + proof_name(column));
}

Result<RetireOutcome> require_again(Session& session, const StepSite& site, const RequiredColumn& column,
                                    const std::function<Result<void>(Session&)>& then) {
  PGPHASE_TRY(state, state_of(session, column));
  if (!state) return ended(fmt::format("{} is gone: there is nothing to require", describe(column)));
  if (state->required) {
    if (!state->guarded && !state->proof) return ended("");
    return set(session, site, column, true, then);
  }
  if (state->proof_valid) return set(session, site, column, false, then);
  if (state->proof) {
    auto validated = validate_proof(session, site, column);
    if (validated || validated.error().sqlstate != sqlstate::check_violation) return validated;
    return drop_proof(session, site, column);
  }
  PGPHASE_TRY(lacking, rows_without_value(session, column));
  if (lacking == 0) return add_proof(session, site, column);
  return ended(fmt::format("{} of {} stays nullable: {} {} a value, and new ones without are refused", column.column,
                           display_name(column.table), human_count(lacking), lacking == 1 ? "row lacks" : "rows lack"));
}

Result<RetireOutcome> drop_not_null(Session& session, const StepSite& site, const DropNotNullBody& body) {
  const auto column = column_of(body);
  StepChange step;
  step.label = "not_null.drop";
  step.doing = "taking NOT NULL off " + describe(column);
  // Looked at first: for nothing to do nobody has to wait.
  PGPHASE_TRY(now, state_of(session, column));
  const bool clean = now && !now->guarded && !now->proof;
  const bool has_default = now && body.unless_there_is_a_default && now->has_value_of_its_own;
  if (clean && (!now->required || has_default)) {
    step.change = [&](Session&) -> Result<std::string> {
      return std::string(now->required ? k_default_is_enough : k_nullable_already);
    };
    return attempt_step(session, site, step);
  }
  step.locks = {{body.table, LockMode::access_exclusive}};
  std::int64_t number = 0;
  step.prepare = [&](Session& s) -> Result<void> {
    PGPHASE_TRY(reserved, reserve_retired_number(s));
    number = reserved;
    return {};
  };
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_TRY(state, state_of(s, column));
    if (!state) {
      return make_error(Errc::step_failed, fmt::format("{}: there is no such column", step.doing),
                        "Nothing was changed.");
    }
    if (state->guarded || state->proof) PGPHASE_CHECK(s.script(let_nulls_in_sql(column)));
    if (!state->required) return std::string(state->guarded ? "NULLs are let in again" : k_nullable_already);
    if (body.unless_there_is_a_default && state->has_value_of_its_own) {
      return std::string(k_default_is_enough);
    }
    PGPHASE_CHECK(s.script(alter(column, fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_ident(body.column)))));
    RetiredRecord record;
    record.id = number;
    record.key = site.key;
    record.kind = k_kind;
    record.table = body.table;
    record.object = body.column;
    record.definition = json::serialize(json::object{{"constraint", state->constraint}});
    PGPHASE_CHECK(record_retired(s, record));
    return std::string("done");
  };
  return attempt_step(session, site, step);
}

Result<RetireOutcome> refuse_new_nulls(Session& session, const StepSite& site, const DropNotNullBody& body) {
  const auto column = column_of(body);
  auto step = way_back(column, "requiring a value in " + describe(column), LockMode::access_exclusive);
  step.label = "not_null.guard";
  PGPHASE_TRY(kept, retired_by(session, site.key, k_kind));
  step.more = kept.has_value();
  step.change = [&](Session& s) -> Result<std::string> {
    if (!kept) return std::string("nothing to undo");
    PGPHASE_TRY(state, state_of(s, column));
    if (!state) return std::string();  // the next look tells
    PGPHASE_CHECK(s.script(refuse_new_nulls_sql(column)));
    return std::string();
  };
  return attempt_step(session, site, step);
}

BackfillBody restoring(const DropNotNullBody& body) {
  BackfillBody fill;
  fill.table = body.table;
  fill.set = {{body.column, body.restore}};
  fill.todo = Todo::fill_empty;
  return fill;
}

Result<RetireOutcome> require_value_again(Session& session, const StepSite& site, const DropNotNullBody& body) {
  PGPHASE_TRY(kept, retired_by(session, site.key, k_kind));
  PGPHASE_TRY(constraint, kept_constraint(session, site.key));
  return require_again(session, site, column_of(body, constraint), [&](Session& s) -> Result<void> {
    if (kept) return record_restored(s, kept->id);
    return {};
  });
}

Result<std::vector<std::string>> obstacles_to_drop_not_null(Session& session, const DropNotNullBody& body) {
  PGPHASE_TRY(found,
              session.query(
                  "SELECT k.conname, x.indexrelid::regclass, a.attidentity <> '', "
                  "       EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid), c.oid "
                  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                  "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                  "  LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' AND a.attnum = ANY (k.conkey) "
                  "  LEFT JOIN pg_index x ON x.indrelid = c.oid AND x.indisreplident AND a.attnum = ANY (x.indkey) "
                  " WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND a.attnotnull",
                  {body.table.schema, body.table.name, body.column}));
  std::vector<std::string> sentences;
  const auto what = describe(column_of(body));
  PGPHASE_TRY(domain, domain_that_refuses_null(session, body.table, body.column, WithADefault::counts));
  if (domain) sentences.push_back(fmt::format("{} is of the domain {}, which refuses NULL by itself", what, *domain));
  if (found.empty()) return sentences;
  const auto& row = found[0];
  if (!row.is_null(0)) sentences.push_back(fmt::format("{} is part of the primary key {}", what, row.text(0)));
  if (!row.is_null(1)) sentences.push_back(fmt::format("{} is part of the replica identity {}", what, row.text(1)));
  if (row.boolean(2) && !body.unless_there_is_a_default) {
    sentences.push_back(fmt::format("{} is an identity column", what));
  }
  if (row.boolean(3)) sentences.push_back(fmt::format("{} is inherited", what));
  PGPHASE_TRY(refusals,
              refusals_without_value(session, body.table, row.text(4), body.column, LeftOut::null_is_written));
  sentences.insert(sentences.end(), refusals.begin(), refusals.end());
  return sentences;
}

}  // namespace pgphase
