// change_type without `to`: the column keeps its name. A hidden column of the new type follows the old one; it gets
// twins of all that hangs on that, and in the constraint phase the two change places.
#include <fmt/format.h>

#include "plans/base/hidden_names.hpp"
#include "plans/changes/keys.hpp"
#include "plans/changes/linked.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class Retype : public Change {
 public:
  Retype(Position at, LinkColumnsBody link, RetypeBody body, std::vector<std::string> functions)
      : Change(at), link_(std::move(link)), body_(std::move(body)), functions_(std::move(functions)) {}

  void declare(PlanFacts& facts) const override {
    for (const auto& target : link_.targets) {
      facts.added.emplace(ColumnName{link_.table, target.name}, false);
      facts.filled.emplace(link_.table, target.name);
    }
  }

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    const auto label = fmt::format("{}.{}", display_name(link_.table), body_.column);
    sink.add(Phase::additive, linked::link_step(body_.link_step, link_), at());
    sink.add(Phase::backfill, linked::fill_step("fill " + label, body_.link_step, link_, functions_), at());
    sink.add(Phase::backfill, step("index " + label, RetypeBody::Part::twins), at());
    sink.add(Phase::constraint, step("change_type " + label, RetypeBody::Part::swap), at());
  }

 private:
  Step step(std::string name, RetypeBody::Part part) const {
    auto body = body_;
    body.part = part;
    Step out;
    out.name = std::move(name);
    out.body = std::move(body);
    out.touches = {link_.table};
    return out;
  }

  LinkColumnsBody link_;
  RetypeBody body_;
  std::vector<std::string> functions_;
};

std::string text_of(const std::optional<keys::Sql>& sql) {
  return sql ? sql->text : std::string();
}

}  // namespace

ChangePtr read_retype(TableReader& reader) {
  const auto before = reader.findings().size();
  RetypeBody body;
  body.table = keys::table(reader).value_or(TableName{});
  body.column = keys::identifier(reader, "column").value_or("");
  const auto type = keys::type(reader);
  if (type && type->parsed.serial())
    reader.error("type", fmt::format("`{}` numbers the rows by itself", type->sql), "use bigint");
  if (type) body.type = type->sql;

  LinkColumnsBody link;
  link.table = body.table;
  link.one_is_the_other = true;
  link.sources = {{body.column, "", "", quote_ident(body.column)}};
  const auto fill = keys::expression(reader, "fill");
  if (fill) linked::add_sources(reader, "fill", *fill, link);
  const auto down = keys::expression(reader, "down");
  body.fill = text_of(fill);
  body.down = text_of(down);
  if (down) link.sources.front().expression = down->text;
  const auto as_written = fill ? fill->text : quote_ident(body.column);
  link.targets = {{new_column_name(body.table, body.column), body.type, "", as_written, body.column}};
  linked::read_on_error(reader, link);
  if (const Value* value = reader.value("default")) {
    if (const auto parsed = keys::expression_or_literal(reader.findings(), *value, "default")) {
      body.default_sql = parsed->parsed.stands_bare ? parsed->text : "(" + parsed->text + ")";
    }
  }
  reader.refused("null_means", "nobody writes the new column before it takes the old one's place: a NULL is a NULL");
  reader.refused("nullable", "a column that keeps its name keeps its NOT NULL too: use set_not_null or drop_not_null");
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  body.link_step = fmt::format("change_type {}.{}", display_name(body.table), body.column);
  return std::make_unique<Retype>(reader.at(), std::move(link), std::move(body),
                                  fill ? fill->parsed.functions : std::vector<std::string>());
}

}  // namespace pgphase
