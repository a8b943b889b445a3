// Ordinary SQL, statement by statement, as entries of a plan: the change that does it without downtime, or a step by
// hand where it holds nobody up. What cannot be turned into either says why. Private to plans/translate.
//
// Belongs to one thread. Statements have to be given in their order.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plans/effects/effects.hpp"
#include "plans/effects/known.hpp"
#include "plans/phased_plan.hpp"
#include "plans/sql/tree.hpp"
#include "plans/translate/outlook.hpp"
#include "plans/translate/pending.hpp"

namespace pgphase::translate {

struct Translated {
  std::vector<std::string> entries;  // tables of TOML
  std::vector<std::string> notes;    // what its author has to know or to do, for a comment beside them
  std::string left;                  // why it could not be translated, as a whole or in part
  std::string dropped;               // why nothing has to be done for it
};

class Translator {
 public:
  // `known`: before each statement that is given. The caller carries it from one to the next, and keeps it alive.
  explicit Translator(const Known& known, Outlook outlook = {}) : known_(known), outlook_(std::move(outlook)) {}

  Translated statement(const tree::RawStatement& raw);

  // A later statement may need what an earlier one does in the constraint phase of this plan only: then a plan of its
  // own has to begin with it.
  bool needs_new_plan(const tree::RawStatement& raw) const;
  // It drops the type of a column that an earlier statement retires, or gives it another name: the column keeps it, and
  // is kept in step under that name, until it is purged.
  bool waits_for_purge(const tree::RawStatement& raw) const;
  void begin_plan();

 private:
  struct Column;

  Translated one(const tree::RawStatement& raw);

  // A relation that the statement needs, and whose own statement is in no plan; or nothing.
  std::optional<TableName> missing_for(const tree::RawStatement& raw) const;
  void note_left_out(const tree::RawStatement& raw);
  void replace_trigger(const tree::RawStatement& raw, Translated& out);

  // tables.cpp
  void note_defaults(const boost::json::object& create, const TableName& table);
  void create_table(const tree::RawStatement& raw, Translated& out);
  bool as_change(const boost::json::object& create, const TableName& table, Translated& out);
  // With its definition in SQL, and foreign keys in a step behind it. False: a rollback could not hide it.
  bool as_sql(const tree::RawStatement& raw, const TableName& table, Translated& out);
  void note_constraint_names(const boost::json::object& create, const TableName& table);
  // Each constraint of a new table in a statement of its own; nothing where one cannot be written by itself.
  struct Constraints {
    std::vector<std::string> add, drop;
  };
  enum class Rows { none, some };  // that a foreign key would have to look up while writers of both tables wait
  std::optional<Constraints> constraints_of(const TableName& table, const std::vector<boost::json::object>& written,
                                            Rows rows);
  Rows rows_in(const TableName& table) const;
  bool is_about_what_goes(const TableName& table, const boost::json::object& constraint) const;
  void add_constraints(const TableName& table, const Constraints& constraints, Translated& out);
  // columns.cpp
  void add_column(const TableName& table, const boost::json::object& command, Translated& out);
  void serial_column(const TableName& table, const Column& column, Translated& out);
  void column_constraints(const TableName& table, const Column& column, Translated& out);
  void change_type(const TableName& table, const boost::json::object& command, Translated& out);
  void column_default(const TableName& table, const boost::json::object& command, Translated& out);
  // constraints.cpp
  void add_constraint(const TableName& table, const boost::json::object& constraint, Translated& out);
  void key_constraint(const TableName& table, const boost::json::object& constraint, const std::string& name,
                      Translated& out);
  void foreign_key(const TableName& table, const boost::json::object& constraint, const std::string& name,
                   Translated& out);
  void validate_constraint(const TableName& table, const boost::json::object& command, Translated& out);
  void drop_constraint(const TableName& table, const boost::json::object& command, Translated& out);
  std::string constraint_name(const TableName& table, const boost::json::object& constraint,
                              const std::string& column = {});
  // alter.cpp
  void alter_table(const tree::RawStatement& raw, Translated& out);
  void command(const tree::RawStatement& raw, const TableName& table, const boost::json::object& command,
               Translated& out);
  void own_column(const tree::RawStatement& raw, const TableName& table, const boost::json::object& command,
                  Translated& out);
  void rename(const tree::RawStatement& raw, Translated& out);
  // rows.cpp
  bool rows(const tree::RawStatement& raw, Translated& out);
  void insert(const tree::RawStatement& raw, const TableName& table, Translated& out);
  // Of the plan's own table, in the order of the SQL. False: it is another one's.
  bool own_rows(const tree::RawStatement& raw, const TableName& table, Translated& out);
  // Is it a copy of what goes in the constraint phase? Then whatever is written until then would be missing in it.
  bool copies_what_goes(const TableName& table, const std::vector<std::pair<std::string, std::string>>& set,
                        Translated& out);
  // What a statement about it would do away with is the only place that has it.
  bool is_uncopied(const TableName& table, const std::string& column, Translated& out) const;
  void update(const tree::RawStatement& raw, Translated& out);
  // objects.cpp
  void create_index(const tree::RawStatement& raw, Translated& out);
  bool as_change(const boost::json::object& index, const TableName& table, const std::string& name, Translated& out);
  void drop(const tree::RawStatement& raw, Translated& out);
  bool definition(const tree::RawStatement& raw, Translated& out);

