#include "phases/sync/new_columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "phases/postgres/one_row.hpp"
#include "phases/postgres/row_security.hpp"
#include "phases/retire/step_change.hpp"
#include "phases/sync/order.hpp"
#include "phases/sync/rights.hpp"
#include "phases/sync/sources.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

// The targets have yet to take the places of their sources: nobody writes them, they follow.
bool takes_the_place(const LinkColumnsBody& body) {
  return !body.targets.front().called.empty();
}

// An assignment to varchar(n) cuts off spaces that are too many: two values would become one, and what is unique on the
// old column would refuse the second one, which the new column has taken.
std::string way_back(const LinkColumnsBody& body, const LinkedColumn& source, const KnownColumn& known) {
  if (!takes_the_place(body) || known.longest == 0 || source.expression != quote_ident(source.name)) {
    return source.expression;
  }
  return fmt::format("CASE WHEN pg_catalog.length(({0})::pg_catalog.text) <= {1} THEN {0} END", source.expression,
                     known.longest);
}

bool says_collate(const std::string& type) {
  std::string small = type;
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return small.find("collate") != std::string::npos;
}

// A column that keeps its name keeps its collation, where the new type has any.
Result<std::string> collation_kept(Session& session, const LinkColumnsBody& body, const std::string& oid,
                                   const std::string& type) {
  // A type with a COLLATE of its own is the author's choice, and none that the server finds by its name.
  if (!takes_the_place(body) || says_collate(type)) return std::string();
  PGPHASE_TRY(known, known_column(session, oid, body.sources.front().name));
  if (!known || known->collation.empty()) return std::string();
  PGPHASE_TRY(
      has_any,
      session.query("SELECT EXISTS (SELECT FROM pg_type WHERE oid = to_regtype($1) AND typcollation <> 0)", {type}));
  return has_any[0].boolean(0) ? known->collation : std::string();
}

// A parent's triggers do not fire for the rows of its heirs, and a column of an heir or a partition cannot come and go
// by itself.
Result<std::vector<std::string>> obstacles_among_relatives(Session& session, const TableName& table,
                                                           const std::string& oid) {
  PGPHASE_TRY(
      rows,
      session.query("SELECT 1, i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent "
                    " WHERE i.inhparent = $1 AND c.relkind = 'r' "
                    "UNION ALL SELECT CASE WHEN c.relispartition THEN 2 ELSE 3 END, i.inhparent::regclass::text "
                    "  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhrelid = $1 ORDER BY 1, 2",
                    {oid}));
  std::vector<std::string> sentences;
  for (const auto& row : rows) {
    const auto name = display_name(table);
    sentences.push_back(
        row.integer(0) == 1
            ? fmt::format("table {} inherits from {}, whose triggers do not fire for its rows: they would not "
                          "be kept in step; instead, add the column bare and keep it in step by triggers of "
                          "your own on each table",
                          row.text(1), name)
        : row.integer(0) == 2
            ? fmt::format("{} is a partition of {}; instead, name that table", name, row.text(1))
            : fmt::format("{} inherits from {}, which shows its rows; instead, add the column bare and keep "
                          "it in step by triggers of your own",
                          name, row.text(1)));
  }
  return sentences;
}

// The trigger must not be the first to find a typo: every write of the application would fail then. Asked as a condition,
// because one row has one value (phases/postgres/one_row.hpp).
// In a transaction of its own, so that no lock of it is left when the strong one is asked for.
Result<void> compile(Session& session, const std::string& doing, const LinkColumnsBody& body, const NewColumns& with) {
  std::string up, down, fresh, renamed;
  for (std::size_t i = 0; i < body.targets.size(); ++i) {
    const auto& target = body.targets[i];
    up += fmt::format("{}({}\n)", i ? ", " : "", target.expression);
    const auto value =
        fmt::format("NULL::{} AS {}", with.types[i], quote_ident(target.called.empty() ? target.name : target.called));
    if (target.called.empty()) {
      fresh += ", " + value;
    } else {
      renamed += (renamed.empty() ? "" : ", ") + value;
    }
  }
  for (const auto& source : body.sources) {
    if (!source.expression.empty()) down += fmt::format("{}({}\n)", down.empty() ? "" : ", ", source.expression);
  }
  const auto table = qualified(body.table), alias = quote_ident(body.table.name);
  std::vector<std::string> questions{
      fmt::format("EXPLAIN SELECT FROM {1} AS {2} WHERE ROW({0}) IS NULL", up, table, alias)};
  if (!down.empty()) {
    // As the trigger's function sees it: a column that goes by another's name hides that one.
    auto condition = fmt::format("ROW({}) IS NULL", down);
    if (!renamed.empty()) {
      condition = fmt::format("EXISTS (SELECT FROM (SELECT {}) AS {} WHERE {})", renamed, alias, condition);
    }
    questions.push_back(fmt::format("EXPLAIN SELECT FROM (SELECT {2}.*{3} FROM {1} AS {2}) AS {2} WHERE {0}", condition,
                                    table, alias, fresh));
  }
  for (const auto& question : questions) {
    auto planned = session.query(question);
    if (planned) continue;
    auto error = planned.error();
    if (error.code != Errc::sql) return error;
    error.code = Errc::step_failed;
    error.message = fmt::format("{}: an expression of the plan is not possible: {}", doing, about_one_row(error.message));
    error.next = "Nothing was changed. Correct the plan, then run `pgphase up` again.";
    return error;
  }
  return {};
}

}  // namespace

