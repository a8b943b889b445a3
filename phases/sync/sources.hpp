// The columns that a link is made from, as the catalogue has them, and why one cannot be kept in step. Reads only.
// Internal to phases/sync. Blocking; same threading as the Session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "phases/postgres/session.hpp"
#include "plans/phased_plan.hpp"

namespace pgphase {

struct KnownColumn {
  std::string type;         // with its modifiers, schema where needed
  std::string collation;    // " COLLATE …" where it is not the type's own
  std::string default_sql;  // or empty
  bool generated = false;
  bool identity = false;
  bool required = false;  // NOT NULL
  int longest = 0;        // of a varchar(n): n; else 0
};

// `oid`: the table's, as text.
Result<std::optional<KnownColumn>> known_column(Session& session, const std::string& oid, const std::string& column);

struct SourceRefusal {
  std::string why, instead;  // each a part of a sentence, without its full stop
};

// Of the sources that are there, in their order.
Result<std::vector<SourceRefusal>> refused_sources(Session& session, const LinkColumnsBody& body,
                                                   const std::string& oid);

}  // namespace pgphase