  void by_hand(Phase phase, const std::string& name, const std::vector<std::string>& sql,
               const std::vector<std::string>& rollback, Translated& out);
  // What is done to a table, or its rows, that a create_table of this plan makes.
  void staying(Phase phase, const std::string& name, const std::string& sql, Translated& out);
  void one_way(Phase phase, const std::string& name, const std::string& sql, const std::string& why, Translated& out);
  // The phase for a statement that holds nobody up as it is written: where code that it breaks is gone. Nothing where it
  // does; `left` says why then.
  std::optional<Phase> home_of(const std::string& sql, Translated& out) const;
  std::string unique_step(Phase phase, std::string name);
  // As PostgreSQL would choose it, by object_name(); a number behind its label where that is taken.
  std::string unique_name(const TableName& table, std::string_view middle, const std::string& label);
  // A table of this very plan: nobody waits for it.
  bool own(const TableName& table) const { return known_.own(table); }

  const Known& known_;
  Outlook outlook_;  // what the script comes to; a statement by itself has none
  std::map<Phase, std::map<std::string, int>> steps_;    // how often each name was wanted
  Pending pending_work_;
  bool searches_elsewhere_ = false;                      // since a SET search_path
  std::set<TableName> hideable_;                             // that a create_table of this plan makes
  std::set<std::pair<TableName, std::string>> apart_;        // constraints of those that a step has, which takes them off again
  std::set<std::pair<TableName, std::string>> filled_;       // whose add_column, in a plan, has the `fill` that an UPDATE would be
  std::set<std::pair<TableName, std::string>> redefaulted_;  // whose change, in a plan, has the default that comes after it
  std::set<std::pair<TableName, std::string>> written_;  // columns of this plan's that it gives values before, by rows in their order
  std::set<std::pair<TableName, std::string>> uncopied_;  // columns whose copy is in no plan, and that have to stay
  std::set<TableName> uncopied_tables_;                   // likewise
  std::set<std::string> made_here_;                       // indexes and schemas of this plan, by kind and name
  bool retypes_ = false;                                 // a column, so that the old one goes on being written
  bool retires_ = false;                                 // columns or tables, which stay until they are purged
  std::set<TableName> left_out_;                         // relations whose statement is in no plan
  std::set<TableName> names_;                            // of constraints and indexes that this script makes
  std::set<std::pair<TableName, std::string>> pending_;  // constraints whose change validates them, too
  std::set<TableName> taken_;  // tables that the constraint phase of this plan renames, drops or changes
  std::set<TableName> keyed_;  // tables that get a key there
  std::set<std::pair<TableName, std::string>> new_columns_;  // that this plan adds to tables that are there
  // Of columns that this script has made: the default, or nothing.
  std::map<std::pair<TableName, std::string>, std::string> defaults_;
};

// Everything that is known so far has been carried out, and is in use.
void end_plan(Known& known);

}  // namespace pgphase::translate
