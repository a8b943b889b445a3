// change_type: a new column of the new type is kept in step with the old one, which is retired in the constraint phase.
// With `to` it has a name of its own, and code may use either meanwhile; without, it takes the old one's in the end,
// with all that hangs on that (retype.cpp).
#include <fmt/format.h>

#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/changes/replacement.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {

ChangePtr read_change_type(TableReader& reader) {
  if (!reader.has("to")) return read_retype(reader);
  const auto before = reader.findings().size();
  Replacement out;
  out.op = "change_type";
  out.link.table = keys::table(reader).value_or(TableName{});
  const auto column = keys::identifier(reader, "column").value_or("");
  LinkedColumn target;
  target.name = keys::identifier(reader, "to").value_or("");
  if (!column.empty() && column == target.name) {
    reader.error("to", "the new column has to have a name of its own",
                 "leave `to` away: then the column keeps its name");
  }
  const auto type = keys::type(reader);
  if (type && type->parsed.serial())
    reader.error("type", fmt::format("`{}` numbers the rows by itself", type->sql), "use bigint");
  if (type) target.type = type->sql;
  out.link.one_is_the_other = true;
  out.link.sources = {{column, "", "", quote_ident(target.name)}};
  target.expression = quote_ident(column);
  read_fill(reader, out, target);
  out.link.targets = {target};
  linked::read_manner(reader, out.link);
  linked::read_down(reader, out.link, true);
  read_final(reader, out, target.name);
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  out.label = fmt::format("{}.{}", display_name(out.link.table), column);
  out.retire = {column};
  return make_replacement(reader.at(), std::move(out));
}

}  // namespace pgphase
