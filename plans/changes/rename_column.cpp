// rename_column: a copy under the new name is kept in step with the column, so that code may use either name. In the
// constraint phase the column itself takes the new name, with everything that hangs on it, and the copy is retired.
// docs/decisions/0005-a-renamed-column-is-the-old-one.md says why not the other way round.
#include <fmt/format.h>

#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/changes/replacement.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {

ChangePtr read_rename_column(TableReader& reader) {
  const auto before = reader.findings().size();
  Replacement out;
  out.op = "rename_column";
  out.last_step = "rename_column";
  out.link.table = keys::table(reader).value_or(TableName{});
  const auto from = keys::identifier(reader, "column").value_or("");
  const auto to = keys::identifier(reader, "to").value_or("");
  if (!from.empty() && from == to) reader.error("to", "the column has that name already");
  out.link.one_is_the_other = true;
  out.link.sources = {{from, "", "", quote_ident(to)}};
  out.link.targets = {{to, "", from, quote_ident(from)}};
  linked::read_null_means(reader, out.link);
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  out.label = fmt::format("{}.{}", display_name(out.link.table), from);
  out.retire = {to};
  out.rename = {{from, to}};
  return make_replacement(reader.at(), std::move(out));
}

}  // namespace pgphase
