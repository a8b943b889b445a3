// What is known of the database before a statement: what the statements before it made, and, where there is a
// database, what its catalogue says. Effects are derived from a statement and this.
//
// Values only; pure; one thread at a time while it is changed.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plans/base/names.hpp"
#include "plans/effects/effects.hpp"

namespace pgphase {

struct KnownColumn {
  std::string type;  // SQL, as format_type() writes it; empty: not known
  std::optional<bool> not_null;
  // What keeps the column from being dropped or getting another type: "view v", "trigger x", "policy y", "generated
  // column z"; as far as a catalogue told.
  std::set<std::string> used_by = {};
};

struct KnownConstraint {
  enum class Kind { check, not_null, foreign_key, unique, primary_key, exclusion } kind = Kind::check;
  std::optional<bool> validated;
  std::vector<std::string> columns;  // that it is over
  std::set<std::string> proves;      // of a check: columns that it lets no NULL into
  TableName references;              // of a foreign key
  std::vector<std::string> keys;     // of a foreign key: the columns that it refers to
  bool inherited = false;            // of a partition: its parent has it
};

// Columns that a condition lets no NULL into, as far as its form says so.
std::set<std::string> proves_not_null(std::string_view condition);

struct KnownIndex {
  std::vector<std::string> columns;  // of its key, and those that its expressions and its WHERE read
  std::optional<bool> unique = {};
  bool computes = false;  // an expression or a WHERE: the server builds it anew when one of its columns changes its type
};

struct KnownRelation {
  RelationKind kind = RelationKind::table;
  bool own = false;       // made by an earlier statement of the same plan: nobody else knows it
  bool complete = false;  // nothing but what stands below is there
  std::optional<bool> partitioned;
  std::optional<bool> empty;
  std::optional<bool> logged;
  std::map<std::string, KnownColumn> columns;
  std::map<std::string, KnownConstraint> constraints;
  std::map<std::string, KnownIndex> indexes;
  std::vector<TableName> parents;
  std::vector<TableName> children;  // partitions, and tables that inherit from it
  TableName default_partition;      // an empty name: there is none
};

struct KnownDomain {
  std::string base;  // SQL
  bool constrained = false;
};

struct Known {
  int server = 0;           // major version; 0: not known
  std::optional<bool> utc;  // the session's time zone has no offset
  bool catalogue = false;   // every relation, type, schema and function of the database is in here
  std::map<TableName, KnownRelation> relations;
  std::map<TableName, KnownDomain> domains;
  std::set<TableName> types;                   // of the database's own: enums, domains, ranges, composite types
  std::set<std::string> schemas;               // likewise
  std::map<std::string, Answer> functions;     // "schema.name" and "name" of the database's own: whether it is volatile
  std::set<TableName> new_functions;           // made by an earlier statement of the same plan
  std::set<TableName> new_types;               // likewise
  std::map<TableName, TableName> index_owner;  // index → its table
  std::set<TableName> made_over;               // that are there, and of which nothing is known any more

  const KnownRelation* find(const TableName& name) const;
  bool own(const TableName& name) const;
  // Foreign keys of other tables that point to this one, as table and constraint.
  std::vector<TableName> referencing(const TableName& name) const;
  // Each partition and child, and theirs.
  std::vector<TableName> descendants(const TableName& name) const;
};

}  // namespace pgphase
