#include "phases/retype/places.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "phases/postgres/volatility.hpp"
#include "phases/retire/not_null.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/retype/routines.hpp"
#include "phases/retype/twins.hpp"
#include "plans/base/hidden_names.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

using Constraint = HangingIndex::Constraint;
using Kind = HangingConstraint::Kind;

// The names of one column's things while they are hidden, and the statements that give and take them.
class Names {
 public:
  explicit Names(const RetypeBody& body) : body_(body) {}

  std::string column() const { return new_column_name(body_.table, body_.column); }
  std::string twin(const std::string& name) const { return twin_name(body_.table, body_.column, name); }
  std::string aside(const std::string& name) const { return set_aside_name(body_.table, body_.column, name); }

  std::string alter(const std::string& what) const {
    return fmt::format("ALTER TABLE {} {};", qualified(body_.table), what);
  }
  std::string drop_constraint(const std::string& name) const { return alter("DROP CONSTRAINT " + quote_ident(name)); }
  std::string rename_constraint(const std::string& from, const std::string& to) const {
    return alter(fmt::format("RENAME CONSTRAINT {} TO {}", quote_ident(from), quote_ident(to)));
  }
  std::string rename_column(const std::string& from, const std::string& to) const {
    return alter(fmt::format("RENAME COLUMN {} TO {}", quote_ident(from), quote_ident(to)));
  }
  std::string index(const std::string& name) const { return qualified({body_.table.schema, name}); }
  std::string rename_index(const std::string& from, const std::string& to) const {
    return fmt::format("ALTER INDEX {} RENAME TO {};", index(from), quote_ident(to));
  }
  // The index takes the constraint's name.
  std::string use_index(const std::string& name, const char* kind, const std::string& from) const {
    return alter(fmt::format("ADD CONSTRAINT {} {} USING INDEX {}", quote_ident(name), kind, quote_ident(from)));
  }

 private:
  const RetypeBody& body_;
};

std::string drop_all(const std::vector<KeptForeignKey>& keys) {
  std::string sql;
  for (const auto& key : keys) sql += drop_sql(key);
  return sql;
}

std::string add_all(const std::vector<KeptForeignKey>& keys) {
  std::string sql;
  for (const auto& key : keys) sql += add_again_sql(key);
  return sql;
}

// NOT NULL has a name from 18 on.
Result<std::string> not_null_name(Session& session, const TableName& table, const std::string& column) {
  PGPHASE_TRY(found, read_old_column(session, table, column));
  return found ? found->not_null_constraint : std::string();
}

// `moves`: in their order. Links of other plans follow the columns, whatever these are called; the own one is told
// apart already.
Result<void> follow(Session& session, const RetypeBody& body, const StoredLink& link,
                    const std::vector<Renaming>& moves) {
  PGPHASE_CHECK(have_routines_compiled_anew(session, body.table));
  PGPHASE_CHECK(change_link(session, link));
  PGPHASE_CHECK(links_of_others_follow(session, link.key.plan, body.table, moves));
  return carry_out_links(session, body.table);
}

// An index keeps the names that its columns had when it was built, as people see them.
Result<void> name_index_columns(Session& session, const RetypeBody& body, const Names& names) {
  PGPHASE_TRY(rows, session.query("SELECT format('ALTER TABLE %I.%I RENAME COLUMN %I TO %I;', $1::text, x.relname, "
                                  "              a.attname, $4::text) "
                                  "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                  "  JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid "
                                  "  JOIN pg_attribute a ON a.attrelid = x.oid AND a.attname = $3 "
                                  " WHERE n.nspname = $1 AND c.relname = $2 AND NOT EXISTS "
                                  "   (SELECT FROM pg_attribute o WHERE o.attrelid = x.oid AND o.attname = $4)",
                                  {body.table.schema, body.table.name, names.column(), body.column}));
  std::string sql;
  for (const auto& row : rows) sql += row.text(0);
  if (!sql.empty()) PGPHASE_CHECK(session.script(sql));
  return {};
}

