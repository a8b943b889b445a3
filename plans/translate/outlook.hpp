// What a script comes to later on, where a statement cannot be translated without it: a column that is filled from one
// which goes, a default that belongs to a new type, a source of copies that goes, an object that is dropped to be made again. Private to
// plans/translate.
//
// Noted statement by statement, in their order, before the first one is translated; then it only answers.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/sql/tree.hpp"

namespace pgphase::translate {

class Outlook {
 public:
  void note(const tree::RawStatement& raw);

  // SQL over the row, for a new column that an UPDATE of every row fills from a column which goes later on: until that
  // one has gone code goes on writing it, and the new one has to follow.
  std::optional<std::string> fill_of(const TableName& table, const std::string& column) const;
  // A new column whose every row one UPDATE sets later on, in the backfill: its default is for rows that come after that.
  // Not where a later statement changes the default.
  bool is_set_later(const TableName& table, const std::string& column) const;
  // Of a new column, by the last statement that says so after it was added; empty: none. Nothing where there is no such one.
  std::optional<std::string> last_default(const TableName& table, const std::string& column) const;
  // What the script drops or gives another name, and so puts out of the way in the constraint phase: what is written to
  // it until then a copy that was made before has not.
  bool goes(const TableName& table) const { return gone_tables_.contains(table); }
  bool goes(const TableName& table, const std::string& column) const;
  bool drops(const TableName& table, const std::string& column) const { return dropped_.contains({table, column}); }
  // The default that a column has in the end, where its type changes on the way.
  std::optional<std::string> default_of_new_type(const TableName& table, const std::string& column) const;
  // A view, policy, rule, function or trigger that one statement drops and a later one makes: whichever of the two it is.
  bool drops_and_makes(const tree::RawStatement& raw) const;
  // The same, of a trigger, where nothing stands between the two.
  bool replaces_trigger(const tree::RawStatement& raw) const;

 private:
  using Column = std::pair<TableName, std::string>;
  using Object = std::pair<std::string, std::string>;  // its kind, and its name with its table's
  struct Fill {
    std::string expression;
    std::set<std::string> reads;
  };

  // One UPDATE of every row gives it its value, and nothing else does.
  bool is_set_at_once(const Column& column) const;
  void note_what_goes(const tree::RawStatement& raw);
  void alter(const TableName& table, const tree::json::object& command);
  void update(const tree::RawStatement& raw);
  static std::optional<Object> dropped_by(const tree::RawStatement& raw);
  static std::optional<Object> made_by(const tree::RawStatement& raw);

  // Added without a value for the rows that exist, but for a default; gone; with another name; written in another way.
  std::set<Column> bare_, dropped_, renamed_, touched_;
  std::set<TableName> gone_tables_;  // dropped, or with another name
  std::map<Column, Fill> fills_;
  std::map<Column, int> retyped_;
  std::map<Column, std::string> default_after_, last_default_;
  std::set<Object> gone_, made_again_, replaced_;
  std::optional<Object> gone_just_now_;
};

}  // namespace pgphase::translate
