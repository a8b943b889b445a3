#include "orchestrator/cli/purge_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <boost/json/array.hpp>

#include "orchestrator/cli/words.hpp"
#include "plans/base/units.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace json = boost::json;
using Kind = Verdict::Kind;

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::may_go:
      return "may_go";
    case Kind::too_young:
      return "retained";
    case Kind::in_the_way:
      return "in_the_way";
  }
  return "?";
}

std::string thing_line(const RetiredThing& thing, bool renamed) {
  const auto& record = thing.record;
  auto line = describe(thing);
  if (!thing.is_hidden()) return line + ": its definition";
  if (!thing.place) return fmt::format("{}: {} {}", line, record.hidden_as, renamed ? "went along with the table" : "is gone already");
  line += fmt::format(", kept as {}", record.hidden_as);
  if (thing.bytes > 0) line += fmt::format(", {}{}", record.kind == "table" ? "" : "about ", human_bytes(thing.bytes));
  return fmt::format("{}, retired {}", line, words::time(record.retired_at));
}

std::string name_before(const std::string& hidden, const std::vector<RetiredThing>& things) {
  for (const auto& thing : things) {
    if (thing.record.hidden_as == hidden) return thing.record.object;
  }
  return hidden;
}

// What keeping a link costs.
std::string link_line(const StoredLink& link, const std::vector<RetiredThing>& things) {
  std::vector<std::string> names;
  for (const auto* side : {&link.link.sources, &link.link.targets}) {
    for (const auto& column : *side) {
      // Of a column and its copy people know one name.
      const auto name = name_before(column.name, things);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return fmt::format("the triggers that keep {} of table {} in step at every write", fmt::join(names, ", "),
                     display_name(link.table));
}

std::string consequence(const PurgeCandidate& one) {
  const auto& id = one.plan.plan.id.value;
  if (one.verdict.forgets) {
    return fmt::format("values that were written into it are lost: the next `pgphase up {}` makes it anew", id);
  }
  std::vector<std::string> phases;
  for (const auto phase : one.verdict.seals) {
    if (!one.plan.plan[phase].steps.empty()) phases.emplace_back(pgphase::to_string(phase));
  }
  return fmt::format("{} of {} cannot be rolled back any more", fmt::join(phases, ", "), id);
}

void add(std::string& out, const std::string& line) {
  out += (out.empty() ? "" : "\n") + line;
}

void add_lines(std::string& out, const PurgeCandidate& one) {
  for (const auto& line : remains_lines(one.remains)) add(out, "    " + line);
}

}  // namespace

std::vector<std::string> remains_lines(const Remains& remains) {
  std::vector<std::string> lines;
  for (const auto& thing : remains.things) {
    lines.push_back(thing_line(thing, remains.renamed.has_value()));
    for (const auto& along : thing.goes_with) lines.push_back("  with it " + along);
  }
  for (const auto& link : remains.links_at_work()) lines.push_back(link_line(link, remains.things));
  return lines;
}

std::string purge_text(const std::vector<PurgeCandidate>& candidates, ServerTime now) {
  std::string out;
  bool first = true;
  for (const auto& one : candidates) {
    if (one.verdict.kind != Kind::may_go) continue;
    if (first) add(out, "to be dropped for good:");
    first = false;
    add(out, fmt::format("  {}, {}", one.plan.plan.id.value, one.verdict.forgets ? "rolled back" : "done"));
    add_lines(out, one);
    add(out, "    then " + consequence(one));
  }
  first = true;
  for (const auto& one : candidates) {
    if (one.verdict.kind == Kind::may_go) continue;
    if (first) add(out, "kept:");
    first = false;
    const auto left = std::chrono::ceil<std::chrono::seconds>(one.verdict.due - now);
    add(out, one.verdict.kind == Kind::in_the_way ? fmt::format("  {}: {}", one.plan.plan.id.value, one.verdict.why)
                                                  : fmt::format("  {} until {}, {} from now", one.plan.plan.id.value,
                                                                words::time(one.verdict.due), words::duration(left)));
    add_lines(out, one);
  }
  return out;
}

json::array purge_json(const std::vector<PurgeCandidate>& candidates) {
  json::array plans;
  for (const auto& one : candidates) {
    json::array things, seals, triggers;
    for (const auto& thing : one.remains.things) {
      things.push_back(json::object{{"kind", thing.record.kind},
                                    {"schema", thing.record.table.schema},
                                    {"table", thing.record.table.name},
                                    {"object", thing.record.object},
                                    {"hidden_as", thing.record.hidden_as},
                                    {"there", thing.place.has_value()},
                                    {"bytes", thing.bytes},
                                    {"retired_at", words::time(thing.record.retired_at)},
                                    {"goes_with", json::array(thing.goes_with.begin(), thing.goes_with.end())}});
    }
    for (const auto& link : one.remains.links_at_work()) triggers.emplace_back(display_name(link.table));
    for (const auto phase : one.verdict.seals) seals.emplace_back(pgphase::to_string(phase));
    plans.push_back(json::object{{"plan", one.plan.plan.id.value},
                                 {"verdict", to_string(one.verdict.kind)},
                                 {"due", words::time(one.verdict.due)},
                                 {"why", one.verdict.why},
                                 {"things", std::move(things)},
                                 {"in_step", std::move(triggers)},
                                 {"seals", std::move(seals)}});
  }
  return plans;
}

}  // namespace pgphase
