// What belongs to a column beside indexes and constraints: its default, its sequences or identity, comment, grants and
// settings. They go over to the column that takes its place and its name. Internal to phases/retype. Blocking; same
// threading as the Session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "phases/retype/hanging.hpp"

namespace pgphase {

struct OwnedSequence {
  TableName name;
  std::string type;
};

struct IdentityOfColumn {
  TableName sequence;
  std::string clause;                   // GENERATED … AS IDENTITY (SEQUENCE NAME …)
  std::vector<std::string> afterwards;  // its grants and comment
  bool has_grants = false;
  std::string last_value, is_called;  // known when it has been taken off
};

struct Belongings {
  std::string default_sql;
  std::vector<OwnedSequence> sequences;
  std::optional<IdentityOfColumn> identity;
  std::vector<std::string> settings;  // statements that say the column by its name
  std::vector<std::string> on_names;  // statements on its indexes and constraints, by their names
};

// `other` is the column that takes its place: what that one's type does not know is left out.
Result<Belongings> read_belongings(Session& session, const TableName& table, const std::string& column,
                                   const std::string& other, const Hanging& hanging);

// All of these under ACCESS EXCLUSIVE on the table. Taking an identity off locks its sequence first, so that no number
// is given out behind the position that is read.
Result<void> take_off(Session& session, const TableName& table, const std::string& column, Belongings& belongings);
Result<void> put_on(Session& session, const TableName& table, const std::string& column, const Belongings& belongings);

// A sequence must reach as far as the column: it gets that type if its own is smaller.
Result<void> widen_sequences(Session& session, const TableName& table, const std::string& column,
                             const std::vector<OwnedSequence>& sequences);
// The types that they had, where they have not counted further since.
Result<void> narrow_sequences(Session& session, const std::vector<OwnedSequence>& sequences);

}  // namespace pgphase
