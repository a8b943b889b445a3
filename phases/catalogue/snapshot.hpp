// The catalogue as values: what a database holds, so that two moments of it can be compared (compare.hpp).
//
// Left out: the server's own schemas and pgphase's, what belongs to an extension, and what pgphase hides or puts beside
// a user's things for a while (retired columns, markers, sync triggers). docs/design/snapshot.md has the list.
//
// Blocking; same threading as the Session, which must not be in a transaction. Reads only, in one REPEATABLE READ READ
// ONLY transaction of at most ACCESS SHARE locks; works for a role that is no superuser.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "phases/postgres/session.hpp"
#include "plans/base/names.hpp"

namespace pgphase {

struct RowSum {
  std::int64_t rows = 0;
  std::string checksum;  // over all columns that are not hidden; the order of the rows does not matter
  bool operator==(const RowSum&) const = default;
};

// Where a sequence stands: `last` was given out, or would be the first.
struct SequencePosition {
  std::int64_t last = 0;
  bool called = false;
  bool ascends = true;
  bool operator==(const SequencePosition&) const = default;
};

// `name` is as SQL would write it, with the schema, and with the table in front of what has no name of its own:
// "index" "public.idx_tasks_user_id", "column" "public.tasks.priority", "constraint" "public.tasks.tasks_pkey".
struct CatalogueObject {
  std::string kind, name;
  auto operator<=>(const CatalogueObject&) const = default;
};

// "type" -> "integer", "default" -> "now()", "owner" -> "app", "grants to reader" -> "SELECT". What is at its default
// is mostly not there. "table" names the table that something is on.
using Facts = std::map<std::string, std::string>;

struct Snapshot {
  std::map<CatalogueObject, Facts> objects;
  std::map<TableName, RowSum> rows;  // ordinary tables and leaf partitions, if asked for
  // With the rows: of sequences that may be read, and do not start over by themselves (CYCLE).
  std::map<TableName, SequencePosition> sequences;
  bool operator==(const Snapshot&) const = default;
};

using ColumnSet = std::set<std::pair<TableName, std::string>>;

struct SnapshotOptions {
  bool rows = false;               // reads every table
  ColumnSet values_left_out = {};  // columns that do not count in the sums of rows
  // For all of the catalogue together; reading the rows takes as long as it takes.
  std::chrono::milliseconds time{30'000};
};

// An Error of code sql when somebody keeps a table under ACCESS EXCLUSIVE for longer than two seconds, or time is up;
// tried once more when something was dropped in the middle of it.
Result<Snapshot> take_snapshot(Session& session, const SnapshotOptions& options = {});

}  // namespace pgphase
