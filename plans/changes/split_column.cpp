// split_column: several new columns are made of one and kept in step with it, which is retired in the constraint phase.
#include <fmt/format.h>

#include <set>

#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/changes/replacement.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

void read_part(const Table& table, Replacement& out, std::set<std::string>& names, Findings& findings) {
  TableReader reader(table, "split_column.into", findings);
  LinkedColumn target;
  target.name = keys::identifier(reader, "column").value_or("");
  if (!target.name.empty() && !names.insert(target.name).second) {
    reader.error("column", fmt::format("`into` has {} twice", target.name));
  }
  if (const auto type = keys::type(reader)) target.type = type->sql;
  if (!reader.has("fill")) reader.missing("fill");
  read_fill(reader, out, target);
  read_final(reader, out, target.name);
  reader.finish();
  out.link.targets.push_back(std::move(target));
}

}  // namespace

ChangePtr read_split_column(TableReader& reader) {
  const auto before = reader.findings().size();
  Replacement out;
  out.op = "split_column";
  out.link.table = keys::table(reader).value_or(TableName{});
  const auto column = keys::identifier(reader, "column").value_or("");
  out.link.sources = {{column, "", "", ""}};
  std::set<std::string> names{column};
  const auto parts = reader.tables("into");
  if (!reader.has("into")) {
    reader.missing("into");
  } else if (parts.size() < 2 && reader.findings().size() == before) {
    reader.error("into", "a column is split into two at least", "for one new column there is change_type");
  }
  for (const auto* part : parts) read_part(*part, out, names, reader.findings());
  linked::read_manner(reader, out.link);
  linked::read_down(reader, out.link, true);
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  out.label = fmt::format("{}.{}", display_name(out.link.table), column);
  out.retire = {column};
  return make_replacement(reader.at(), std::move(out));
}

}  // namespace pgphase