std::string describe(const LinkColumnsBody& body) {
  std::vector<std::string> names;
  for (const auto& target : body.targets) names.push_back(target.name);
  return fmt::format("{} {} of table {}", names.size() == 1 ? "column" : "columns", fmt::join(names, ", "),
                     display_name(body.table));
}

std::string origin_of(const LinkColumnsBody& body) {
  std::string text;
  for (const auto* side : {&body.targets, &body.sources}) {
    for (const auto& column : *side) {
      text += fmt::format("{} {} = {}; ", quote_ident(column.name), column.type.empty() ? column.like : column.type,
                          column.expression);
    }
  }
  return text;
}

SyncLink::Flow flow_of(const LinkColumnsBody& body) {
  return takes_the_place(body) ? SyncLink::Flow::to_targets : SyncLink::Flow::both;
}

Result<NewColumns> new_columns_of(Session& session, const std::string& doing, const LinkColumnsBody& body,
                                  const std::string& oid) {
  NewColumns out;
  const auto missing = [&](const std::string& column) {
    return make_error(Errc::step_failed,
                      fmt::format("{}: table {} has no column {}", doing, display_name(body.table), column),
                      "Nothing was changed.");
  };
  PGPHASE_TRY(hidden, row_security_in_the_way(session, body.table));
  if (hidden)
    return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, *hidden), "Nothing was changed.");
  PGPHASE_TRY(refused, refused_sources(session, body, oid));
  if (!refused.empty()) {
    return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, refused.front().why),
                      fmt::format("Nothing was changed. Instead, {}.", refused.front().instead));
  }
  PGPHASE_TRY(relatives, obstacles_among_relatives(session, body.table, oid));
  if (!relatives.empty()) {
    return make_error(Errc::refused, fmt::format("{} is refused: {}", doing, fmt::join(relatives, "; ")),
                      "Nothing was changed.");
  }
  for (const auto& source : body.sources) {
    PGPHASE_TRY(known, known_column(session, oid, source.name));
    if (!known) return missing(source.name);
    SyncColumn column{source.name, known->type, way_back(body, source, *known), known->default_sql};
    column.required = known->required;
    out.sources.push_back(std::move(column));
  }
  for (const auto& target : body.targets) {
    if (!target.type.empty()) {
      PGPHASE_TRY(collation, collation_kept(session, body, oid, target.type));
      out.types.push_back(target.type + collation);
      continue;
    }
    PGPHASE_TRY(known, known_column(session, oid, target.like));
    if (!known) return missing(target.like);
    out.types.push_back(known->type + known->collation);
  }
  PGPHASE_CHECK(compile(session, doing, body, out));
  return out;
}

Result<std::vector<std::string>> what_writers_would_meet(Session& session, const LinkColumnsBody& body) {
  PGPHASE_TRY(sentences, rights_that_writers_lack(session, body));
  PGPHASE_TRY(strays, stray_triggers(session, body.table));
  for (const auto& one : strays) sentences.push_back(fmt::format("{}; `{}` puts it between", one.sentence, one.rename));
  return std::move(sentences);
}

Result<void> expressions_compile(Session& session, const LinkColumnsBody& body) {
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return {};
  auto needed = body.sources;
  for (const auto& target : body.targets) {
    if (!target.like.empty()) needed.push_back({target.like, {}, {}, {}});
    PGPHASE_TRY(taken, known_column(session, *oid, target.name));
    if (taken) return {};
  }
  for (const auto& one : needed) {
    PGPHASE_TRY(known, known_column(session, *oid, one.name));
    if (!known) return {};
  }
  PGPHASE_TRY(refused, refused_sources(session, body, *oid));
  if (!refused.empty()) return {};
  const auto doing = "adding " + describe(body);
  PGPHASE_TRY(possible, new_columns_of(session, doing, body, *oid));
  static_cast<void>(possible);
  return {};
}

Result<std::vector<std::string>> obstacles_to_linking(Session& session, const LinkColumnsBody& body) {
  std::vector<std::string> sentences;
  PGPHASE_TRY(oid, table_oid(session, body.table));
  if (!oid) return sentences;
  PGPHASE_TRY(relatives, obstacles_among_relatives(session, body.table, *oid));
  sentences.insert(sentences.end(), relatives.begin(), relatives.end());
  PGPHASE_TRY(refused, refused_sources(session, body, *oid));
  for (const auto& one : refused) sentences.push_back(fmt::format("{}; instead, {}", one.why, one.instead));
  PGPHASE_TRY(met, what_writers_would_meet(session, body));
  sentences.insert(sentences.end(), met.begin(), met.end());
  return sentences;
}

}  // namespace pgphase
