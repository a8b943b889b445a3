#include <array>

#include "plans/effects/rules/rules.hpp"

namespace pgphase::effects {
namespace {

constexpr std::string_view k_family = "objects";

constexpr auto k_rules = std::to_array<Rule>({
    {"create-trigger", k_family, Gravity::brief,
     "writers wait for a moment; each of their writes runs the function from then on", ""},
    {"drop-trigger", k_family, Gravity::brief, "readers and writers wait for a moment", ""},
    {"rename-trigger", k_family, Gravity::brief, "readers and writers wait for a moment", ""},
    {"trigger-depends", k_family, Gravity::brief, "reads and writes go on", ""},
    {"enable-trigger", k_family, Gravity::brief, "writers wait for a moment", ""},
    {"disable-trigger", k_family, Gravity::brief, "writers wait for a moment; their writes run its function no more", ""},
    {"disable-all-triggers", k_family, Gravity::spoils,
     "no trigger runs for whoever writes, so that what they keep right goes wrong; with ALL foreign keys are checked no "
     "more",
     "name the trigger"},
    {"create-rule", k_family, Gravity::brief,
     "readers and writers wait for a moment; each query is more than one from then on", "a trigger"},
    {"create-rule-instead", k_family, Gravity::breaks,
     "what applications write is not done as they say, or not at all, from then on", "a trigger"},
    {"enable-rule", k_family, Gravity::brief, "readers and writers wait for a moment", ""},
    {"policy", k_family, Gravity::brief, "readers and writers wait for a moment; they may see more rows than before", ""},
    {"policy-restrictive", k_family, Gravity::breaks,
     "where row security is on, rows that do not meet it are hidden from then on", ""},
    {"drop-policy", k_family, Gravity::breaks,
     "where row security is on, rows that only this policy shows are hidden from then on", "create its successor first"},
    {"alter-policy", k_family, Gravity::breaks, "where row security is on, other rows are seen from then on", ""},
    {"create-statistics", k_family, Gravity::brief, "reads and writes go on", ""},
    {"alter-statistics", k_family, Gravity::brief, "no table is locked", ""},
    {"drop-statistics", k_family, Gravity::brief, "reads and writes go on", ""},
    {"comment", k_family, Gravity::brief, "reads and writes go on", ""},
    {"publish-without-key", k_family, Gravity::breaks,
     "a published table without a primary key or a replica identity refuses UPDATE and DELETE",
     "REPLICA IDENTITY FULL, or a key, first"},
    {"publish-key-unknown", k_family, Gravity::breaks,
     "where a published table has neither a primary key nor a replica identity, UPDATE and DELETE fail from then on",
     "REPLICA IDENTITY FULL, or a key, first"},
    {"publication", k_family, Gravity::brief, "reads and writes go on", ""},
    {"grant", k_family, Gravity::brief, "no table is locked", ""},
    {"revoke", k_family, Gravity::breaks, "whoever goes by these rights is refused from then on", ""},
    {"create-view", k_family, Gravity::brief, "nobody knows the new view yet", ""},
    {"replace-view", k_family, Gravity::brief, "readers of the view wait for a moment", ""},
    {"view-rights", k_family, Gravity::breaks, "from then on the view asks for other rights than before",
     "grant them first", "", "15 has security_invoker first", 15},
    {"rename-view", k_family, Gravity::breaks, "whoever knows the old name fails from then on", ""},
    {"drop-view", k_family, Gravity::breaks, "readers of the view fail from then on", ""},
    {"drop-materialized-view", k_family, Gravity::breaks, "readers of the view fail from then on", ""},
    {"refresh", k_family, Gravity::slow, "readers of the view wait for as long as its query takes",
     "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"},
    {"refresh-concurrently", k_family, Gravity::brief, "readers go on; only one can run at a time", ""},
    {"create-sequence", k_family, Gravity::brief, "nobody knows the new sequence yet", ""},
    {"alter-sequence", k_family, Gravity::brief, "whoever wants the next number waits for a moment", ""},
    {"restart-sequence", k_family, Gravity::spoils,
     "numbers that were given are given again: inserts fail on the key, or write a number twice",
     "RESTART WITH a number above the greatest"},
    {"restart-sequence-at", k_family, Gravity::spoils,
     "if numbers above the new start were given, they are given again: inserts fail on the key, or write a number twice",
     "RESTART WITH a number above the greatest"},
    {"set-sequence", k_family, Gravity::brief, "no table is locked; whoever wants the next number goes on from there", ""},
    {"drop-sequence", k_family, Gravity::loses, "where the sequence stood is lost", ""},
    {"add-enum-value", k_family, Gravity::brief,
     "no table is locked; the value can be used when the transaction has committed, and "
     "nothing takes it away again",
     "a step of its own"},
    {"rename-enum-value", k_family, Gravity::breaks,
     "no table is locked; code that writes the old name fails from then on",
     "add the new value, change the rows, and keep the old one"},
    {"create-definition", k_family, Gravity::brief, "no table is locked", ""},
    {"replace-function", k_family, Gravity::brief, "no table is locked; who calls it runs the new body from then on",
     ""},
    {"rename-definition", k_family, Gravity::breaks, "whoever knows the old name fails from then on", ""},
    {"drop-helper", k_family, Gravity::brief,
     "no statement of an application names it; of a publication, subscribers get nothing from then on", ""},
    {"drop-definition", k_family, Gravity::breaks, "whoever uses it fails from then on", ""},
});

}  // namespace

std::span<const Rule> object_rules() {
  return k_rules;
}

}  // namespace pgphase::effects
