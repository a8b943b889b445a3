// One statement on its way to its effects: what the families of statements write into, and the few things that all of
// them ask. Private to plans/effects and plans/sql.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plans/effects/effects.hpp"
#include "plans/effects/known.hpp"
#include "plans/effects/rule.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::effects {

namespace json = boost::json;

inline constexpr const char* k_brief = "no scan, no rewrite";

class Reading {
 public:
  Reading(const tree::RawStatement& statement, const Known& what_is_known, StatementEffects& effects)
      : raw(statement), node(statement.node), known(what_is_known), out(effects) {}

  const tree::RawStatement& raw;
  const json::object& node;
  const Known& known;
  StatementEffects& out;

  // Notes a lock; of several on one relation the strongest stays. The reference holds until the next call.
  RelationEffects& on(const TableName& relation, LockMode lock, RelationKind kind = RelationKind::table);
  // A relation that the text does not name. The catalogue would, so that it is asked for.
  RelationEffects& unnamed(std::string which, LockMode lock, RelationKind kind = RelationKind::table);
  // Strong lock on an index: who reads or writes its table needs it too.
  void rule(std::string_view id, const TableName& relation = {}, std::string object = {});
  void asks(std::string what);

  const KnownRelation* find(const TableName& relation) const { return known.find(relation); }
  // The server is known to be that one or a later one; unknown where it is not known which it is.
  Answer since(int major) const;

  // Each relation that a query names, as those who read it: its lock and what is behind a view.
  void reads(const json::object& query, LockMode lock = LockMode::access_share);
};

// A type as the parser writes it: "int4", "varchar"; modifiers such as lengths; and the schema, when it is a user's
// own.
struct SqlType {
  TableName name;  // schema pg_catalog for PostgreSQL's own
  std::vector<int> modifiers;
  bool array = false;
  bool own() const { return name.schema != "pg_catalog"; }
};
SqlType type_of(const json::object& type_name);
std::optional<SqlType> type_of(const std::string& sql);

// Of a constraint or index that nobody knows: the names that the server gives to keys and to others, and the usual ones.
Answer named_like_a_key(std::string_view name);

// The server changes or drops no column that something else uses; CASCADE aside.
void refused_for(Reading& r, const TableName& table, const std::string& column, const KnownColumn& known);

// Options of a sequence, of an identity column's too: numbers that are given once more.
void restarts(Reading& r, const json::array& options, const TableName& table, const std::string& object);
// With no more rows than there are, the sequence that they describe gives numbers that no row has.
bool begins_above_one(const json::array& options);

// A function of PostgreSQL's own that changes nothing, and gives the same within a transaction: those that migrations use.
bool is_steady(std::string_view function);

// Is the value another one each time? A function that nobody knows: unknown.
Answer gives_another_value(const json::value& expression, const Known& known);
// Has each row to meet a condition of the type itself?
Answer constrained(const SqlType& type, const Known& known);

// Hands the statement to the family that knows it; one that none knows is opaque.
void by_family(Reading& r);

// What every family adds; each takes the statements whose tag it knows and returns whether it did.
bool alter_table(Reading& r);
bool tables(Reading& r);
bool indexes(Reading& r);
bool dropping(Reading& r);
bool renaming(Reading& r);
bool table_objects(Reading& r);
bool views(Reading& r);
bool types(Reading& r);
bool rows(Reading& r);
bool maintenance(Reading& r);
bool cluster_wide(Reading& r);
bool catalogue_only(Reading& r);

// Parts of ALTER TABLE with a file of their own.
struct Subcommand {
  const json::object& command;
  TableName table;
  bool with_children;
  std::string note;
};
LockMode add_column(Reading& r, Subcommand& s);
LockMode add_constraint(Reading& r, Subcommand& s);
LockMode drop_constraint(Reading& r, Subcommand& s);
LockMode validate_constraint(Reading& r, Subcommand& s);
LockMode change_type(Reading& r, Subcommand& s);
LockMode set_not_null(Reading& r, Subcommand& s);
LockMode attach_partition(Reading& r, Subcommand& s);
LockMode detach_partition(Reading& r, Subcommand& s);
// Tables that foreign keys of this one refer to: over `column`, or all where it is empty.
void referenced(Reading& r, const TableName& table, const std::string& column, LockMode lock);

}  // namespace pgphase::effects