// What goes with the old column takes a name aside; what cannot stay with it goes.
std::string take_from_old(const Names& names, const Hanging& hanging) {
  std::string sql;
  for (const auto& one : hanging.constraints) sql += names.drop_constraint(one.name);
  for (const auto& index : hanging.indexes) {
    if (index.constraint == Constraint::primary_key) {
      sql += names.drop_constraint(index.name);  // its twin on the old column is there already
    } else if (index.constraint == Constraint::unique) {
      sql += names.rename_constraint(index.name, names.aside(index.name));
    } else if (index.goes_with_the_column()) {
      sql += names.rename_index(index.name, names.aside(index.name));
    } else {
      sql += fmt::format("DROP INDEX {};", names.index(index.name));
    }
  }
  return sql;
}

std::string give_to_new(const Names& names, const Hanging& hanging) {
  std::string sql;
  for (const auto& index : hanging.indexes) {
    if (index.constraint == Constraint::none) {
      sql += names.rename_index(names.twin(index.name), index.name);
    } else {
      const bool primary = index.constraint == Constraint::primary_key;
      sql += names.use_index(index.name, primary ? "PRIMARY KEY" : "UNIQUE", names.twin(index.name));
    }
  }
  for (const auto& one : hanging.constraints) sql += names.rename_constraint(names.twin(one.name), one.name);
  return sql;
}

// What somebody has dropped since does not come back.
Result<void> drop_set_aside(Session& session, const RetypeBody& body, const Displaced& displaced,
                            const Hanging& hanging) {
  const Names names(body);
  std::string sql;
  for (const auto& name : displaced.indexes) {
    const bool is_there = std::any_of(hanging.indexes.begin(), hanging.indexes.end(),
                                      [&](const HangingIndex& index) { return index.name == name; });
    if (is_there) continue;
    const auto aside = names.aside(name);
    PGPHASE_TRY(kept, session.query("SELECT k.conname IS NOT NULL FROM pg_class x "
                                    "  JOIN pg_namespace n ON n.oid = x.relnamespace "
                                    "  LEFT JOIN pg_constraint k ON k.conindid = x.oid AND k.contype IN ('p', 'u') "
                                    " WHERE n.nspname = $1 AND x.relname = $2",
                                    {body.table.schema, aside}));
    if (kept.empty()) continue;
    sql += kept[0].boolean(0) ? names.drop_constraint(aside) : fmt::format("DROP INDEX {};", names.index(aside));
  }
  if (sql.empty()) return {};
  PGPHASE_CHECK(session.script(sql));
  return {};
}

}  // namespace

Result<void> change_places(Session& session, const RetypeBody& body, Displaced& displaced, StoredLink link) {
  const Names names(body);
  auto& old = displaced.old;
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(belongings, read_belongings(session, body.table, body.column, names.column(), hanging));
  PGPHASE_TRY(new_not_null, not_null_name(session, body.table, names.column()));
  displaced.default_sql = belongings.default_sql;
  displaced.sequences = belongings.sequences;
  displaced.needs_value = belongings.identity.has_value();
  for (const auto& one : hanging.constraints) {
    if (one.kind == Kind::check) displaced.checks.push_back(one);
  }
  for (const auto& index : hanging.indexes) {
    displaced.indexes.push_back(index.name);
    if (index.constraint != Constraint::primary_key || !index.in_key) continue;
    displaced.primary_key = index.name;
    displaced.needs_value = true;
  }

  PGPHASE_CHECK(session.script(drop_all(displaced.incoming) + take_from_old(names, hanging) + ";"));
  PGPHASE_CHECK(take_off(session, body.table, body.column, belongings));
  std::string sql;
  // Also what an unfinished way back has left to refuse NULLs: the old column may hold some from now on.
  sql += let_nulls_in_sql({body.table, body.column, ""});
  if (old.not_null) sql += names.alter(fmt::format("ALTER COLUMN {} DROP NOT NULL", quote_ident(body.column)));
  sql += names.rename_column(body.column, old.hidden) + names.rename_column(names.column(), body.column);
  if (!old.not_null_constraint.empty() && !new_not_null.empty()) {
    sql += names.rename_constraint(new_not_null, old.not_null_constraint);
  }
  sql += give_to_new(names, hanging) + add_all(displaced.incoming);
  PGPHASE_CHECK(session.script(sql));
  PGPHASE_CHECK(name_index_columns(session, body, names));

  if (!body.default_sql.empty()) belongings.default_sql = body.default_sql;
  PGPHASE_CHECK(put_on(session, body.table, body.column, belongings));
  PGPHASE_CHECK(widen_sequences(session, body.table, body.column, belongings.sequences));
  const std::vector<Renaming> moves{{body.column, old.hidden}, {names.column(), body.column}};
  for (const auto& move : moves) rename_in(link.link, move.from, move.to);
  auto& target = link.link.targets.front();
  target.default_sql = belongings.default_sql;
  target.numbered = belongings.identity.has_value();
  if (!target.default_sql.empty()) {
    PGPHASE_TRY(never_twice_the_same, any_volatile(session, "", {target.default_sql}));
    target.numbered = target.numbered || never_twice_the_same;
  }
  link.link.flow = SyncLink::Flow::to_sources;
  return follow(session, body, link, moves);
}

