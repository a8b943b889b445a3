// [[backfill]] with `set`: rows are changed in batches, each committed with its checkpoint. This file decides how the
// engine knows which rows are still to be done (docs/design/backfill.md), and whether the values that are overwritten
// have to be kept.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "plans/changes/change.hpp"
#include "plans/changes/keys.hpp"
#include "plans/changes/written.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

struct SetColumn {
  std::string name;
  keys::Sql value;
};

class Backfill : public Change {
 public:
  Backfill(Position at, std::string name, TableName table, std::vector<SetColumn> set,
           std::optional<keys::Sql> where, bool once, BackfillSpeed speed, written::Common common)
      : Change(at),
        name_(std::move(name)),
        table_(std::move(table)),
        set_(std::move(set)),
        where_(std::move(where)),
        once_(once),
        speed_(std::move(speed)),
        common_(std::move(common)) {}

  void declare(PlanFacts& facts) const override {
    for (const auto& column : set_) {
      if (!facts.filled.emplace(table_, column.name).second) facts.filled_again.emplace(table_, column.name);
    }
  }

  void split(const PlanFacts& facts, StepSink& sink, Findings& findings) const override {
    tell_of_reading_itself(findings);
    BackfillBody body;
    body.table = table_;
    for (const auto& column : set_) {
      body.set.push_back({column.name, column.value.text});
      for (const auto& function : column.value.parsed.functions) {
        if (std::find(body.functions.begin(), body.functions.end(), function) == body.functions.end()) {
          body.functions.push_back(function);
        }
      }
    }
    if (where_) body.where = where_->text;
    body.todo = todo(facts);
    body.speed = speed_;
    body.undo = common_.undo();
    if (auto room = room_for_old_values(facts)) {
      body.keep_step = room->name;
      sink.add(Phase::backfill, std::move(*room), at());
    }
    Step step;
    step.name = name_;
    step.body = std::move(body);
    step.irreversible = common_.irreversible;
    step.verify = common_.verify;
    step.touches = {table_};
    step.allow = common_.allow;
    sink.by_hand(Phase::backfill, name_, {{}, written::places_of(common_.rollback, findings)});
    sink.add(Phase::backfill, std::move(step), at());
  }

 private:
  // By a query: rows that other batches set.
  void tell_of_reading_itself(Findings& findings) const {
    const auto reads_itself = [this](const Expression& one) {
      return std::find(one.tables.begin(), one.tables.end(), table_) != one.tables.end() && reads_what_is_set(one);
    };
    const bool values = std::any_of(set_.begin(), set_.end(),
                                    [&](const SetColumn& column) { return reads_itself(column.value.parsed); });
    const bool chosen = where_ && reads_itself(where_->parsed);
    if (!values && !chosen) return;
    findings.add_about(at(), Severity::warning, "backfill-reads-itself",
                       fmt::format("{} reads rows of {} that it sets: each batch sees what those before it have written",
                                   values ? "a new value" : "`where`", display_name(table_)),
                       "write the result of the query into a column of its own first, and set from that");
  }

  bool all_added_empty(const PlanFacts& facts) const {
    // What another backfill has filled is not empty any more, and none the less to be set by this one.
    return std::all_of(set_.begin(), set_.end(), [&](const SetColumn& column) {
      return facts.added_empty(table_, column.name) && !facts.filled_again.contains({table_, column.name});
    });
  }

  // Values that may have been there before are kept, unless the author says how to bring them back, or that nobody
  // needs them.
  std::optional<Step> room_for_old_values(const PlanFacts& facts) const {
    if (!common_.rollback.empty() || common_.irreversible) return std::nullopt;
    KeepOldBody body;
    body.table = table_;
    for (const auto& column : set_) {
      if (!facts.added_empty(table_, column.name)) body.columns.push_back(column.name);
    }
    if (body.columns.empty()) return std::nullopt;
    Step step;
    step.name = fmt::format("keep what {} overwrites", name_);
    step.body = std::move(body);
    step.touches = {table_};
    return step;
  }

  Todo todo(const PlanFacts& facts) const {
    if (once_) return Todo::marker;
    if (where_ && ends_by_itself(where_->parsed)) return Todo::where;
    if (!where_ && facts.complete && all_added_empty(facts)) return Todo::fill_empty;
    return std::any_of(set_.begin(), set_.end(), [&](const SetColumn& column) { return applies_once(column); })
               ? Todo::marker
               : Todo::differs;
  }

  // May `where` become false by what is set? One that reads none of it says the same afterwards, and another way is
  // needed to tell the rows that are done. A query in it may read the very table.
  bool ends_by_itself(const Expression& where) const {
    return where.reads_whole_row || !where.tables.empty() || reads_what_is_set(where);
  }

  // A name that is the table's own is the whole row.
  bool reads_what_is_set(const Expression& parsed) const {
    return std::any_of(parsed.columns.begin(), parsed.columns.end(), [&](const std::string& read) {
      return read == table_.name ||
             std::any_of(set_.begin(), set_.end(), [&](const SetColumn& s) { return s.name == read; });
    });
  }

