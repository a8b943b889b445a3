// drop_not_null: in the additive phase, when code that can live with NULL is there or on its way.
#include <fmt/format.h>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

class DropNotNull : public Change {
 public:
  DropNotNull(Position at, DropNotNullBody body) : Change(at), body_(std::move(body)) {}

  void declare(PlanFacts&) const override {}

  void split(const PlanFacts&, StepSink& sink, Findings&) const override {
    Step step;
    step.name = fmt::format("drop_not_null {}.{}", display_name(body_.table), body_.column);
    step.body = body_;
    step.touches = {body_.table};
    sink.add(Phase::additive, std::move(step), at());
  }

 private:
  DropNotNullBody body_;
};

}  // namespace

ChangePtr read_drop_not_null(TableReader& reader) {
  const auto before = reader.findings().size();
  DropNotNullBody body;
  body.table = keys::table(reader).value_or(TableName{});
  body.column = keys::identifier(reader, "column").value_or("");
  if (const auto restore = keys::restore(reader)) body.restore = *restore;
  reader.finish();
  if (reader.findings().size() != before) return nullptr;
  return std::make_unique<DropNotNull>(reader.at(), std::move(body));
}

}  // namespace pgphase
