// add_column with `fill`: the column comes empty, with triggers that give every row written from then on its value; the
// backfill gives it to the rows that are there; in the constraint phase it gets its NOT NULL and its default, and
// stands for itself.
#include <fmt/format.h>

#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/changes/replacement.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {

ChangePtr read_add_filled_column(TableReader& reader) {
  const auto before = reader.findings().size();
  Replacement out;
  out.op = "add_column";
  out.last_step = "end_sync";
  out.link.table = keys::table(reader).value_or(TableName{});
  LinkedColumn target;
  target.name = keys::identifier(reader, "column").value_or("");
  const auto type = keys::type(reader);
  if (type && type->parsed.serial()) {
    reader.error("type", fmt::format("`{}` numbers the rows by itself, and `fill` gives them another value", type->sql),
                 "use bigint");
  }
  if (type) target.type = type->sql;
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
