#include "plans/check/script_rules.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace pgphase {
namespace {

constexpr std::string_view k_family = "scripts";

constexpr auto k_rules = std::to_array<Rule>({
    {"not-sql", k_family, Gravity::opaque, "nobody can look into it: it is no statement of PostgreSQL 15's grammar, or longer than 1 MiB",
     "where a newer server knows it, a step with unchecked = \"why\""},
    {"psql-command", k_family, Gravity::opaque, "a command of psql is not SQL: nobody looks at what it does",
     "write the SQL itself"},
    {"lock-held-meanwhile", k_family, Gravity::slow,
     "a lock that an earlier statement took is held until the transaction ends, and so for all that this one takes",
     "a transaction of its own for each statement that reads or writes rows"},
    {"not-in-a-transaction", k_family, Gravity::breaks, "the server refuses it inside a transaction",
     "run it before BEGIN or after COMMIT"},
    {"enum-value-at-once", k_family, Gravity::spoils,
     "the server refuses a value of an enum in the transaction that adds it", "COMMIT first"},
    {"no-lock-timeout", k_family, Gravity::brief,
     "a lock that waits behind a long transaction makes everybody else wait behind itself",
     "SET lock_timeout first, and try again when it strikes; plans do both"},
    {"backfill-reads-itself", k_family, Gravity::brief,
     "a [[backfill]] reads rows of its own table that it sets: each batch sees what those before it have written",
     "write the result of the query into a column of its own first, and set from that"},
    {"waiver-unused", k_family, Gravity::brief, "nothing is found that the waiver could be about", "take it out"},
    {"waiver-without-reason", k_family, Gravity::brief, "a waiver says why",
     "-- pgphase:allow RULE: why it does no harm here"},
    {"waiver-of-no-rule", k_family, Gravity::brief, "the waiver names a rule that does not exist", ""},
});

}  // namespace

std::span<const Rule> script_rules() {
  return k_rules;
}

const Rule* find_rule(std::string_view id) {
  for (const auto rules : {all_rules(), script_rules()}) {
    const auto found = std::find_if(rules.begin(), rules.end(), [id](const Rule& one) { return one.id == id; });
    if (found != rules.end()) return &*found;
  }
  return nullptr;
}

const Rule& script_rule(std::string_view id) {
  const auto* found = find_rule(id);
  if (!found) throw std::logic_error("there is no rule " + std::string(id));
  return *found;
}

}  // namespace pgphase
