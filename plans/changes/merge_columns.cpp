// merge_columns: one new column is made of several and kept in step with them, which are retired in the constraint
// phase.
#include <fmt/format.h>

#include <algorithm>

#include "plans/changes/constraints.hpp"
#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/changes/replacement.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {

ChangePtr read_merge_columns(TableReader& reader) {
  const auto before = reader.findings().size();
  Replacement out;
  out.op = "merge_columns";
  out.link.table = keys::table(reader).value_or(TableName{});
  out.retire = constraints::read_columns(reader, "columns");
  for (const auto& column : out.retire) out.link.sources.push_back({column, "", "", ""});
  LinkedColumn target;
  target.name = keys::identifier(reader, "into").value_or("");
  if (std::find(out.retire.begin(), out.retire.end(), target.name) != out.retire.end()) {
    reader.error("into", "the new column has to have a name of its own");
  }
  if (const auto type = keys::type(reader)) target.type = type->sql;
  if (!reader.has("fill")) reader.missing("fill");
  read_fill(reader, out, target);
  out.link.targets = {target};
  linked::read_manner(reader, out.link);
  linked::read_down(reader, out.link);
  read_final(reader, out, target.name);
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  out.label = fmt::format("{}.{}", display_name(out.link.table), target.name);
  return make_replacement(reader.at(), std::move(out));
}

}  // namespace pgphase