  // True where a second application would give another value than the first, so that comparing cannot tell what is
  // done: the expression reads what the backfill sets, or is never the same twice.
  bool applies_once(const SetColumn& column) const {
    const Expression& parsed = column.value.parsed;
    if (parsed.reads_whole_row || parsed.reads_clock) return true;
    for (const auto& function : parsed.functions) {
      if (known_volatile(function) || differs_by_transaction(function)) return true;
    }
    return reads_what_is_set(parsed);
  }

  std::string name_;
  TableName table_;
  std::vector<SetColumn> set_;
  std::optional<keys::Sql> where_;
  bool once_;
  BackfillSpeed speed_;
  written::Common common_;
};

std::vector<SetColumn> read_set(TableReader& reader) {
  std::vector<SetColumn> out;
  const Table* set = reader.table("set");
  if (!set) return out;
  if (set->entries.empty()) reader.error("set", "`set` is empty: it names each column and its new value");
  for (const Entry& entry : set->entries) {
    keys::check_identifier(reader.findings(), entry.at, "set", entry.key);
    if (auto value = keys::expression_or_literal(reader.findings(), entry.value, "set." + entry.key)) {
      out.push_back({entry.key, std::move(*value)});
    }
  }
  return out;
}

void refuse_unbuilt(TableReader& reader) {
  reader.not_built("sync",
                   "give new rows their value by a DEFAULT, set in an [[additive]] step after the column was added");
  reader.not_built("triggers", "leave it out: the table's own triggers fire");
  for (const char* key : {"fill", "on_error", "null_means"}) {
    reader.not_built(key, "say it in the expressions of `set` and in `where`");
  }
}

template <class T>
std::optional<T> in_range(TableReader& reader, const char* key, std::optional<T> value, T least, T most,
                          const char* range) {
  if (value && (*value < least || *value > most)) {
    reader.error(key, fmt::format("`{}` is out of range: not between {}", key, range));
  }
  return value;
}

void read_stripes(TableReader& reader, BackfillSpeed& speed) {
  const Value* value = reader.value("stripes");
  if (!value) return;
  if (const auto* count = std::get_if<std::int64_t>(&value->data)) {
    if (*count >= 1 && *count <= 16) speed.stripes = std::to_string(*count);
  } else if (const auto* word = std::get_if<std::string>(&value->data); word && *word == "auto") {
    speed.stripes = *word;
  }
  if (!speed.stripes) reader.error("stripes", "`stripes` is \"auto\", or a number between 1 and 16");
}

BackfillSpeed read_speed(TableReader& reader) {
  using std::chrono::milliseconds;
  BackfillSpeed speed;
  if (const auto workers = in_range<std::int64_t>(reader, "workers", reader.integer("workers"), 1, 64, "1 and 64")) {
    speed.workers = static_cast<int>(*workers);
  }
  speed.batch_time = in_range(reader, "batch_time", reader.duration("batch_time"), milliseconds(1),
                              milliseconds(std::chrono::minutes(1)), "1ms and 1m");
  speed.scan = reader.string("scan");
  if (speed.scan && *speed.scan != "auto" && *speed.scan != "physical" && *speed.scan != "index") {
    reader.error("scan", "`scan` is \"auto\", \"physical\" or \"index\"");
  }
  read_stripes(reader, speed);
  speed.max_bad_rows = in_range<std::int64_t>(reader, "max_bad_rows", reader.integer("max_bad_rows"), 0, 1'000'000,
                                              "0 and 1000000");
  return speed;
}

}  // namespace

ChangePtr read_backfill(TableReader& reader) {
  Findings& findings = reader.findings();
  const auto before = findings.size();
  refuse_unbuilt(reader);
  if (reader.has("sql")) {
    for (const char* key :
         {"set", "where", "once", "table", "schema", "workers", "batch_time", "scan", "stripes", "max_bad_rows"}) {
      reader.refused(key,
                     fmt::format("a [[backfill]] step has `sql` alone, or `table`, `set` and `where`; this one has "
                                 "`sql` and `{}`",
                                 key));
    }
    auto written_step = read_written_sql(reader, Phase::backfill);
    return findings.size() == before ? std::move(written_step) : nullptr;
  }
  const auto name = written::read_name(reader);
  const auto table = keys::table(reader);
  if (!reader.has("set")) {
    reader.missing("set");
  }
  auto set = read_set(reader);
  auto where = keys::expression(reader, "where");
  const bool once = reader.boolean("once").value_or(false);
  auto speed = read_speed(reader);
  auto common = written::read_common(reader);
  reader.finish();
  if (findings.size() != before) return nullptr;
  return std::make_unique<Backfill>(reader.at(), *name, *table, std::move(set), std::move(where), once,
                                    std::move(speed), std::move(common));
}

}  // namespace pgphase
