// The trigger function that keeps old and new columns of one table equal in meaning while applications of both schemas
// write. One function a table, made anew whenever a link comes, goes or turns round. Pure SQL text; any thread.
// docs/design/sync.md has the rules and why each is there.
#pragma once

#include <string>
#include <vector>

#include "plans/base/names.hpp"

namespace pgphase {

struct SyncColumn {
  std::string name;         // as it is called in the table now, also while it is retired
  std::string type;         // as format_type gives it, with its schema: what an expression is cast to
  std::string expression;   // its value, SQL over the visible columns of the other side; empty: it is never written
  std::string default_sql;  // of a source, or of a target in its place: its default in the catalogue, or empty
  std::string called = {};  // as the other side's expressions call it, where that is another name
  bool numbered = false;    // of a target in its source's place: what it gets by itself is another value for each row
  bool required = false;    // of a source: it was NOT NULL when the link was made
};

// Sources are there before the plan, targets are what it makes of them.
struct SyncLink {
  // `to_targets`: the targets are retired, and follow. `to_sources`: the sources follow, whether they are retired or
  // not. `ended`: for the record only.
  enum class Flow { both, to_targets, to_sources, ended };
  // What a NULL in all targets of a new row means: that its writer does not know them, or just that.
  enum class NullMeans { absent, null };
  // What becomes of a row whose value no expression can be made of: the column stays NULL, or the statement fails.
  enum class OnError { reject, null };

  std::string key;  // names it in k_backfill_flag; unique in the database
  std::vector<SyncColumn> sources, targets;
  Flow flow = Flow::both;
  NullMeans null_means = NullMeans::absent;
  OnError on_error = OnError::reject;
  std::string row = {};  // the table's name as the expressions know it; empty: as it is
  // Nobody writes both sides: in a new row targets that are given lead, whatever is in the sources. A source may then
  // have a default that is another one for each row.
  bool one_is_the_other = false;
  // Oids of the partitions that the table had when the columns came: they have nothing else to be told by.
  std::vector<std::string> partitions = {};
};

// A backfill of a link's targets sets this to the link's key, for its transaction: what it writes is no change of an
// application's.
inline constexpr const char* k_backfill_flag = "pgphase.backfill";
// 'on' where such an UPDATE needs neither of the triggers: it sets what they would, nothing else follows from that, and
// no trigger of the user's can change the row in between. Statements that triggers run within it need them all the same.
inline constexpr const char* k_backfill_alone = "pgphase.alone";

struct SyncTable {
  TableName table;
  std::string function;         // its name in the schema pgphase
  std::vector<SyncLink> links;  // oldest first; a later one may build on an earlier one's targets
};

// CREATE OR REPLACE FUNCTION. At least one link.
std::string sync_function_sql(const SyncTable& table);

// The two triggers that call it, the first and the last of the table's BEFORE ROW triggers: SHARE ROW EXCLUSIVE on it.
// ALWAYS, so that logical replication's apply fires them too.
std::string create_sync_triggers_sql(const SyncTable& table);
std::string drop_sync_triggers_sql(const TableName& table);  // ACCESS EXCLUSIVE

// '!' and '~' sort before and behind whatever letters a user's trigger begins with: triggers fire in this order.
inline constexpr const char* k_first_trigger = "!pgphase_sync";
inline constexpr const char* k_last_trigger = "~pgphase_sync";

}  // namespace pgphase