Result<void> change_places_back(Session& session, const RetypeBody& body, const Displaced& displaced, StoredLink link) {
  const Names names(body);
  const auto& old = displaced.old;
  PGPHASE_TRY(hanging, what_hangs_on(session, body.table, body.column));
  PGPHASE_TRY(hidden, valid_hidden_indexes(session, body.table));
  PGPHASE_CHECK(drop_set_aside(session, body, displaced, hanging));
  // Of what has no counterpart on the old column the name stays where it is until there is one.
  std::erase_if(hanging.indexes, [&](const HangingIndex& index) {
    return std::none_of(hidden.begin(), hidden.end(),
                        [&](const HiddenIndex& one) { return one.name == names.aside(index.name); });
  });
  PGPHASE_TRY(belongings, read_belongings(session, body.table, body.column, old.hidden, hanging));
  PGPHASE_TRY(new_not_null, not_null_name(session, body.table, body.column));
  PGPHASE_TRY(oid, table_oid(session, body.table));
  PGPHASE_TRY(incoming, foreign_keys_to_column(session, oid.value_or(""), body.column));

  std::string sql = drop_all(incoming);
  for (const auto& one : hanging.constraints) sql += names.rename_constraint(one.name, names.twin(one.name));
  for (const auto& index : hanging.indexes) {
    sql += index.constraint == Constraint::none ? names.rename_index(index.name, names.twin(index.name))
                                                : names.drop_constraint(index.name);
  }
  PGPHASE_CHECK(session.script(sql + ";"));
  PGPHASE_CHECK(take_off(session, body.table, body.column, belongings));

  sql = names.rename_column(body.column, names.column()) + names.rename_column(old.hidden, body.column);
  if (!new_not_null.empty()) sql += names.rename_constraint(new_not_null, names.twin(new_not_null));
  const auto column = quote_ident(body.column);
  if (displaced.needs_value) {
    // The valid check proves it: no scan.
    sql +=
        old.not_null_constraint.empty()
            ? names.alter(fmt::format("ALTER COLUMN {} SET NOT NULL", column))
            : names.alter(fmt::format("ADD CONSTRAINT {} NOT NULL {}", quote_ident(old.not_null_constraint), column));
    sql += names.drop_constraint(not_null_proof_name(body.table, old.hidden));
  } else if (old.not_null) {
    sql += refuse_new_nulls_sql({body.table, body.column, old.not_null_constraint});
  }
  for (const auto& index : hanging.indexes) {
    if (index.constraint == Constraint::primary_key) {
      sql += names.use_index(index.name, "PRIMARY KEY", names.aside(index.name));
    } else if (index.constraint == Constraint::unique) {
      sql += names.rename_constraint(names.aside(index.name), index.name);
    } else {
      sql += names.rename_index(names.aside(index.name), index.name);
    }
  }
  for (const auto& check : displaced.checks) {
    sql += names.alter(fmt::format("ADD CONSTRAINT {} {} NOT VALID", quote_ident(check.name), check.definition));
  }
  sql += add_all(old.foreign_keys) + add_all(incoming);
  PGPHASE_CHECK(session.script(sql));

  belongings.default_sql = displaced.default_sql;
  belongings.settings.clear();  // the old column has kept its own
  PGPHASE_CHECK(put_on(session, body.table, body.column, belongings));
  PGPHASE_CHECK(narrow_sequences(session, displaced.sequences));
  const std::vector<Renaming> moves{{body.column, names.column()}, {old.hidden, body.column}};
  for (const auto& move : moves) rename_in(link.link, move.from, move.to);
  link.link.targets.front().default_sql.clear();
  link.link.flow = SyncLink::Flow::to_targets;
  PGPHASE_CHECK(follow(session, body, link, moves));
  return mark_twins(session, body);
}

}  // namespace pgphase
