#include "phases/retire/foreign_keys.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "phases/postgres/sqlstate.hpp"
#include "phases/retire/step_change.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;

// Those of partitions belong to the partitioned table's.
constexpr const char* k_columns =
    "SELECT n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid), rn.nspname, r.relname, k.convalidated, "
    "       obj_description(k.oid, 'pg_constraint') "
    "  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
    "  JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace "
    " WHERE k.contype = 'f' AND k.conparentid = 0 ";

Result<std::vector<KeptForeignKey>> ask(Session& session, const std::string& condition, const Params& params) {
  PGPHASE_TRY(rows, session.query(k_columns + condition + " ORDER BY 3, 1, 2", params));
  std::vector<KeptForeignKey> keys;
  for (const auto& row : rows) {
    KeptForeignKey key{{row.text(0), row.text(1)}, row.text(2),    row.text(3),
                       {row.text(4), row.text(5)}, row.boolean(6), row.text(7)};
    constexpr std::string_view k_not_valid = " NOT VALID";
    if (key.definition.ends_with(k_not_valid)) key.definition.resize(key.definition.size() - k_not_valid.size());
    keys.push_back(std::move(key));
  }
  return keys;
}

enum class State { gone, valid, not_valid };

Result<State> state_of(Session& session, const KeptForeignKey& key) {
  PGPHASE_TRY(rows, session.query("SELECT k.convalidated FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
                                  "JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "WHERE n.nspname = $1 AND c.relname = $2 AND k.conname = $3 AND k.contype = 'f'",
                                  {key.table.schema, key.table.name, key.name}));
  if (rows.empty()) return State::gone;
  return rows[0].boolean(0) ? State::valid : State::not_valid;
}

Result<RetireOutcome> validate(Session& session, const StepSite& site, const KeptForeignKey& key, Direction direction) {
  StepChange step;
  step.label = "foreign_key.validate";
  step.doing = fmt::format("checking the rows of {} against the foreign key {}", display_name(key.table), key.name);
  step.direction = direction;
  step.locks = {{key.table, LockMode::share_update_exclusive}, {key.referenced, LockMode::row_share}};
  step.long_running = true;
  step.more = true;
  step.change = [&](Session& s) -> Result<std::string> {
    PGPHASE_CHECK(
        s.script(fmt::format("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(key.table), quote_ident(key.name))));
    return std::string();
  };
  return attempt_step(session, site, step);
}

json::object name_to_json(const TableName& table) {
  return {{"schema", table.schema}, {"name", table.name}};
}

TableName name_from_json(const json::value& from) {
  return {json::value_to<std::string>(from.at("schema")), json::value_to<std::string>(from.at("name"))};
}

}  // namespace

Result<std::vector<KeptForeignKey>> foreign_keys_of_column(Session& session, const std::string& oid,
                                                           const std::string& column) {
  return ask(session,
             "AND k.conrelid = $1 AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid "
             "AND a.attnum = ANY (k.conkey) AND a.attname = $2)",
             {oid, column});
}

Result<std::vector<KeptForeignKey>> foreign_keys_to_column(Session& session, const std::string& oid,
                                                           const std::string& column) {
  return ask(session,
             "AND k.confrelid = $1 AND EXISTS (SELECT FROM pg_attribute a JOIN pg_index i ON i.indexrelid = k.conindid "
             "WHERE a.attrelid = k.confrelid AND a.attnum = ANY (i.indkey) AND a.attname = $2)",
             {oid, column});
}

Result<std::vector<KeptForeignKey>> foreign_keys_of_table(Session& session, const std::string& oid) {
  return ask(session, "AND (k.conrelid = $1) <> (k.confrelid = $1)", {oid});
}

std::string drop_sql(const KeptForeignKey& key) {
  return fmt::format("ALTER TABLE {} DROP CONSTRAINT {};", qualified(key.table), quote_ident(key.name));
}

std::string add_again_sql(const KeptForeignKey& key) {
  auto sql = fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID;", qualified(key.table), quote_ident(key.name),
                         key.definition);
  if (!key.comment.empty()) {
    sql += fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {};", quote_ident(key.name), qualified(key.table),
                       quote_literal(key.comment));
  }
  return sql;
}

Result<RetireOutcome> validate_again(Session& session, const StepSite& site, const std::vector<KeptForeignKey>& keys,
                                     std::vector<std::string>& words, Direction direction) {
  for (const auto& key : keys) {
    PGPHASE_TRY(state, state_of(session, key));
    if (!key.valid || state != State::not_valid) continue;
    auto outcome = validate(session, site, key, direction);
    if (outcome || outcome.error().sqlstate != sqlstate::foreign_key_violation) return outcome;
    words.push_back(fmt::format("foreign key {} of {} stays NOT VALID: rows refer to what was deleted meanwhile",
                                key.name, display_name(key.table)));
  }
  RetireOutcome ended;
  ended.attempt.done = true;
  return ended;
}

json::array to_json(const std::vector<KeptForeignKey>& keys) {
  json::array out;
  for (const auto& key : keys) {
    out.push_back(json::object{{"table", name_to_json(key.table)},
                               {"name", key.name},
                               {"definition", key.definition},
                               {"referenced", name_to_json(key.referenced)},
                               {"valid", key.valid},
                               {"comment", key.comment}});
  }
  return out;
}

std::vector<KeptForeignKey> foreign_keys_from_json(const json::value& keys) {
  std::vector<KeptForeignKey> out;
  for (const auto& key : keys.as_array()) {
    const auto* comment = key.as_object().if_contains("comment");
    out.push_back({name_from_json(key.at("table")), json::value_to<std::string>(key.at("name")),
                   json::value_to<std::string>(key.at("definition")), name_from_json(key.at("referenced")),
                   key.at("valid").as_bool(), comment ? json::value_to<std::string>(*comment) : std::string()});
  }
  return out;
}

}  // namespace pgphase
